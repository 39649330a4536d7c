import CSodium
import CTimmyBot
import Foundation
import Glibc

/// Files to plugin tables. Nothing is ever unloaded.
struct PluginLoader {
    /// Where content-addressed copies go, so that a file that is replaced does not pull the code from under us.
    let cacheDirectory: String
    static let maximumSize = 256 << 20

    /// Reads the manifest without running a line of the plugin.
    static func manifest(of path: String) throws(PluginRefusal) -> (manifest: PluginManifest, bytes: [UInt8]) {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)), data.count <= maximumSize else {
            throw PluginRefusal("it cannot be read")
        }
        let bytes = Array(data)
        let file = try ELFFile(bytes)
        guard let section = try file.section("timmybot_manifest") else {
            throw PluginRefusal("it has no manifest: not a TimmyBot plugin")
        }
        return (try PluginManifest(json: section), bytes)
    }

    func load(_ path: String) throws(PluginRefusal) -> (manifest: PluginManifest, table: UnsafePointer<tb_plugin_v1>) {
        let (manifest, bytes) = try Self.manifest(of: path)
        let copy = try copied(bytes, as: manifest.id)
        guard let handle = dlopen(copy, RTLD_NOW | RTLD_LOCAL | Int32(RTLD_NODELETE)) else {
            throw PluginRefusal("it cannot be loaded: \(Self.lastError())")
        }
        guard let symbol = dlsym(handle, "timmybot_plugin_v1") else {
            throw PluginRefusal("it does not export timmybot_plugin_v1")
        }
        typealias Entry = @convention(c) () -> UnsafePointer<tb_plugin_v1>?
        guard let table = unsafeBitCast(symbol, to: Entry.self)() else {
            throw PluginRefusal("its entry answers nothing")
        }
        try check(table.pointee, manifest)
        return (manifest, table)
    }

    private func check(_ table: tb_plugin_v1, _ manifest: PluginManifest) throws(PluginRefusal) {
        guard table.magic == TB_PLUGIN_MAGIC else {
            throw PluginRefusal("its table starts with \(String(table.magic, radix: 16)) instead of the magic number")
        }
        guard table.size == UInt32(MemoryLayout<tb_plugin_v1>.size) else {
            throw PluginRefusal("its table has \(table.size) bytes instead of \(MemoryLayout<tb_plugin_v1>.size)")
        }
        guard table.id.copied(limit: 64) == manifest.id else {
            throw PluginRefusal("its table's id is not its manifest's")
        }
        guard table.version.copied(limit: 32) == manifest.version else {
            throw PluginRefusal("its table's version is not its manifest's")
        }
        guard table.get_extension != nil else { throw PluginRefusal("it has no get_extension function") }
    }

    private func copied(_ bytes: [UInt8], as id: String) throws(PluginRefusal) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256(&digest, bytes, UInt64(bytes.count))
        let name = digest.prefix(12).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let path = "\(cacheDirectory)/\(id)-\(name).so"
        if let known = try? Data(contentsOf: URL(fileURLWithPath: path)), Array(known) == bytes { return path }
        let partial = "\(path).\(getpid())"
        do {
            try FileManager.default.createDirectory(
                atPath: cacheDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try Data(bytes).write(to: URL(fileURLWithPath: partial))
            guard rename(partial, path) == 0 else { throw PluginRefusal("rename") }
        } catch {
            unlink(partial)
            let isFull = (error as? CocoaError)?.code == .fileWriteOutOfSpace
            let reason = isFull ? "no space left on the disk" : "it cannot be written to"
            throw PluginRefusal("it cannot be copied to \(cacheDirectory): \(reason)")
        }
        return path
    }

    private static func lastError() -> String { dlerror().map { String(String(cString: $0).prefix(300)) } ?? "unknown" }
}
