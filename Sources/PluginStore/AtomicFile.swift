import Files
import Foundation
import Glibc

/// Small files that are whole or not there, with this module's errors.
enum AtomicFile {
    /// Nil where there is no such file.
    static func read(_ path: String, limit: Int) throws(PluginStoreError) -> Data? {
        do throws(FileError) {
            return try DurableFile.read(path, limit: limit)
        } catch {
            throw PluginStoreError("\(path) cannot be read: \(error.reason)")
        }
    }

    /// Beside its place first, then moved over what was there; on the disk when this returns.
    static func write(_ data: Data, to path: String) throws(PluginStoreError) {
        do throws(FileError) {
            // `timmybot plugin` and the bot may write at the same time.
            try DurableFile.write(data, to: path, durable: true, suffix: "new-\(getpid())")
        } catch {
            throw PluginStoreError("\(path) cannot be written: \(error.reason)")
        }
    }
}
