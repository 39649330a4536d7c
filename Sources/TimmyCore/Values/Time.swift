import FoundationEssentials

/// A moment on the wall, for people: milliseconds since 1970 in UTC. Never used to measure time.
public struct Timestamp: Hashable, Comparable, Sendable, Codable {
    public let milliseconds: Int64
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
}

/// Where the core gets its time from. Tests hand in one that they turn by hand.
public protocol TimeSource: Sendable {
    /// Monotonic time since a fixed but unknown start.
    func now() -> Duration
    func wall() -> Timestamp
    /// Returns after `duration`, or throws `CancellationError` as soon as the task is cancelled.
    func sleep(for duration: Duration) async throws
}

/// The machine's own clocks.
public struct SystemTime: TimeSource {
    private let start = ContinuousClock.now
    public init() {}
    public func now() -> Duration { start.duration(to: .now) }
    public func wall() -> Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
    public func sleep(for duration: Duration) async throws { try await ContinuousClock().sleep(for: duration) }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero.
    public var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        return scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000_000).partialValue
    }

    /// `3:07` or `1:02:03`, for texts that people read.
    public var clockText: String {
        let total = max(0, components.seconds)
        let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60)
        let tail = seconds < 10 ? "0\(seconds)" : "\(seconds)"
        guard hours > 0 else { return "\(minutes):\(tail)" }
        return "\(hours):\(minutes < 10 ? "0" : "")\(minutes):\(tail)"
    }
}
