import CBreadcrumb
import CTimmyBot
import Foundation

/// The thread on which completions of host functions are called, one for each plugin: not its lane, which may be blocked
/// waiting for just this completion, and not the cooperative pool, which a plugin must not block. Starts with the first
/// completion. What is owed to a plugin is counted from `owe` to the end of its `deliver`: as long as there is any, the
/// instance is not destroyed.
///
/// `@unchecked Sendable`: every stored property is touched under `condition` only.
final class Courier: @unchecked Sendable {
    /// Beyond this many a host function answers `TB_E_RATE_LIMIT`.
    static let maximumOwed = 512

    private let condition = NSCondition()
    private var jobs: [(label: String, run: @Sendable () -> Void)] = []
    private var owed = 0
    private var isRunning = false, isClosed = false
    private let name: String

    /// - Parameter name: the plugin's id; names the thread, and is blamed for what crashes on it.
    init(name: String) { self.name = name }

    /// Promises one completion. False where too many are owed already, or the plugin is being stopped.
    func owe() -> Bool {
        condition.withLock {
            guard !isClosed, owed < Self.maximumOwed else { return false }
            owed += 1
            return true
        }
    }

    /// Counts a thread of somebody else that goes into the plugin, until its `leave`. False where the plugin is being
    /// stopped.
    func enter() -> Bool {
        condition.withLock {
            if !isClosed { owed += 1 }
            return !isClosed
        }
    }

    func leave() {
        condition.withLock {
            owed -= 1
            condition.broadcast()
        }
    }

    /// Keeps a promise.
    /// - Parameter label: what the plugin is called for.
    func deliver(_ label: String = "completion", _ job: @escaping @Sendable () -> Void) {
        condition.withLock {
            jobs.append((label, job))
            condition.broadcast()
            guard !isRunning else { return }
            isRunning = true
            let thread = Thread { [self] in
                let stack = tb_crumb_stack_open()
                work()
                tb_crumb_stack_close(stack)
            }
            thread.name = String(name.suffix(15))
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    /// Takes no more promises; those given are kept.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    var isAnythingOwed: Bool { condition.withLock { owed > 0 } }

    /// Blocks until every promise is kept; false where that takes longer.
    func waitUntilNothingIsOwed(_ limit: TimeInterval) -> Bool {
        let end = Date(timeIntervalSinceNow: limit)
        return condition.withLock {
            while owed > 0 {
                guard condition.wait(until: end) else { return owed == 0 }
            }
            return true
        }
    }

    private func work() {
        while true {
            let job = condition.withLock {
                while jobs.isEmpty, !(isClosed && owed == 0) { condition.wait() }
                return jobs.isEmpty ? nil : jobs.removeFirst()
            }
            guard let job else { return }
            Breadcrumb.run(name, job.label, job.run)
            leave()
        }
    }
}
