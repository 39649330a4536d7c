import CLinux
import Foundation

/// The one thread on which a plugin instance is called. Plugins may block here, and nothing else waits for them.
///
/// `@unchecked Sendable`: `jobs` and `closed` are touched under `condition` only.
final class Lane: @unchecked Sendable {
    static let maximumWaiting = 1_024

    private let condition = NSCondition()
    private var jobs: [@Sendable () -> Void] = []
    private var closed = false

    init(name: String) {
        let thread = Thread { [self] in
            tb_thread_name(String(name.suffix(15)))
            work()
        }
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// False where too much waits already: the plugin is stuck.
    func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        condition.withLock {
            guard !closed, jobs.count < Self.maximumWaiting else { return false }
            jobs.append(job)
            condition.signal()
            return true
        }
    }

    func close() {
        condition.withLock {
            closed = true
            condition.signal()
        }
    }

    private func work() {
        while true {
            let next: (@Sendable () -> Void)? = condition.withLock {
                while jobs.isEmpty, !closed { condition.wait() }
                return jobs.isEmpty ? nil : jobs.removeFirst()
            }
            guard let next else { return }
            next()
        }
    }
}

/// Stops asking a plugin that keeps failing, and tries again after a while. Pure; time in seconds on any steady clock.
public struct Breaker: Sendable, Equatable {
    static let threshold = 5
    static let pause = 30.0

    private var failures = 0
    private var openUntil: Double?

    public init() {}

    public func isOpen(now: Double) -> Bool { openUntil.map { now < $0 } ?? false }

    public mutating func succeeded() {
        failures = 0
        openUntil = nil
    }

    public mutating func failed(now: Double) {
        failures += 1
        if failures >= Self.threshold { openUntil = now + Self.pause }
    }
}
