import CTimmyBot
import Synchronization

/// One plugin's timers: one task sleeps until the next is due and hands it to the lane.
final class TimerPort: Sendable {
    /// How long a due timer waits where the lane is full.
    static let retryMilliseconds: UInt64 = 100

    typealias Fire = @Sendable () -> Void
    /// Puts a job on the plugin's lane; false where there is no room. `drop` is called instead of it where the lane lets
    /// go of it afterwards.
    typealias Submit = @Sendable (_ job: @escaping Fire, _ drop: @escaping Fire) -> Bool

    private struct State {
        var queue = TimerQueue()
        var fires: [UInt64: Fire] = [:]
        var sleeper: (task: Task<Void, Never>, until: UInt64)?
        var isStopped = false
        /// Those that the stop took, as long as nobody cancelled them.
        var discarded: Set<UInt64> = []
    }

    private let state = Mutex(State())
    private let time: any TimeService
    private let submit: Submit

    init(_ time: any TimeService, submit: @escaping Submit) {
        self.time = time
        self.submit = submit
    }

    func start(after delay: UInt64, _ fire: @escaping Fire) -> (status: tb_status, timer: UInt64) {
        guard delay <= TimerQueue.maximumDelay else { return (TB_E_INVALID, 0) }
        return state.withLock { state in
            guard !state.isStopped else { return (TB_E_CANCELLED, 0) }
            guard let id = state.queue.add(after: delay, now: time.monotonicMilliseconds()) else {
                return (TB_E_RATE_LIMIT, 0)
            }
            state.fires[id] = fire
            rearm(&state)
            return (TB_OK, id)
        }
    }

    func cancel(_ id: UInt64) -> tb_status {
        state.withLock { state in
            if state.discarded.remove(id) != nil { return TB_OK }
            guard state.queue.cancel(id) else { return TB_E_STALE }
            state.fires[id] = nil
            rearm(&state)
            return TB_OK
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.discarded = state.queue.cancelAll()
            state.fires = [:]
            rearm(&state)
        }
    }

    /// Under the lock: sees to it that exactly one task sleeps until the first timer is due.
    private func rearm(_ state: inout State) {
        let until = state.queue.nextDue
        guard until != state.sleeper?.until else { return }
        state.sleeper?.task.cancel()
        state.sleeper = until.map { until in
            let task = Task { [weak self, time] in
                do { try await time.sleep(untilMonotonic: until) } catch { return }
                self?.wake(until)
            }
            return (task, until)
        }
    }

    private func wake(_ until: UInt64) {
        let due = state.withLock { state -> [UInt64] in
            // One that was cancelled when it had slept enough does not count.
            guard state.sleeper?.until == until else { return [] }
            state.sleeper = nil
            return state.queue.takeDue(now: max(until, time.monotonicMilliseconds()))
        }
        for id in due where !submit({ [self] in run(id) }, { [self] in putBack(id) }) { putBack(id) }
        state.withLock { rearm(&$0) }
    }

    private func putBack(_ id: UInt64) {
        state.withLock { state in
            state.queue.putBack(id, until: time.monotonicMilliseconds() + Self.retryMilliseconds)
            rearm(&state)
        }
    }

    /// On the lane.
    private func run(_ id: UInt64) {
        let fire = state.withLock { state in state.queue.claim(id) ? state.fires.removeValue(forKey: id) : nil }
        fire?()
    }
}
