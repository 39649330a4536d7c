/// How a loaded plugin does: for `/plugins`, the metrics and `timmybot plugin list`.
public struct PluginCondition: Sendable, Equatable, Codable {
    public enum State: String, Sendable, Codable {
        case running
        /// Its breaker is open: nothing is asked of it.
        case resting
        /// One call is let through to see how it goes.
        case probing
        /// All its threads hang.
        case stuck
    }

    public let id, version: String
    public let state: State
    /// In a row, and all since it was created.
    public let failures, allFailures: Int
    public let lastFailure: String?
    /// Calls that wait for a thread, and calls that are not settled.
    public let queueDepth, openCalls: Int
    public let lanes, stuckLanes: Int
    /// Answers and returns after their time was over.
    public let lateAnswers: Int
    /// Replaced versions that still have something to end.
    public let draining: Int
    /// Whether it has replaced another version and may still be taken back.
    public let isOnTrial: Bool
    public let file: String
    /// SHA-256 in hexadecimal.
    public let digest: String
}

extension PluginHost {
    /// Every loaded plugin, by id.
    public var conditions: [PluginCondition] {
        let (instances, retiring) = state.withLock { ($0.instances.values.sorted { $0.id < $1.id }, $0.retiring) }
        return instances.map { instance in
            condition(of: instance, draining: retiring.count { $0.id == instance.id })
        }
    }

    private func condition(of instance: PluginInstance, draining: Int) -> PluginCondition {
        let lane = instance.lane
        let (depth, width, stuck) = (lane.depth, lane.width, lane.stuck)
        let breaker = instance.breaker.withLock { $0 }
        let life = instance.life.withLock { ($0.failures, $0.lastFailure, $0.openCalls) }
        let state: PluginCondition.State =
            stuck >= width
            ? .stuck : breaker.isOpen(now: now) ? .resting : breaker.isHalfOpen(now: now) ? .probing : .running
        return PluginCondition(
            id: instance.id, version: instance.manifest.version, state: state, failures: breaker.failures,
            allFailures: life.0, lastFailure: life.1, queueDepth: depth, openCalls: life.2, lanes: width,
            stuckLanes: stuck + (instance.isHungInMatch.load(ordering: .acquiring) ? 1 : 0),
            lateAnswers: Int(clamping: tasks.lateCount(of: instance.id)) + lane.lateReturns, draining: draining,
            isOnTrial: instance.trial.withLock { $0?.verdict == .open }, file: instance.file, digest: instance.digest)
    }
}
