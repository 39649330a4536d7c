/// One sleeping task for many deadlines: it wakes by the earliest of them. It is left asleep where a deadline does not
/// matter any more, so that work that is done in time costs no timer at all. Times on any steady clock.
struct DeadlineTimer: Sendable {
    private(set) var task: Task<Void, Never>?
    private var number = 0
    private var next: Duration?

    /// Sees to it that something wakes by `due`. `start` begins the sleeping of that number.
    /// - Returns: the task that slept for too long, to be cancelled.
    mutating func wake(by due: Duration, _ start: (Int) -> Task<Void, Never>) -> Task<Void, Never>? {
        if let next, next <= due { return nil }
        let replaced = task
        number += 1
        next = due
        task = start(number)
        return replaced
    }

    /// Until when the sleeper of that number has to sleep; nil where it is to end.
    func due(_ number: Int) -> Duration? { number == self.number ? next : nil }

    /// Everything up to now has been seen to: the sleeper of that number goes on to `due`, or ends.
    mutating func rest(_ number: Int, until due: Duration?) {
        guard number == self.number else { return }
        next = due
        if due == nil { task = nil }
    }
}
