import CTimmyBot

/// A plugin's `cancel`: given a task that nobody waits for any more.
typealias InstanceHint = @Sendable (UnsafeMutableRawPointer?, tb_task) -> Void

func instanceHint(_ cancel: (@convention(c) (UnsafeMutableRawPointer?, tb_task) -> Void)?) -> InstanceHint? {
    guard let cancel else { return nil }
    return { cancel($0, $1) }
}

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

    /// Runs one call on a plugin's lane behind its breaker, and counts it.
    func run(
        _ instance: PluginInstance, _ kind: TaskKind, deadline: Duration, channel: (any AnswerChannel)? = nil,
        hint: InstanceHint? = nil,
        _ body: @escaping @Sendable (UnsafeMutableRawPointer?, tb_task) -> tb_status
    ) async -> TaskOutcome {
        guard !instance.breaker.withLock({ $0.isOpen(now: now) }) else {
            ledger.refused(instance.id)
            return .failed(
                PluginFailure(code: TB_E_UNAVAILABLE, detail: "\(instance.id) is resting after repeated failures"))
        }
        let tell = hint.map { hint in { @Sendable (task: tb_task) in hint(instance.created, task) } }
        let outcome = await tasks.run(kind, owner: instance.id, deadline: deadline, channel: channel, hint: tell) {
            task in
            instance.call(task) { body($0, task) }
        }
        judge(outcome, instance)
        return outcome
    }

    private func judge(_ outcome: TaskOutcome, _ instance: PluginInstance) {
        guard case .failed(let failure) = outcome else {
            ledger.answered(instance.id)
            return instance.breaker.withLock { $0.succeeded() }
        }
        // Nobody waited for it any more: that says nothing about the plugin.
        if failure.code == TB_E_CANCELLED { return ledger.answered(instance.id) }
        guard [TB_E_TIMEOUT, TB_E_INTERNAL, TB_E_INVALID].contains(failure.code) else {
            ledger.answered(instance.id)
            return instance.breaker.withLock { $0.succeeded() }
        }
        ledger.failed(instance.id, failure)
        instance.breaker.withLock { $0.failed(now: now) }
        instance.log(TB_LOG_WARNING, failure.detail)
    }

    /// What plugins count and measure themselves, sorted by plugin and name.
    public var metrics: [PluginMetric] { services.metrics.all }

    /// How the plugins that are loaded are doing, sorted by id.
    public var statuses: [PluginStatus] {
        instances.map { instance in
            PluginStatus(
                id: instance.id, version: instance.manifest.version,
                isResting: instance.breaker.withLock { $0.isOpen(now: now) },
                openTasks: tasks.openCount(of: instance.id), lateAnswers: tasks.lateCount(of: instance.id),
                counters: ledger.counters(of: instance.id))
        }
    }
}
