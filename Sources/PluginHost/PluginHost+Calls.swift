import CTimmyBot

/// What calls need to know of what is loaded: the only places outside of loading that read `state`.
extension PluginHost {
    func instance(_ id: String) -> PluginInstance? { state.withLock { $0.instances[id] } }
    /// Sorted by id.
    var instances: [PluginInstance] { state.withLock { $0.instances.values.sorted { $0.id < $1.id } } }
    func command(_ name: String) -> PluginCommand? { state.withLock { $0.commands[name] } }
    /// Slash commands of all plugins, sorted by name.
    public var commands: [PluginCommand] { state.withLock { $0.commands.values.sorted { $0.name < $1.name } } }
}

extension PluginHost {
    private var now: Double { started.duration(to: .now) / .seconds(1) }

    /// Runs one call on a plugin's lane behind its breaker.
    func run(
        _ instance: PluginInstance, _ kind: TaskKind, deadline: Duration,
        _ body: @escaping @Sendable (UnsafeMutableRawPointer?, tb_task) -> tb_status
    ) async -> TaskOutcome {
        guard !instance.breaker.withLock({ $0.isOpen(now: now) }) else {
            return .failed(
                PluginFailure(code: TB_E_UNAVAILABLE, detail: "\(instance.id) is resting after repeated failures"))
        }
        let outcome = await tasks.run(kind, owner: instance.id, deadline: deadline) { task in
            instance.call(task) { body($0, task) }
        }
        if case .failed(let failure) = outcome, [TB_E_TIMEOUT, TB_E_INTERNAL, TB_E_INVALID].contains(failure.code) {
            instance.breaker.withLock { $0.failed(now: now) }
            instance.log(TB_LOG_WARNING, failure.detail)
        } else {
            instance.breaker.withLock { $0.succeeded() }
        }
        return outcome
    }
}
