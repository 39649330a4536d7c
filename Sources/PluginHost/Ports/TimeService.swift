import Glibc

/// The time, and waiting for it.
public protocol TimeService: Sendable {
    /// Milliseconds since 1970.
    func unixMilliseconds() -> Int64
    /// Milliseconds on a clock that never jumps.
    func monotonicMilliseconds() -> UInt64
    /// Returns at or after that time of the monotonic clock; throws when the task is cancelled.
    func sleep(untilMonotonic milliseconds: UInt64) async throws
}

/// This machine's own.
public struct SystemTime: TimeService {
    public init() {}

    public func unixMilliseconds() -> Int64 { Int64(Self.milliseconds(CLOCK_REALTIME)) }
    public func monotonicMilliseconds() -> UInt64 { Self.milliseconds(CLOCK_MONOTONIC) }

    public func sleep(untilMonotonic milliseconds: UInt64) async throws {
        let now = monotonicMilliseconds()
        // One more, because `now` was cut to whole milliseconds.
        if milliseconds > now { try await Task.sleep(for: .milliseconds(milliseconds - now + 1)) }
    }

    private static func milliseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
