import Synchronization

/// The interactions that are being answered. Each runs by itself; a stop lets no more in and waits for these.
final class RepliesInFlight: Sendable {
    private struct State {
        var running = 0
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Runs `body`, unless a stop has begun: then it returns false.
    @discardableResult
    func start(_ body: @escaping @Sendable () async -> Void) -> Bool {
        let isOpen = state.withLock { state in
            if !state.isClosed { state.running += 1 }
            return !state.isClosed
        }
        guard isOpen else { return false }
        Task {
            await body()
            finished()
        }
        return true
    }

    /// Lets no more in and returns once none is running, or after `limit`; answers how many still are.
    func drain(within limit: Duration, clock: any Clock<Duration> = ContinuousClock()) async -> Int {
        state.withLock { $0.isClosed = true }
        _ = await ends(within: limit, on: clock) { await self.idle() }
        return state.withLock { $0.running }
    }

    private func idle() async {
        await withCheckedContinuation { done in
            let isIdle = state.withLock { state in
                if state.running > 0 { state.waiting.append(done) }
                return state.running == 0
            }
            if isIdle { done.resume() }
        }
    }

    private func finished() {
        let waiting = state.withLock { state in
            state.running -= 1
            guard state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in waiting { one.resume() }
    }
}

/// Runs `body` for at most `limit`; true where it came to its end. What is left of it goes on by itself.
func ends(
    within limit: Duration, on clock: any Clock<Duration> = ContinuousClock(),
    _ body: @escaping @Sendable () async -> Void
) async -> Bool {
    let (outcomes, sink) = AsyncStream.makeStream(of: Bool.self)
    Task {
        await body()
        sink.yield(true)
    }
    let alarm = Task {
        do { try await clock.sleep(for: limit) } catch { return }
        sink.yield(false)
    }
    defer { alarm.cancel() }
    for await outcome in outcomes { return outcome }
    return false
}
