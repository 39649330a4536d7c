/// Stops asking a plugin that keeps failing, and tries again with one call after a while. Pure; time in seconds on any
/// steady clock.
public struct Breaker: Sendable, Equatable {
    static let threshold = 5
    static let pause = 30.0

    /// Failures in a row.
    public private(set) var failures = 0
    private var openUntil: Double?
    private var isProbing = false

    public init() {}

    public func isOpen(now: Double) -> Bool { openUntil.map { now < $0 } ?? false }

    /// Whether it lets a call through only to see how it goes.
    public func isHalfOpen(now: Double) -> Bool { openUntil.map { now >= $0 } ?? false }

    /// Whether a call may be made. After the pause one may; its outcome must be told.
    public mutating func admit(now: Double) -> Bool {
        guard let openUntil else { return true }
        guard now >= openUntil, !isProbing else { return false }
        isProbing = true
        return true
    }

    public mutating func succeeded() { self = Breaker() }

    /// The outcome of a call says nothing: the next one may be made instead.
    public mutating func unknown() { isProbing = false }

    public mutating func failed(now: Double) {
        failures += 1
        isProbing = false
        if failures >= Self.threshold { openUntil = now + Self.pause }
    }
}
