import Files
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
        do throws(FileError) { return try DurableFile.read(path, limit: limit).map { Array($0) } } catch {
            throw FileFailure(path: error.path, number: error.code)
        }
    }

    public func replace(_ path: String, with bytes: [UInt8]) throws(FileFailure) {
        try makeFolder((path as NSString).deletingLastPathComponent)
        do throws(FileError) { try DurableFile.write(bytes, to: path, durable: true, opening: open) } catch {
            throw FileFailure(path: error.path, number: error.code)
        }
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
