import Foundation
import Glibc

/// Why a file could not be read or written.
public struct FileFailure: Error, Sendable, Equatable, CustomStringConvertible {
    public let path: String
    public let number: Int32
    public var description: String { "\(path): \(String(cString: strerror(number)))" }
}

/// Whole files that are either the old one or the new one, also after a power cut. Blocks.
public protocol FileKeeping: Sendable {
    /// Nil where there is no such file. `EFBIG` where it is larger than `limit`.
    func read(_ path: String, limit: Int) throws(FileFailure) -> [UInt8]?
    /// Returns when it is on the disk.
    func replace(_ path: String, with bytes: [UInt8]) throws(FileFailure)
    /// Renames a file that cannot be used, next to itself; its new name.
    func putAside(_ path: String) throws(FileFailure) -> String
}

/// On this machine's disk: files for the owner only, in folders for the owner only.
public struct DurableFiles: FileKeeping {
    /// Opens the file that is written before it takes the other's place; tests let this lead to `/dev/full`.
    let open: @Sendable (String) -> Int32

    public init() {
        self.init { Glibc.open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600) }
    }

    init(open: @escaping @Sendable (String) -> Int32) { self.open = open }

    public func read(_ path: String, limit: Int) throws(FileFailure) -> [UInt8]? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw FileFailure(path: path, number: errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileFailure(path: path, number: errno) }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= limit else { throw FileFailure(path: path, number: EFBIG) }
        }
    }

    public func replace(_ path: String, with bytes: [UInt8]) throws(FileFailure) {
        let folder = (path as NSString).deletingLastPathComponent
        try makeFolder(folder)
        let partial = path + ".new"
        do throws(FileFailure) {
            try write(bytes, to: partial)
            guard rename(partial, path) == 0 else { throw FileFailure(path: path, number: errno) }
        } catch {
            unlink(partial)
            throw error
        }
        // The rename itself is on the disk when the folder is.
        try sync(folder)
    }

    public func putAside(_ path: String) throws(FileFailure) -> String {
        for number in 0..<100 {
            let name = "\(path).damaged" + (number == 0 ? "" : "-\(number)")
            if link(path, name) == 0 {
                unlink(path)
                return name
            }
            guard errno == EEXIST else { throw FileFailure(path: path, number: errno) }
        }
        throw FileFailure(path: path, number: EEXIST)
    }

    private func write(_ bytes: [UInt8], to path: String) throws(FileFailure) {
        let descriptor = open(path)
        guard descriptor >= 0 else { throw FileFailure(path: path, number: errno) }
        var failed: Int32 = 0
        var written = 0
        while written < bytes.count, failed == 0 {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
            }
            if count > 0 { written += count } else if errno != EINTR { failed = errno }
        }
        if failed == 0, fsync(descriptor) != 0 { failed = errno }
        // Some file systems tell of a full disk only now.
        if close(descriptor) != 0, failed == 0 { failed = errno }
        guard failed == 0 else { throw FileFailure(path: path, number: failed) }
    }

    private func sync(_ folder: String) throws(FileFailure) {
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure(path: folder, number: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileFailure(path: folder, number: errno) }
    }

    private func makeFolder(_ folder: String) throws(FileFailure) {
        errno = 0
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw FileFailure(path: folder, number: errno == 0 ? EIO : errno)
        }
    }
}
