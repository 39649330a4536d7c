import CTimmyBot
import Synchronization

/// Time as the host has it: in tests of a plugin it is the test's.
public struct HostClock: Sendable {
    let host: Host

    /// Milliseconds since 1970; 0 where the host offers no clock.
    public var unixMilliseconds: Int64 { host.tables.clock?.pointee.unix_ms?(host.raw) ?? 0 }

    /// Milliseconds on a clock that never jumps; 0 where the host offers none.
    public var monotonicMilliseconds: UInt64 { host.tables.clock?.pointee.monotonic_ms?(host.raw) ?? 0 }

    /// Waits; ends at once where the Swift task is cancelled. At most 64 waits at once for each plugin.
    public func sleep(milliseconds: UInt64) async throws(Failure) {
        guard let table = host.tables.clock?.pointee else { throw .missing("a clock") }
        var rest = milliseconds
        repeat {
            let part = min(rest, Self.longest)
            try await Timer.wait(host, table, part)
            rest -= part
        } while rest > 0
    }

    /// Does something later, in the background. Cancelled by its handle, and when the plugin stops.
    @discardableResult
    public func after(milliseconds: UInt64, _ body: @escaping @Sendable () async throws -> Void) -> Background {
        host.background {
            try await sleep(milliseconds: milliseconds)
            try await body()
        }
    }

    /// Does something again and again, with `milliseconds` of rest between. What it throws goes into the log and ends it.
    @discardableResult
    public func every(milliseconds: UInt64, _ body: @escaping @Sendable () async throws -> Void) -> Background {
        host.background {
            while true {
                try await sleep(milliseconds: max(1, milliseconds))
                try await body()
            }
        }
    }

    /// The host's timers run for a day at most.
    private static let longest: UInt64 = 86_400_000
}

extension Host {
    public var clock: HostClock { HostClock(host: self) }
}

/// One timer of the host as one `await`. Unlike other completions it can be taken back, and then never comes.
private final class Timer: Sendable {
    private typealias Waiting = CheckedContinuation<Result<Void, Failure>, Never>

    private struct State {
        var waiting: Waiting?
        var isOver = false
        /// Once it is known, and until somebody takes it to cancel it.
        var number: UInt64?
    }

    private let host: Host
    private let table: tb_host_clock_v1
    private let state = Mutex(State())

    private init(_ host: Host, _ table: tb_host_clock_v1) {
        self.host = host
        self.table = table
    }

    static func wait(_ host: Host, _ table: tb_host_clock_v1, _ milliseconds: UInt64) async throws(Failure) {
        let timer = Timer(host, table)
        let outcome: Result<Void, Failure> = await withTaskCancellationHandler {
            await withCheckedContinuation { timer.start($0, milliseconds) }
        } onCancel: {
            timer.cancel()
        }
        return try outcome.get()
    }

    private static let cancelled = Result<Void, Failure>.failure(Failure(code: .cancelled, detail: "sleep: cancelled"))

    private func start(_ waiting: Waiting, _ milliseconds: UInt64) {
        let isOver = state.withLock { state in
            if !state.isOver { state.waiting = waiting }
            return state.isOver
        }
        if isOver { return waiting.resume(returning: Self.cancelled) }
        let context = Unmanaged.passRetained(self)
        var number: UInt64 = 0
        let status = table.timer?(host.raw, milliseconds, timerFired, context.toOpaque(), &number) ?? TB_E_UNSUPPORTED
        guard status == TB_OK else {
            context.release()
            return end(.failure(Failure(status: status, "timer")))
        }
        let wasCancelled = state.withLock { state in
            if !state.isOver { state.number = number }
            return state.isOver
        }
        // Cancelled or fired meanwhile: the host knows which, and answers for a fired one that it is stale.
        if wasCancelled { takeBack(number) }
    }

    private func cancel() {
        end(Self.cancelled)
        let number = state.withLock { state in
            defer { state.number = nil }
            return state.number
        }
        if let number { takeBack(number) }
    }

    /// Where the host promises not to fire any more, the reference that it held is ours to drop.
    private func takeBack(_ number: UInt64) {
        if table.cancel?(host.raw, number) == TB_OK { Unmanaged.passUnretained(self).release() }
    }

    func fired() { end(.success(())) }

    private func end(_ outcome: Result<Void, Failure>) {
        let waiting = state.withLock { state in
            defer {
                state.waiting = nil
                state.isOver = true
            }
            return state.waiting
        }
        waiting?.resume(returning: outcome)
    }
}

private let timerFired: tb_timer_fn = { context in
    guard let context else { return }
    Unmanaged<Timer>.fromOpaque(context).takeRetainedValue().fired()
}
