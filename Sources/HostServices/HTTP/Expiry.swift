import Synchronization

/// A deadline that cuts off whatever is going on when it comes. First `cancel` of the running step, then of the next.
final class Expiry: Sendable {
    private struct State {
        var hasExpired = false
        var action: (@Sendable () -> Void)?
        var timer: Task<Void, Never>?
    }

    private let state = Mutex(State())

    var hasExpired: Bool { state.withLock { $0.hasExpired } }

    init(after time: Duration?, clock: any Clock<Duration>) {
        guard let time else { return }
        let timer = Task { [weak self] in
            do { try await clock.sleep(for: time) } catch { return }
            self?.expire()
        }
        state.withLock { $0.timer = timer }
    }

    deinit { state.withLock { $0.timer }?.cancel() }

    /// At once where it has expired already.
    func onExpiry(_ action: @escaping @Sendable () -> Void) {
        let late = state.withLock { state in
            if !state.hasExpired { state.action = action }
            return state.hasExpired
        }
        if late { action() }
    }

    /// It does not matter any more.
    func stop() {
        let (timer, action) = state.withLock { state in
            defer { (state.timer, state.action) = (nil, nil) }
            return (state.timer, state.action)
        }
        timer?.cancel()
        withExtendedLifetime(action) {}
    }

    private func expire() {
        let action = state.withLock { state in
            state.hasExpired = true
            defer { state.action = nil }
            return state.action
        }
        action?()
    }
}
