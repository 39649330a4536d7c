import CBreadcrumb
import CLinux
import Foundation

/// The threads on which a plugin instance is called: one, or as many as its manifest asks for. Plugins may block here, and
/// nothing else waits for them. A thread cannot be taken back from a call that hangs: it is counted as stuck until the
/// call returns, and where all are, nothing is queued.
///
/// `@unchecked Sendable`: all that changes is touched under `condition` only.
final class Lane: @unchecked Sendable {
    static let maximumWaiting = 1_024
    static let maximumThreads = 8
    private static let stackSize = 1 << 20

    /// What became of a call whose time ran out.
    enum Expiry: Sendable { case returned, dropped, hangs }

    private struct Job {
        let id: UInt64
        let label: String
        let plugin: String
        let isExclusive: Bool
        let run: @Sendable () -> Void
        let drop: @Sendable (_ reason: String) -> Void
    }

    private struct Running {
        let id: UInt64
        let label: String
        let isExclusive: Bool
        var isExpired = false
    }

    private let name: String
    private let condition = NSCondition()
    private var jobs: [Job] = []
    private var running: [UInt64: Running] = [:]
    private var next: UInt64 = 1
    private var threads = 0
    private var closed = false
    private var late = 0

    /// - Parameter name: the plugin's id; names the threads, and is blamed for what crashes on them.
    init(name: String) {
        self.name = name
        widen(to: 1)
    }

    /// Starts threads until there are `count`, `maximumThreads` at most.
    func widen(to count: Int) {
        condition.withLock {
            while threads < min(count, Self.maximumThreads), !closed {
                threads += 1
                let thread = Thread { [self] in
                    tb_thread_name(String(name.suffix(15)))
                    let stack = tb_crumb_stack_open()
                    work()
                    tb_crumb_stack_close(stack)
                }
                thread.stackSize = Self.stackSize
                thread.start()
            }
        }
    }

    /// Calls that wait.
    var depth: Int { condition.withLock { jobs.count } }
    /// Threads whose call has hung past its time.
    var stuck: Int { condition.withLock { stuckNow } }
    /// Calls that returned after their time was over.
    var lateReturns: Int { condition.withLock { late } }
    /// Threads that there are.
    var width: Int { condition.withLock { threads } }

    private var stuckNow: Int { running.values.count { $0.isExpired } }

    /// Queues a call: its number, or nil where the lane is closed, full, or stuck with all its threads.
    ///
    /// - Parameters:
    ///   - exclusive: runs while nothing else does, and what comes after it waits.
    ///   - drop: called instead of `job` where the lane gets stuck, or is cleared, before its turn.
    @discardableResult
    func submit(
        _ label: String, plugin: String? = nil, exclusive: Bool = false,
        drop: @escaping @Sendable (_ reason: String) -> Void = { _ in }, _ job: @escaping @Sendable () -> Void
    ) -> UInt64? {
        let id = condition.withLock { () -> UInt64? in
            guard !closed, jobs.count < Self.maximumWaiting, stuckNow < threads else { return nil }
            let id = next
            next += 1
            jobs.append(
                Job(id: id, label: label, plugin: plugin ?? name, isExclusive: exclusive, run: job, drop: drop))
            return id
        }
        // Without the lock, so that the thread that wakes up does not have to wait for it at once.
        if id != nil { condition.broadcast() }
        return id
    }

    /// The time of a call is over: it is taken out of the queue, or its thread is counted as stuck.
    func expire(_ id: UInt64) -> Expiry {
        let (result, dropped) = condition.withLock { () -> (Expiry, [Job]) in
            if let place = jobs.firstIndex(where: { $0.id == id }) {
                jobs.remove(at: place)
                return (.dropped, [])
            }
            guard running[id] != nil else { return (.returned, []) }
            running[id]?.isExpired = true
            guard stuckNow == threads else { return (.hangs, []) }
            defer { jobs = [] }
            return (.hangs, jobs)
        }
        for job in dropped { job.drop(stuckReason) }
        return result
    }

    /// Drops all that waits.
    func dropAll(_ reason: String) {
        let dropped = condition.withLock {
            defer { jobs.removeAll { !$0.isExclusive } }
            return jobs.filter { !$0.isExclusive }
        }
        for job in dropped { job.drop(reason) }
    }

    /// For the operator: what it hangs in.
    var stuckReason: String {
        let labels = condition.withLock { running.values.filter(\.isExpired).map(\.label) }
        return "\(name) hangs in \(Set(labels).sorted().joined(separator: " and "))"
    }

    /// Nothing more is taken; the threads end once all that waits has run.
    func close() {
        condition.withLock {
            closed = true
            condition.broadcast()
        }
    }

    // MARK: The threads

    private func work() {
        var done: UInt64?
        while let job = take(after: done) {
            Breadcrumb.run(job.plugin, job.label, job.run)
            done = job.id
        }
    }

    private func take(after done: UInt64?) -> Job? {
        condition.withLock {
            if let done {
                if running.removeValue(forKey: done)?.isExpired == true { late += 1 }
                condition.broadcast()
            }
            while true {
                let isHeld = running.values.contains(where: \.isExclusive)
                if let first = jobs.first, !isHeld, !first.isExclusive || running.isEmpty {
                    jobs.removeFirst()
                    running[first.id] = Running(id: first.id, label: first.label, isExclusive: first.isExclusive)
                    return first
                }
                if jobs.isEmpty, closed { return nil }
                condition.wait()
            }
        }
    }
}
