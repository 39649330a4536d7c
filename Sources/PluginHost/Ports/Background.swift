import Synchronization

/// Work that a plugin asked for and that is cut off when it stops.
final class Background: Sendable {
    private struct State {
        var next: UInt64 = 0
        var running: [UInt64: Task<Void, Never>?] = [:]
        var isStopped = false
    }

    private let state = Mutex(State())

    /// Runs `body`, cancelled from the start where the plugin is being stopped. Unordered.
    func run(_ body: @escaping @Sendable () async -> Void) {
        let id = state.withLock { state in
            state.next += 1
            state.running[state.next] = .some(nil)
            return state.next
        }
        let task = Task { [self] in
            await body()
            state.withLock { _ = $0.running.removeValue(forKey: id) }
        }
        let isLate = state.withLock { state -> Bool in
            if state.running[id] != nil { state.running[id] = .some(task) }
            return state.isStopped
        }
        if isLate { task.cancel() }
    }

    func stop() {
        let tasks = state.withLock { state in
            state.isStopped = true
            return Array(state.running.values)
        }
        for task in tasks { task?.cancel() }
    }
}
