import ArgumentParser
import Bot
import CBreadcrumb
import Dispatch
import Foundation
import Glibc
import PluginStore

/// `run --supervise`: the bot as a child process that is started again after a crash.
///
/// `@unchecked Sendable`: what changes is touched under `lock` only.
final class Supervisor: @unchecked Sendable {
    static let parentVariable = "TIMMYBOT_SUPERVISOR"

    private let arguments: [String]
    private let lock = NSLock()
    private let wake = DispatchSemaphore(value: 0)
    private var policy = RestartPolicy()
    private var child: pid_t?
    private var isStopping = false

    /// - Parameter arguments: of the child, without the program's name.
    init(arguments: [String]) { self.arguments = arguments }

    /// Runs until the child is done for good; the status to exit with.
    func run() async -> Int32 {
        let signals = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in pass(number) }
            source.resume()
            return source
        }
        defer { withExtendedLifetime(signals) {} }
        // One thread starts every child and stays: a child is told of the end of that very thread.
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { [self] in continuation.resume(returning: watch()) }
        }
    }

    private func pass(_ number: Int32) {
        lock.withLock {
            policy.stop()
            isStopping = true
            if let child { kill(child, number) }
        }
        wake.signal()
    }

    private func watch() -> Int32 {
        while true {
            let started = ContinuousClock.now
            guard let end = runOnce() else { return 0 }
            let lasted = started.duration(to: .now) / .seconds(1)
            switch lock.withLock({ policy.ended(end, lasted: lasted) }) {
            case .exit(let status): return status
            case .restart(let pause):
                Settings.fail("the bot ended (\(Self.text(end))); it is started again in \(Int(pause)) s")
                // Nothing runs that could be cut short: a stop like any other.
                if wake.wait(timeout: .now() + pause) == .success { return 0 }
            }
        }
    }

    private static func text(_ end: RestartPolicy.End) -> String {
        switch end {
        case .exited(let status): "status \(status)"
        case .signalled(let number): String(cString: strsignal(number))
        }
    }

    /// Nil where it was stopped before it began.
    private func runOnce() -> RestartPolicy.End? {
        let pid = lock.withLock { () -> pid_t? in
            guard !isStopping else { return nil }
            child = start()
            return child
        }
        guard let pid else { return nil }
        guard pid > 0 else { return .exited(71) }
        var status: Int32 = 0
        // The number stays the child's until it is reaped under the lock: no signal can reach another process.
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        lock.withLock {
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            child = nil
        }
        return status & 0x7F == 0 ? .exited((status >> 8) & 0xFF) : .signalled(status & 0x7F)
    }

    /// In a process group of its own, so that a ^C reaches it once, by us. -1 where it cannot be started.
    private func start() -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t(), usual = sigset_t()
        sigemptyset(&none)
        sigemptyset(&usual)
        for number in [SIGTERM, SIGINT] { sigaddset(&usual, number) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &usual)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var environment = ProcessInfo.processInfo.environment
        environment[Self.parentVariable] = "\(getpid())"
        let program = Installation.runningExecutable
        var argv = ([program] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = -1
        let failed = posix_spawn(&pid, program, nil, &attributes, &argv, &envp)
        guard failed == 0 else {
            Settings.fail("\(program) cannot be started: \(String(cString: strerror(failed)))")
            return -1
        }
        return pid
    }
}

/// What a bot's process does so that its end can be told.
enum CrashWatch {
    /// Writes who is to blame for a fatal signal into the data folder.
    static func install(dataDirectory: String) {
        let descriptor = PluginStore(dataDirectory: dataDirectory).openCrashFile()
        guard descriptor >= 0, tb_crumb_install(descriptor) == 0 else {
            return Settings.fail("crashes of plugins will not be told: \(dataDirectory)/plugins cannot be written")
        }
    }

    /// Ends with the supervisor, where there is one.
    static func followSupervisor() {
        guard let text = ProcessInfo.processInfo.environment[Supervisor.parentVariable], let parent = Int32(text) else {
            return
        }
        if !tb_crumb_die_with_parent(SIGTERM, parent) { _exit(75) }
    }
}
