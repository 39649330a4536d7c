import CLibAV
import CLinux
import CSeccomp
import Glibc
import MediaWire

/// What the worker gives up before it reads the first foreign byte.
enum Confinement {
    /// Bytes that libav may take at once: a tag can claim a picture of 256 MiB. The largest honest piece is the index of an
    /// M4A file, 24 bytes a packet: 18 hours of sound.
    static let largestPiece = 64 << 20

    /// System calls that decoding and the control socket need, whatever their arguments. With those below these are all;
    /// everything else fails with EPERM: no file is opened, no socket made, no program started.
    private static let allowed = [
        "read", "readv", "pread64", "write", "writev", "lseek", "fstat", "newfstatat", "close", "sendmsg", "recvmsg",
        "munmap", "mremap", "madvise", "brk", "futex", "set_robust_list", "rseq", "exit", "exit_group", "rt_sigaction",
        "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "clock_gettime", "clock_getres", "clock_nanosleep",
        "nanosleep",
        "gettimeofday", "sched_yield", "sched_getaffinity", "getpid", "gettid", "getrandom", "sysinfo",
        "restart_syscall", "membarrier", "times", "getrusage",
    ]

    /// A call that is allowed only where (argument & mask) == value.
    private struct Bounded {
        let name: String
        let argument: UInt32
        let mask, value: UInt64
    }

    /// `CLONE_THREAD` of linux/sched.h.
    private static let cloneThread: UInt64 = 0x1_0000

    private static var bounded: [Bounded] {
        let executable = UInt64(PROT_EXEC)
        return [
            // Threads, but no processes. Filters see numbers and no memory, and the flags of `clone3` are in memory: it is
            // reported as absent, and the C library falls back on `clone`.
            Bounded(name: "clone", argument: 0, mask: cloneThread, value: cloneThread),
            // Aborting needs it; for itself only.
            Bounded(name: "tgkill", argument: 0, mask: UInt64(UInt32.max), value: UInt64(getpid())),
            // Names of threads, for whoever looks at the process (PR_SET_NAME).
            Bounded(name: "prctl", argument: 0, mask: .max, value: 15),
            // No new code.
            Bounded(name: "mmap", argument: 2, mask: executable, value: 0),
            Bounded(name: "mprotect", argument: 2, mask: executable, value: 0),
        ]
    }

    /// False where the kernel refused: the worker must not run then.
    static func apply() -> Bool {
        av_max_alloc(largestPiece)
        guard tb_confine_process(UInt64(MediaWire.workerMemory)) == 0, let filter = tb_seccomp_deny_by_default() else {
            return false
        }
        defer { seccomp_release(filter) }
        for name in allowed where tb_seccomp_allow(filter, name) != 0 { return false }
        for rule in bounded
        where tb_seccomp_allow_masked(filter, rule.name, rule.argument, rule.mask, rule.value) != 0 { return false }
        guard tb_seccomp_absent(filter, "clone3") == 0 else { return false }
        return seccomp_load(filter) == 0
    }

    /// For the tests: tries what must fail and prints a line for each.
    /// - Parameter parent: asked for before the doors closed.
    static func report(parent: pid_t) -> String {
        func verdict(_ name: String, _ status: Int, _ expected: Int32 = EPERM) -> String {
            "\(name): \(status < 0 && errno == expected ? "refused" : "ALLOWED")"
        }
        return [
            verdict("open", Int(open("/etc/passwd", O_RDONLY))),
            verdict("socket", Int(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))),
            verdict("unlink", Int(unlink("/tmp/timmybot-no-such-file"))),
            verdict("kill", Int(kill(1, 0))),
            verdict("tgkill of the parent", Int(tb_try_tgkill(parent))),
            verdict("execve", Int(execve("/bin/true", [nil], [nil]))),
            verdict("fork", Int(tb_try_fork())),
            verdict("clone3", Int(tb_try_clone3()), ENOSYS),
            verdict("setpgid", Int(setpgid(0, 0))),
            verdict("executable memory", Int(tb_try_executable_memory())),
        ].joined(separator: "\n")
    }
}
