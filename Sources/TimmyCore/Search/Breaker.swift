/// Keeps callers away from something that fails: after a streak of failures it is left alone for a while, then one
/// caller may try; each failed try doubles the wait. Pure: the time comes in with each call.
public struct Breaker: Sendable, Hashable {
    public enum State: Sendable, Hashable {
        case closed(failures: Int)
        case open(until: Duration, wait: Duration)
        /// One caller is trying; if nothing is heard of it until then, the next may try.
        case probing(until: Duration, wait: Duration)
    }

    public private(set) var state: State = .closed(failures: 0)
    public let threshold: Int
    public let firstWait: Duration
    public let longestWait: Duration

    public init(threshold: Int = 4, firstWait: Duration = .seconds(10), longestWait: Duration = .seconds(300)) {
        self.threshold = max(1, threshold)
        self.firstWait = firstWait
        self.longestWait = longestWait
    }

    /// Whether a call may be made now. In doubt exactly one caller gets a yes.
    public mutating func allow(at now: Duration) -> Bool {
        switch state {
        case .closed: return true
        case .open(let until, let wait), .probing(let until, let wait):
            guard now >= until else { return false }
            state = .probing(until: now + wait, wait: wait)
            return true
        }
    }

    public mutating func succeeded() { state = .closed(failures: 0) }

    /// The call says nothing about it, for good or ill. Who may try does not have to wait for that.
    public mutating func unknown(at now: Duration) {
        if case .probing(_, let wait) = state { state = .open(until: now, wait: wait) }
    }

    public mutating func failed(at now: Duration) {
        switch state {
        case .closed(let failures):
            state =
                failures + 1 >= threshold
                ? .open(until: now + firstWait, wait: firstWait) : .closed(failures: failures + 1)
        case .probing(_, let wait):
            let longer = min(wait * 2, longestWait)
            state = .open(until: now + longer, wait: longer)
        // A straggler from before it opened says nothing new.
        case .open: break
        }
    }
}
