import Glibc

/// The sole use of a folder by one process, until this is released or the process ends, however it ends.
///
/// A lock of the kernel on the folder itself: nothing is left behind. Two claims exclude each other within one process,
/// too.
public final class FolderClaim: Sendable {
    /// Somebody else has it.
    public struct Taken: Error {}

    private let descriptor: Int32

    /// Where the folder cannot be opened, or its file system has no locks, nothing is claimed: what uses the folder finds
    /// out the rest.
    ///
    /// - Throws: `Taken` at once; it does not wait.
    public init(_ path: String) throws(Taken) {
        let opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if opened >= 0, flock(opened, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(opened)
            throw Taken()
        }
        descriptor = opened
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
