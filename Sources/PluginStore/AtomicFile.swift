import Foundation
import Glibc

/// Small files that are whole or not there.
enum AtomicFile {
    /// Nil where there is no such file.
    static func read(_ path: String, limit: Int) throws(PluginStoreError) -> Data? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw PluginStoreError("\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size <= limit else {
            throw PluginStoreError("\(path) is no file of at most \(limit) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
        var used = 0
        while used < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + used }, $0.count - used)
            }
            guard count > 0 else { break }
            used += count
        }
        return Data(bytes.prefix(used))
    }

    /// Beside its place first, then moved over what was there; on the disk when this returns.
    static func write(_ data: Data, to path: String, mode: mode_t = 0o600) throws(PluginStoreError) {
        let partial = "\(path).new-\(getpid())"
        unlink(partial)
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw PluginStoreError("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var sent = 0
        while sent < data.count {
            let count = data.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent)
            }
            guard count > 0 else { break }
            sent += count
        }
        guard sent == data.count, fsync(descriptor) == 0, rename(partial, path) == 0 else {
            let cause = String(cString: strerror(errno))
            unlink(partial)
            throw PluginStoreError("\(path) cannot be written: \(cause)")
        }
    }
}
