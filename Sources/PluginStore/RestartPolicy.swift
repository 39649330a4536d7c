/// Whether and when a supervised process is started again. Pure; time in seconds on any steady clock.
public struct RestartPolicy: Sendable, Equatable {
    /// How a process ended.
    public enum End: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    public enum Decision: Sendable, Equatable {
        /// After so many seconds.
        case restart(after: Double)
        /// With this status.
        case exit(Int32)
    }

    static let firstPause = 1.0
    static let longestPause = 60.0
    /// Who has run that long has come up well: the next pause is a short one again.
    static let steady = 60.0

    private var pause = firstPause
    private var isStopping = false

    public init() {}

    /// An operator wants it to end: however it does, it is not started again.
    public mutating func stop() { isStopping = true }

    /// - Parameter lasted: seconds that the process ran.
    public mutating func ended(_ end: End, lasted: Double) -> Decision {
        switch end {
        case .exited(let status) where isStopping: return .exit(status)
        case .signalled(let number) where isStopping: return .exit(128 + number)
        // What it says on purpose: done, or one of sysexits that a restart does not mend.
        case .exited(let status) where status == 0 || (64...78).contains(status): return .exit(status)
        case .exited, .signalled:
            if lasted >= Self.steady { pause = Self.firstPause }
            defer { pause = min(pause * 2, Self.longestPause) }
            return .restart(after: pause)
        }
    }
}
