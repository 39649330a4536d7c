import CBenchFloor
import Foundation
import Glibc
import Synchronization

/// Reads what the kernel counts.
enum Meter {
    /// Resident memory of this process in bytes.
    static var resident: Int {
        let fields = read("/proc/self/statm").split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }

    /// Bytes of another process, shared pages divided among those who share them.
    static func proportional(_ process: pid_t) -> Int {
        let line = read("/proc/\(process)/smaps_rollup").split(separator: "\n").first { $0.hasPrefix("Pss:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1_024
    }

    /// The three averages, so that a reader sees whether others were at work.
    static var load: String { read("/proc/loadavg").split(separator: " ").prefix(3).joined(separator: " ") }

    /// A thread of this process by its name.
    static func thread(named name: String) -> pid_t? {
        let ids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return ids.first { read("/proc/self/task/\($0)/comm").trimmingCharacters(in: .newlines) == name }.flatMap {
            pid_t($0)
        }
    }

    /// One guild needs a socket and a ring: more descriptors than a shell gives by default.
    static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 8_192)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func read(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}

/// Nanoseconds of CPU for each frame, as milliseconds for a minute of one stream.
func streamMinute(_ nanoseconds: Int64, frames: Int) -> Double {
    frames == 0 ? 0 : Double(nanoseconds) / Double(frames) * 3_000 / 1e6
}

/// Does `body` again and again on a thread of its own until it is stopped.
final class Background: Sendable {
    private let running = Atomic(true)
    private let done = DispatchSemaphore(value: 0)

    init(every microseconds: UInt32, _ body: @escaping @Sendable () -> Void) {
        Thread.detachNewThread { [self] in
            while running.load(ordering: .acquiring) {
                body()
                usleep(microseconds)
            }
            body()
            done.signal()
        }
    }

    /// Returns when the thread has left `body` for good.
    func stop() {
        running.store(false, ordering: .releasing)
        done.wait()
    }
}

/// Runs `body` on a thread of its own with the scheduling that the pump asks for, and waits for it.
func onPumpLikeThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            _ = tb_realtime()
            continuation.resume(returning: body())
        }
    }
}

/// As above, with ordinary scheduling: for work that would otherwise keep a core from everybody else.
func onPlainThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
