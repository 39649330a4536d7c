import Foundation
import Glibc

/// What the kernel says about a file.
public struct FileError: Error, Equatable, CustomStringConvertible {
    public let path: String
    /// The system call.
    public let operation: String
    public let code: Int32

    public init(_ operation: String, _ path: String, _ code: Int32 = errno) {
        (self.operation, self.path, self.code) = (operation, path, code)
    }

    public var reason: String { String(cString: strerror(code)) }
    public var description: String { "\(operation) \(path): \(reason)" }
}

/// Files that are whole or not there. Blocks.
public enum DurableFile {
    /// Writes beside the file's place first and moves it over the old one then: who reads sees one or the other, and an
    /// error leaves the old one as it was. What is no regular file (a device, a pipe) is written to directly.
    /// What root writes belongs to the owner of its folder.
    ///
    /// - Parameters:
    ///   - durable: on the disk, with its name, before this returns.
    ///   - suffix: of the file that is written first; one of its own for each process, where several write the same.
    ///   - opening: opens what is written beside the place; for tests of a full disk.
    public static func write(
        _ data: some ContiguousBytes, to path: String, durable: Bool = false, suffix: String = "new",
        opening: (String) -> Int32 = { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600) }
    ) throws(FileError) {
        guard isReplaceable(path) else {
            return try put(data, at: path, durable: false, inherits: false) { open($0, O_WRONLY | O_CLOEXEC) }
        }
        let partial = "\(path).\(suffix)"
        do throws(FileError) {
            try put(data, at: partial, durable: durable, inherits: true, opening)
            guard rename(partial, path) == 0 else { throw FileError("rename", path) }
        } catch {
            unlink(partial)
            throw error
        }
        if durable { try syncDirectory(of: path) }
    }

    /// The file's bytes, nil where it does not exist; at most `limit` of them.
    public static func read(_ path: String, limit: Int) throws(FileError) -> Data? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw FileError("open", path) }
        defer { close(descriptor) }
        var data = Data(), buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError("read", path) }
            if count == 0 { return data }
            data += buffer[..<count]
            guard data.count <= limit else { throw FileError("read", path, EFBIG) }
        }
    }

    /// Deletes a file for good; one that does not exist is no error.
    public static func remove(_ path: String) throws(FileError) {
        if unlink(path) == 0 { return try syncDirectory(of: path) }
        guard errno == ENOENT else { throw FileError("unlink", path) }
    }

    /// Gives a file another name, for good.
    public static func move(_ path: String, to other: String) throws(FileError) {
        guard rename(path, other) == 0 else { throw FileError("rename", path) }
        try syncDirectory(of: other)
    }

    private static func isReplaceable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    }

    private static func put(
        _ data: some ContiguousBytes, at path: String, durable: Bool, inherits: Bool, _ opening: (String) -> Int32
    ) throws(FileError) {
        let descriptor = opening(path)
        guard descriptor >= 0 else { throw FileError("open", path) }
        var failure: FileError?
        do throws(FileError) {
            if inherits { try Ownership.inherit(descriptor, at: path) }
            failure = writeAll(data, descriptor, path)
        } catch {
            failure = error
        }
        if failure == nil, durable, fsync(descriptor) != 0 { failure = FileError("fsync", path) }
        // A network file system tells only here that there was no room.
        if close(descriptor) != 0, failure == nil { failure = FileError("close", path) }
        if let failure { throw failure }
    }

    private static func writeAll(_ data: some ContiguousBytes, _ descriptor: Int32, _ path: String) -> FileError? {
        data.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return FileError("write", path, count == 0 ? EIO : errno) }
                written += count
            }
            return nil
        }
    }

    /// A new name is on the disk once its folder is.
    private static func syncDirectory(of path: String) throws(FileError) {
        let folder = (path as NSString).deletingLastPathComponent
        let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", folder) }
        defer { close(descriptor) }
        // Some file systems have nothing to sync in a folder and say so.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw FileError("fsync", folder) }
    }
}
