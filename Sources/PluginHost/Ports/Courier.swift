import CTimmyBot
import Foundation

/// The thread on which completions of host functions are called, one for each plugin: not its lane, which may be blocked
/// waiting for just this completion, and not the cooperative pool, which a plugin must not block. Starts with the first
/// completion. What is owed to a plugin is counted from `owe` to the end of its `deliver`.
///
/// `@unchecked Sendable`: every stored property is touched under `condition` only.
final class Courier: @unchecked Sendable {
    /// Beyond this many a host function answers `TB_E_RATE_LIMIT`.
    static let maximumOwed = 512

    private let condition = NSCondition()
    private var jobs: [@Sendable () -> Void] = []
    private var owed = 0
    private var isRunning = false, isClosed = false
    private let name: String

    init(name: String) { self.name = name }

    /// Promises one completion. False where too many are owed already, or the plugin is being stopped.
    func owe() -> Bool {
        condition.withLock {
            guard !isClosed, owed < Self.maximumOwed else { return false }
            owed += 1
            return true
        }
    }

    /// Keeps a promise.
    func deliver(_ job: @escaping @Sendable () -> Void) {
        condition.withLock {
            jobs.append(job)
            condition.broadcast()
            guard !isRunning else { return }
            isRunning = true
            let thread = Thread { [self] in work() }
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
            let job: (@Sendable () -> Void)? = condition.withLock {
                while jobs.isEmpty, !(isClosed && owed == 0) { condition.wait() }
                return jobs.isEmpty ? nil : jobs.removeFirst()
            }
            guard let job else { return }
            job()
            condition.withLock {
                owed -= 1
                condition.broadcast()
            }
        }
    }
}
