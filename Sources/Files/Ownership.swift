import Foundation
import Glibc

/// What root makes belongs to whom the folder around it belongs to: the bot runs as another user and must be able to read
/// what an operator did with `sudo`. Without effect for anybody but root, and for a root that may not give away (in some
/// containers, on network file systems). Blocks.
public enum Ownership {
    /// Makes a folder and those above it that are missing, for their owner only.
    public static func makeFolder(_ path: String) throws(FileError) {
        if mkdir(path, 0o700) == 0 { return try inherit(path) }
        switch errno {
        case EEXIST where isFolder(path): return
        case ENOENT:
            let above = folder(of: path)
            guard above != path else { throw FileError("mkdir", path) }
            try makeFolder(above)
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw FileError("mkdir", path) }
            try inherit(path)
        default: throw FileError("mkdir", path)
        }
    }

    /// Gives a file that was just made, and is at `path`, to the owner of its folder.
    static func inherit(_ descriptor: Int32, at path: String) throws(FileError) {
        guard let owner = ownerToTakeOver(path) else { return }
        guard fchown(descriptor, owner.uid, owner.gid) == 0 || errno == EPERM else { throw FileError("chown", path) }
    }

    private static func inherit(_ path: String) throws(FileError) {
        guard let owner = ownerToTakeOver(path) else { return }
        guard lchown(path, owner.uid, owner.gid) == 0 || errno == EPERM else { throw FileError("chown", path) }
    }

    /// Nil where there is nothing to do: this is not root, or the folder is root's.
    private static func ownerToTakeOver(_ path: String) -> (uid: uid_t, gid: gid_t)? {
        var status = stat()
        guard geteuid() == 0, stat(folder(of: path), &status) == 0, status.st_uid != 0 else { return nil }
        return (status.st_uid, status.st_gid)
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func folder(of path: String) -> String {
        let folder = (path as NSString).deletingLastPathComponent
        return folder.isEmpty ? "." : folder
    }
}
