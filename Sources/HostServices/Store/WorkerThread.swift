import Foundation

/// One thread that does one job after the other, for what blocks. It starts with a job and ends after ten idle seconds.
/// How many jobs wait is bounded by its users.
///
/// `@unchecked Sendable`: every stored property is touched under `condition` only.
final class WorkerThread: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [@Sendable () -> Void] = []
    private var isRunning = false
    private let name: String

    init(name: String) { self.name = name }

    func submit(_ job: @escaping @Sendable () -> Void) {
        condition.withLock {
            jobs.append(job)
            condition.signal()
            if !isRunning { start() }
        }
    }

    /// Under the lock.
    private func start() {
        isRunning = true
        let thread = Thread { [self] in work() }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    private func work() {
        while true {
            let job: (@Sendable () -> Void)? = condition.withLock {
                let limit = Date(timeIntervalSinceNow: 10)
                while jobs.isEmpty, condition.wait(until: limit) {}
                if jobs.isEmpty {
                    isRunning = false
                    return nil
                }
                return jobs.removeFirst()
            }
            guard let job else { return }
            job()
        }
    }
}
