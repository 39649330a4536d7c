import Synchronization

/// What changed in one guild.
public struct GuildUpdate: Sendable {
    /// The state after the change, with the first page of the queue.
    public let snapshot: GuildSnapshot
    public let notices: [Notice]
}

/// Hands updates to whoever listens. A slow listener misses old updates; it never slows a session down.
public final class UpdateHub: Sendable {
    private struct Listener {
        let guild: GuildID?
        let isWanted: @Sendable (GuildUpdate) -> Bool
        let continuation: AsyncStream<GuildUpdate>.Continuation
    }

    private struct State {
        var listeners: [UInt64: Listener] = [:]
        var last: UInt64 = 0
    }

    private let state = Mutex(State())

    public init() {}

    /// Updates of `guild`, or of all guilds; the newest `buffered` wait for a listener that is behind.
    /// - Parameter isWanted: leaves out what would only take the place of others. Called on the session's thread: quick.
    public func updates(
        of guild: GuildID? = nil, buffered: Int = 16,
        where isWanted: @escaping @Sendable (GuildUpdate) -> Bool = { _ in true }
    ) -> AsyncStream<GuildUpdate> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: GuildUpdate.self, bufferingPolicy: .bufferingNewest(max(1, buffered)))
        let id = state.withLock { state in
            state.last += 1
            state.listeners[state.last] = Listener(guild: guild, isWanted: isWanted, continuation: continuation)
            return state.last
        }
        continuation.onTermination = { [weak self] _ in self?.drop(id) }
        return stream
    }

    private func drop(_ id: UInt64) { _ = state.withLock { $0.listeners.removeValue(forKey: id) } }

    func publish(_ update: GuildUpdate) {
        let listeners = state.withLock { state in
            state.listeners.values.filter { $0.guild == nil || $0.guild == update.snapshot.guild }
        }
        for listener in listeners where listener.isWanted(update) { listener.continuation.yield(update) }
    }

    /// Ends every stream.
    func finish() {
        let listeners = state.withLock { state in
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.continuation.finish() }
    }
}
