import CTimmyBot
import Synchronization

/// Calls of one plugin since the start of the process.
public struct PluginCounters: Sendable, Equatable {
    /// Calls that were made, and of them those that broke the contract or came to nothing.
    public var calls: UInt64 = 0
    public var failures: UInt64 = 0
    /// Failures by not answering in time.
    public var timeouts: UInt64 = 0
    /// Calls that were not made because the plugin rests after repeated failures.
    public var refused: UInt64 = 0
    /// Of the last failure, for the operator; empty where there was none.
    public var lastFailure = ""
}

/// How one loaded plugin is doing, and what it did since the start of the process.
public struct PluginStatus: Sendable, Equatable {
    public let condition: PluginCondition
    public let counters: PluginCounters

    public init(condition: PluginCondition, counters: PluginCounters) {
        self.condition = condition
        self.counters = counters
    }
}

/// Counts calls by plugin. Bounded by the plugins that there are.
final class CallLedger: Sendable {
    private let book = Mutex<[String: PluginCounters]>([:])

    func counters(of plugin: String) -> PluginCounters { book.withLock { $0[plugin] ?? PluginCounters() } }

    func answered(_ plugin: String) { book.withLock { $0[plugin, default: PluginCounters()].calls += 1 } }
    func refused(_ plugin: String) { book.withLock { $0[plugin, default: PluginCounters()].refused += 1 } }

    /// - Parameter isTimeout: whether it is one for not answering in time.
    func failed(_ plugin: String, _ failure: PluginFailure, isTimeout: Bool = false) {
        book.withLock { book in
            book[plugin, default: PluginCounters()].calls += 1
            book[plugin, default: PluginCounters()].failures += 1
            if isTimeout { book[plugin, default: PluginCounters()].timeouts += 1 }
            book[plugin, default: PluginCounters()].lastFailure = String(failure.detail.prefix(200))
        }
    }
}
