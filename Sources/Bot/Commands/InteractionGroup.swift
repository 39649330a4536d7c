import Synchronization

/// Interactions under way: bounded, and such that a shutdown can wait for them.
final class InteractionGroup: Sendable {
    /// At once, in all guilds together; more than that is dropped, and Discord tells the user.
    static let maximum = 2_000

    private struct State {
        var next: UInt64 = 0
        var tasks: [UInt64: Task<Void, Never>?] = [:]
        var isClosed = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.tasks.count } }
    /// No new ones are wanted.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Runs `body` as a task of its own; false where there are too many.
    func start(_ body: @escaping @Sendable () async -> Void) -> Bool {
        let id = state.withLock { state -> UInt64? in
            guard state.tasks.count < Self.maximum else { return nil }
            state.next += 1
            state.tasks[state.next] = .some(nil)
            return state.next
        }
        guard let id else { return false }
        let task = Task {
            await body()
            self.ended(id)
        }
        state.withLock { if $0.tasks[id] != nil { $0.tasks[id] = task } }
        return true
    }

    private func ended(_ id: UInt64) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.tasks[id] = nil
            guard state.tasks.isEmpty else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when none is under way.
    func idle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state -> Bool in
                if !state.tasks.isEmpty { state.waiters.append(continuation) }
                return state.tasks.isEmpty
            }
            if isIdle { continuation.resume() }
        }
    }

    /// Takes no new ones, waits for those that are under way, and cancels what is left after `limit`.
    /// - Returns: how many had to be cancelled.
    func drain(within limit: Duration, clock: any Clock<Duration> = ContinuousClock()) async -> Int {
        state.withLock { $0.isClosed = true }
        let timer = Task {
            try await clock.sleep(for: limit)
            return self.cancelAll()
        }
        await idle()
        timer.cancel()
        return (try? await timer.value) ?? 0
    }

    private func cancelAll() -> Int {
        let tasks = state.withLock { Array($0.tasks.values) }
        for task in tasks { task?.cancel() }
        return tasks.count
    }
}
