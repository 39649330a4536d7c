import CTimmyBot

/// A plugin's `cancel`: given a task that nobody waits for any more.
typealias InstanceHint = @Sendable (UnsafeMutableRawPointer?, tb_task) -> Void

func instanceHint(_ cancel: (@convention(c) (UnsafeMutableRawPointer?, tb_task) -> Void)?) -> InstanceHint? {
    guard let cancel else { return nil }
    return { cancel($0, $1) }
}

/// What calls need to know of what is loaded: the only places outside of loading that read `state`.
extension PluginHost {
    /// Sorted by id.
    var instances: [PluginInstance] { state.withLock { $0.instances.values.sorted { $0.id < $1.id } } }
    func command(_ name: String) -> PluginCommand? { state.withLock { $0.commands[name] } }
    /// Slash commands of all plugins, sorted by name.
    public var commands: [PluginCommand] { state.withLock { $0.commands.values.sorted { $0.name < $1.name } } }
}

extension PluginHost {
    /// Runs one call on a plugin's lane behind its breaker, and counts it.
    func run(
        _ instance: PluginInstance, _ kind: TaskKind, deadline: Duration, channel: (any AnswerChannel)? = nil,
        hint: InstanceHint? = nil,
        _ body: @escaping @Sendable (UnsafeMutableRawPointer?, tb_task) -> tb_status
    ) async -> TaskOutcome {
        let use: PluginUse
        do throws(PluginFailure) { use = try admit(instance) } catch {
            ledger.refused(instance.id)
            return .failed(error)
        }
        defer { use.end() }
        let isTrial = instance.trial.withLock { $0?.admit(now: now) } ?? false
        let tell = hint.map { hint in { @Sendable (task: tb_task) in instance.give(hint, task) } }
        let outcome = await tasks.run(kind, owner: instance.id, deadline: deadline, channel: channel, hint: tell) {
            task in
            use.call(task, "\(kind)") { body($0, task) }
        }
        judge(use, outcome, isTrial: isTrial)
        // To who asked, it is one more failure.
        if case .overdue(let failure) = outcome { return .failed(failure) }
        return outcome
    }

    /// A plugin's current version and one of its tables.
    func bound<Table>(
        _ id: String, _ name: String, as type: Table.Type
    ) throws(PluginFailure) -> (instance: PluginInstance, table: UnsafePointer<Table>) {
        guard let instance = current(id), let table = instance.extensionTable(name, as: type) else {
            throw PluginFailure(code: TB_E_UNAVAILABLE, detail: "\(id) does not offer \(name) any more")
        }
        return (instance, table)
    }

    /// What the requests of each plugin did, by its id.
    public var httpMetrics: [String: HTTPMetrics] { services.http.metrics() }

    /// What plugins count and measure themselves, sorted by plugin and name.
    public var metrics: [PluginMetric] { services.metrics.all }

    /// How the plugins that are loaded are doing, sorted by id.
    public var statuses: [PluginStatus] {
        conditions.map { PluginStatus(condition: $0, counters: ledger.counters(of: $0.id)) }
    }
}
