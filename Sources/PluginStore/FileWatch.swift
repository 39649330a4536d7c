import Foundation
import Glibc

/// Tells when a file has changed and is whole again. Has no clock: who asks it decides how often.
public struct FileWatch: Sendable {
    /// What a change shows in.
    public struct Stamp: Sendable, Equatable {
        let device, inode: UInt64
        let size: Int64
        let seconds, nanoseconds: Int64

        /// Nil where there is no such file.
        public init?(_ path: String) {
            var facts = stat()
            guard stat(path, &facts) == 0 else { return nil }
            (device, inode, size) = (UInt64(facts.st_dev), UInt64(facts.st_ino), Int64(facts.st_size))
            (seconds, nanoseconds) = (Int64(facts.st_mtim.tv_sec), Int64(facts.st_mtim.tv_nsec))
        }
    }

    private var told: Stamp?
    private var last: Stamp?

    /// - Parameter stamp: of the file as it is known already.
    public init(_ stamp: Stamp?) { (told, last) = (stamp, stamp) }

    /// Whether the file is another one than before, and was the same twice in a row: a linker writes for a while.
    public mutating func hasChanged(to stamp: Stamp?) -> Bool {
        defer { last = stamp }
        guard let stamp, stamp == last, stamp != told else { return false }
        told = stamp
        return true
    }
}
