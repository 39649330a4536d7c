import CLinux
import Foundation
import Glibc

/// One run of `timmybot-check`: what it reported, what the plugin printed, and how it ended.
struct ChildOutcome: Sendable {
    enum End: Sendable, Equatable {
        case exited(Int32)
        case crashed(signal: Int32)
        case hung
        case notStarted
    }

    var end: End
    var results: [CheckResult]
    /// What was about to be called last.
    var at: String
    /// The plugin's own output, cut short.
    var printed: String
}

/// Starts `timmybot-check` on one group of checks, with a time limit. Blocks; call it off the cooperative pool.
struct CheckChild: Sendable {
    let program: String
    /// Where the Swift runtime of this host is, for plugins that share it.
    let libraryPath: String
    let timeLimit: Duration
    private static let maximumOutput = 256 << 10

    func run(_ arguments: [String], titles: [String: String]) -> ChildOutcome {
        var report: [Int32] = [-1, -1], output: [Int32] = [-1, -1]
        guard tb_pipe(&report) == 0, tb_pipe(&output) == 0 else {
            return ChildOutcome(end: .notStarted, results: [], at: "", printed: "")
        }
        let pid = spawn(arguments, report: report[1], output: output[1])
        close(report[1])
        close(output[1])
        defer {
            close(report[0])
            close(output[0])
        }
        guard pid > 0 else { return ChildOutcome(end: .notStarted, results: [], at: "", printed: "") }
        let (heard, printed, inTime) = read(report[0], output[0], titles)
        if !inTime { kill(pid, SIGKILL) }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let end: ChildOutcome.End =
            !inTime ? .hung : status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .crashed(signal: status & 0x7F)
        return ChildOutcome(
            end: end, results: heard.results, at: heard.at,
            printed: String(decoding: printed.prefix(400), as: UTF8.self))
    }

    private func spawn(_ arguments: [String], report: Int32, output: Int32) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        // Above what is put in its place, so that none of the two is overwritten by the other.
        let high = fcntl(report, F_DUPFD_CLOEXEC, 64)
        defer { close(high) }
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        posix_spawn_file_actions_adddup2(&actions, high, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of the concurrency pool block every signal, and a mask survives execve.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [
            strdup("LANG=C.UTF-8"), strdup("LD_LIBRARY_PATH=\(libraryPath)"), strdup("SWIFT_BACKTRACE=enable=no"), nil,
        ]
        defer { for text in argv + environment { free(text) } }
        var pid: pid_t = -1
        return posix_spawn(&pid, program, &actions, &attributes, &argv, &environment) == 0 ? pid : -1
    }

    /// Reads both pipes to their ends, or until the time is over.
    private func read(
        _ report: Int32, _ output: Int32, _ titles: [String: String]
    ) -> (heard: ChildReport, printed: [UInt8], inTime: Bool) {
        let end = ContinuousClock.now + timeLimit
        var heard = ChildReport(titles: titles), printed: [UInt8] = []
        var polled = [
            pollfd(fd: report, events: Int16(POLLIN), revents: 0),
            pollfd(fd: output, events: Int16(POLLIN), revents: 0),
        ]
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while polled.contains(where: { $0.fd >= 0 }) {
            let left = ContinuousClock.now.duration(to: end)
            guard left > .zero else { return (heard, printed, false) }
            guard poll(&polled, 2, Int32(clamping: Int(left / .milliseconds(1)) + 1)) >= 0 || errno == EINTR else {
                break
            }
            for index in polled.indices where polled[index].fd >= 0 && polled[index].revents != 0 {
                let count = Glibc.read(polled[index].fd, &buffer, buffer.count)
                if count > 0 {
                    if index == 0 { heard.take(buffer[..<count]) }
                    if index == 1, printed.count < Self.maximumOutput { printed += buffer[..<count] }
                } else if count == 0 || errno != EINTR {
                    polled[index].fd = -1
                }
            }
        }
        return (heard, printed, true)
    }
}
