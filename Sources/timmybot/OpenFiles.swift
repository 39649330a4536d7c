import Glibc

/// How many files and sockets the process may have open at once.
enum OpenFiles {
    /// A guild that plays takes some five descriptors: enough for thousands of them. Not more: on some machines the bound
    /// is a thousand million, and what goes through all possible descriptors would take minutes.
    static let wanted: rlim_t = 65_536

    /// Takes what the operator's hard limit allows: the usual soft limit of 1024 is there for programs that use `select`.
    /// To be called before anything is started; the media worker inherits it, as it has descriptors of every stream too.
    static func raise() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return }
        let target = min(limit.rlim_max, wanted)
        guard limit.rlim_cur < target else { return }
        limit.rlim_cur = target
        setrlimit(resource, &limit)
    }
}
