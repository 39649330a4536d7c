/// Timers in the order in which they fire. Pure; times in milliseconds on any steady clock.
struct TimerQueue: Sendable {
    static let maximumCount = 64
    static let maximumDelay: UInt64 = 86_400_000

    private struct Waiting {
        let due, id: UInt64
    }

    /// Sorted by time, then by number.
    private var waiting: [Waiting] = []
    /// Due, on their way to the lane, and not run yet.
    private var due: Set<UInt64> = []
    private var next: UInt64 = 1

    /// When to look again; nil for never.
    var nextDue: UInt64? { waiting.first?.due }

    /// Nil where there are too many.
    mutating func add(after delay: UInt64, now: UInt64) -> UInt64? {
        guard waiting.count + due.count < Self.maximumCount else { return nil }
        defer { next += 1 }
        insert(Waiting(due: now + min(delay, Self.maximumDelay), id: next))
        return next
    }

    /// Those that are due, in order; each is to be claimed where it runs.
    mutating func takeDue(now: UInt64) -> [UInt64] {
        let ripe = waiting.prefix { $0.due <= now }.map(\.id)
        waiting.removeFirst(ripe.count)
        due.formUnion(ripe)
        return ripe
    }

    /// Once true for each timer that was taken and not cancelled since.
    mutating func claim(_ id: UInt64) -> Bool { due.remove(id) != nil }

    /// The lane had no room, or let go of it: later.
    mutating func putBack(_ id: UInt64, until time: UInt64) {
        if due.remove(id) != nil { insert(Waiting(due: time, id: id)) }
    }

    /// False where it has run, or never was.
    mutating func cancel(_ id: UInt64) -> Bool {
        if due.remove(id) != nil { return true }
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return false }
        waiting.remove(at: index)
        return true
    }

    /// Those that will not run any more.
    mutating func cancelAll() -> Set<UInt64> {
        defer { (waiting, due) = ([], []) }
        return due.union(waiting.map(\.id))
    }

    private mutating func insert(_ timer: Waiting) {
        let index = waiting.firstIndex { ($0.due, $0.id) > (timer.due, timer.id) } ?? waiting.endIndex
        waiting.insert(timer, at: index)
    }
}
