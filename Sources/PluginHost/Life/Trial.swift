/// The first calls of a version that has just replaced another. Where all of them fail, the other comes back. Pure; time
/// in seconds on any steady clock.
struct Trial: Sendable, Equatable {
    static let calls = 3
    static let length = 60.0

    enum Verdict: Sendable, Equatable { case open, passed, failed }

    private let started: Double
    private var admitted = 0
    private var failures = 0
    private(set) var verdict = Verdict.open

    init(now: Double) { started = now }

    /// Whether a call that begins now counts; its outcome must be told then.
    mutating func admit(now: Double) -> Bool {
        guard verdict == .open, admitted < Self.calls, now - started < Self.length else { return false }
        admitted += 1
        return true
    }

    mutating func succeeded() { if verdict == .open { verdict = .passed } }

    mutating func failed() {
        failures += 1
        if verdict == .open, failures == Self.calls { verdict = .failed }
    }

    /// Time passes: a version that was hardly called within its trial stays.
    mutating func expire(now: Double) {
        if verdict == .open, now - started >= Self.length, failures == admitted { verdict = .passed }
    }
}
