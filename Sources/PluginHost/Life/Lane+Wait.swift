import Foundation
import Synchronization

extension Lane {
    /// Makes one call on the lane and waits for it as long as `deadline`, blocking the calling thread: for loading, which
    /// has a thread of its own. Nil where it is not back by then.
    func wait<Value: Sendable>(
        _ label: String, within deadline: Duration, _ body: @escaping @Sendable () -> Value
    ) -> Value? {
        let answer = Answer<Value>()
        let done = DispatchSemaphore(value: 0)
        let id = submit(label, drop: { _ in done.signal() }) {
            answer.value.withLock { [made = body()] in $0 = made }
            done.signal()
        }
        guard let id else { return nil }
        guard done.wait(timeout: .now() + deadline / .seconds(1)) == .success else {
            _ = expire(id)
            return nil
        }
        return answer.value.withLock { $0 }
    }

    /// The same without blocking; `late` is told whether the call hangs or never ran, before this returns nil.
    func perform<Value: Sendable>(
        _ label: String, plugin: String? = nil, exclusive: Bool = false, within deadline: Duration,
        clock: any Clock<Duration>, late: @escaping @Sendable (Expiry) -> Void = { _ in },
        _ body: @escaping @Sendable () -> Value
    ) async -> Value? {
        let race = Race<Value>()
        return await withCheckedContinuation { continuation in
            race.begin(continuation)
            let id = submit(label, plugin: plugin, exclusive: exclusive, drop: { _ in race.end(nil) }) {
                race.end(body())
            }
            guard let id else { return race.end(nil) }
            race.watch(
                Task { [self] in
                    do { try await clock.sleep(for: deadline) } catch { return }
                    guard race.isOpen else { return }
                    late(expire(id))
                    race.end(nil)
                })
        }
    }
}

private final class Answer<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
}

/// One continuation that is resumed by whoever comes first.
private final class Race<Value: Sendable>: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Value?, Never>?
        var timer: Task<Void, Never>?
        var isOver = false
    }
    private let state = Mutex(State())

    var isOpen: Bool { state.withLock { !$0.isOver } }

    func begin(_ continuation: CheckedContinuation<Value?, Never>) {
        state.withLock { $0.continuation = continuation }
    }

    func watch(_ timer: Task<Void, Never>) {
        let isOver = state.withLock { state in
            state.timer = timer
            return state.isOver
        }
        if isOver { timer.cancel() }
    }

    func end(_ value: Value?) {
        let (continuation, timer) = state.withLock { state in
            state.isOver = true
            defer { state.continuation = nil }
            return (state.continuation, state.timer)
        }
        timer?.cancel()
        continuation?.resume(returning: value)
    }
}
