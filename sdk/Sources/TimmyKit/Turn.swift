import Synchronization

/// Lets Swift tasks do something one after the other, in the order in which they came.
final class Turn: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func take() async {
        await withCheckedContinuation { waiting in
            let isMine = state.withLock { state in
                if state.isTaken { state.waiting.append(waiting) }
                defer { state.isTaken = true }
                return !state.isTaken
            }
            if isMine { waiting.resume() }
        }
    }

    func pass() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.isTaken = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
