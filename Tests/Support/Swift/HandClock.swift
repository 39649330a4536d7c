import Synchronization

/// Sleeps end when the test says so.
public final class HandClock: Clock {
    public typealias Instant = ContinuousClock.Instant

    private struct Sleeper {
        let length: Duration
        let continuation: CheckedContinuation<Void, any Error>
    }

    private let state = Mutex<(last: Int, sleepers: [Int: Sleeper])>((0, [:]))
    private let start = ContinuousClock.now
    public init() {}

    public var now: Instant { start }
    public var minimumResolution: Duration { .nanoseconds(1) }

    public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let length = start.duration(to: deadline)
        let id = state.withLock { state in
            state.last += 1
            return state.last
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { $0.sleepers[id] = Sleeper(length: length, continuation: continuation) }
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func cancel(_ id: Int) {
        let found = state.withLock { $0.sleepers.removeValue(forKey: id) }
        found?.continuation.resume(throwing: CancellationError())
    }

    /// Waits until somebody sleeps for exactly `length`, and wakes all of those.
    public func wake(_ length: Duration) async {
        while true {
            let found = state.withLock { state in
                let found = state.sleepers.filter { $0.value.length == length }
                for id in found.keys { state.sleepers[id] = nil }
                return found
            }
            for sleeper in found.values { sleeper.continuation.resume() }
            if !found.isEmpty { return }
            await Task.yield()
        }
    }

    public func isSlept(for length: Duration) -> Bool {
        state.withLock { $0.sleepers.values.contains { $0.length == length } }
    }
}
