import CLinux
import CSeccomp
import Glibc

/// What the worker gives up before it reads the first foreign byte.
enum Confinement {
    /// Heap of the whole worker.
    static let memory: UInt64 = 1 << 30

    /// System calls that decoding and the control socket need. Everything else fails with EPERM: no file is opened, no
    /// socket made, no program started.
    private static let allowed = [
        "read", "readv", "pread64", "write", "writev", "lseek", "fstat", "newfstatat", "close", "sendmsg", "recvmsg",
        "mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "futex", "clone", "clone3", "set_robust_list", "rseq",
        "exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "clock_gettime",
        "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "sched_yield", "sched_getaffinity", "getpid",
        "gettid", "tgkill", "getrandom", "sysinfo", "restart_syscall", "membarrier", "times", "getrusage",
    ]

    /// False where the kernel refused: the worker must not run then.
    static func apply() -> Bool {
        guard tb_confine_process(memory) == 0, let filter = tb_seccomp_deny_by_default() else { return false }
        defer { seccomp_release(filter) }
        for name in allowed where tb_seccomp_allow(filter, name) != 0 { return false }
        return seccomp_load(filter) == 0
    }

    /// For the tests: tries what must fail and prints a line for each.
    static func report() -> String {
        func verdict(_ name: String, _ status: Int) -> String {
            "\(name): \(status < 0 && errno == EPERM ? "refused" : "ALLOWED")"
        }
        return [
            verdict("open", Int(open("/etc/passwd", O_RDONLY))),
            verdict("socket", Int(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))),
            verdict("unlink", Int(unlink("/tmp/timmybot-no-such-file"))),
            verdict("kill", Int(kill(1, 0))),
            verdict("execve", Int(execve("/bin/true", [nil], [nil]))),
            verdict("fork", Int(vforkless())),
        ].joined(separator: "\n")
    }

    /// `setpgid` stands for process control; fork itself shares `clone` with threads and so stays possible, harmlessly.
    private static func vforkless() -> Int32 { setpgid(0, 0) }
}
