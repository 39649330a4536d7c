/// The first calls of a version that has just replaced another. Where all of them fail, the other comes back. Pure; time
/// in seconds on any steady clock.
struct Trial: Sendable, Equatable {
    static let calls = 3
    static let length = 60.0

    enum Verdict: Sendable, Equatable { case open, passed, failed }

    private let started: Double
    private var admitted = 0
    private var failures = 0
    private var isOver = false
    private(set) var verdict = Verdict.open

    init(now: Double) { started = now }

    /// Whether a call that begins now counts; its outcome must be told then.
    mutating func admit(now: Double) -> Bool {
        guard verdict == .open, !isOver, admitted < Self.calls, now - started < Self.length else { return false }
        admitted += 1
        return true
    }

    mutating func succeeded() { if verdict == .open { verdict = .passed } }

    mutating func failed() {
        failures += 1
        if verdict == .open, failures == Self.calls { verdict = .failed }
        settle()
    }

    /// The outcome of a call says nothing: another one may count in its place.
    mutating func unknown() {
        admitted -= 1
        settle()
    }

    /// Its time is over: a version that was hardly called stays, once the calls that began in time have their outcome.
    mutating func expire() {
        isOver = true
        settle()
    }

    private mutating func settle() {
        if verdict == .open, isOver, failures == admitted { verdict = .passed }
    }
}
