import CBreadcrumb
import CSodium
import CTimmyBot
import Foundation
import Glibc
import Synchronization

/// A plugin's file, read and not yet run.
struct PluginFile: Sendable {
    let path: String
    let manifest: PluginManifest
    let bytes: [UInt8]
    /// SHA-256 of the bytes, in hexadecimal.
    let digest: String
}

/// A plugin whose code is in the process.
///
/// `@unchecked Sendable`: the table is the plugin's constant, and stays mapped.
struct LoadedPlugin: @unchecked Sendable {
    let manifest: PluginManifest
    let file, digest: String
    /// Path of the copy that is mapped.
    let copy: String
    let table: UnsafePointer<tb_plugin_v1>
}

/// Files to plugin tables. Nothing is ever unloaded.
struct PluginLoader {
    /// Where content-addressed copies go, so that a file that is replaced does not pull the code from under us.
    let cacheDirectory: String
    static let maximumSize = 256 << 20
    /// Builds of one plugin that a process takes before it wants to be restarted: each stays mapped for good.
    static let maximumBuilds = 100

    private static let builds = Mutex<[String: Set<String>]>([:])
    /// Configurations that a build was loaded with, by the path of its first copy.
    private static let editions = Mutex<[String: [String]]>([:])

    /// Reads the manifest without running a line of the plugin.
    static func manifest(of path: String) throws(PluginRefusal) -> (manifest: PluginManifest, bytes: [UInt8]) {
        let file = try read(path)
        return (file.manifest, file.bytes)
    }

    /// - Parameter expected: SHA-256 that the file must have, where somebody vouched for it.
    static func read(_ path: String, expecting expected: String? = nil) throws(PluginRefusal) -> PluginFile {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)), data.count <= maximumSize else {
            throw PluginRefusal("it cannot be read")
        }
        let bytes = Array(data)
        let digest = sha256(bytes)
        guard expected == nil || expected == digest else {
            throw PluginRefusal("its file is not the one that was installed (another SHA-256 than in the lockfile)")
        }
        let file = try ELFFile(bytes)
        guard let section = try file.section("timmybot_manifest") else {
            throw PluginRefusal("it has no manifest: not a TimmyBot plugin")
        }
        return PluginFile(path: path, manifest: try PluginManifest(json: section), bytes: bytes, digest: digest)
    }

    /// Runs the file's constructors and its entry: on the plugin's lane.
    ///
    /// - Parameter settings: the configuration that it will be created with. Each has a copy of the code, since the
    ///   instance with the one before may still be there, and two of one copy would share their static data.
    func load(_ file: PluginFile, settings: String = "{}") throws(PluginRefusal) -> LoadedPlugin {
        let manifest = file.manifest
        let edition = edition(file, settings)
        guard Self.admit("\(cacheDirectory)/\(manifest.id)", "\(file.digest)-\(edition)") else {
            throw PluginRefusal("\(Self.maximumBuilds) builds of it are in this process; restart to load another")
        }
        let copy = try copied(file, edition)
        guard let handle = dlopen(copy, RTLD_NOW | RTLD_LOCAL | Int32(RTLD_NODELETE)) else {
            throw PluginRefusal("it cannot be loaded: \(Self.lastError())")
        }
        _ = tb_crumb_image(manifest.id, copy)
        guard let symbol = dlsym(handle, "timmybot_plugin_v1") else {
            throw PluginRefusal("it does not export timmybot_plugin_v1")
        }
        typealias Entry = @convention(c) () -> UnsafePointer<tb_plugin_v1>?
        guard let table = unsafeBitCast(symbol, to: Entry.self)() else {
            throw PluginRefusal("its entry answers nothing")
        }
        try check(table.pointee, manifest)
        return LoadedPlugin(manifest: manifest, file: file.path, digest: file.digest, copy: copy, table: table)
    }

    /// How many configurations this build was loaded with before this one.
    private func edition(_ file: PluginFile, _ settings: String) -> Int {
        let key = "\(cacheDirectory)/\(Self.copyName(file.manifest.id, file.digest))"
        return Self.editions.withLock { editions in
            let known = editions[key] ?? []
            if let place = known.firstIndex(of: settings) { return place }
            // More than these are refused anyway, as more builds are.
            if known.count <= Self.maximumBuilds { editions[key] = known + [settings] }
            return known.count
        }
    }

    private static func admit(_ id: String, _ digest: String) -> Bool {
        builds.withLock { builds in
            let known = builds[id] ?? []
            guard known.contains(digest) || known.count < maximumBuilds else { return false }
            builds[id] = known.union([digest])
            return true
        }
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

    // MARK: Copies

    /// Name of a content-addressed copy: of the first one, and of those for further configurations.
    static func copyName(_ id: String, _ digest: String, edition: Int = 0) -> String {
        guard edition > 0 else { return "\(id)-\(digest.prefix(24)).so" }
        return "\(id)-\(digest.prefix(20))\(String(0x1_0000 | edition & 0xFFFF, radix: 16).suffix(4)).so"
    }

    private func copied(_ file: PluginFile, _ edition: Int) throws(PluginRefusal) -> String {
        let path = "\(cacheDirectory)/\(Self.copyName(file.manifest.id, file.digest, edition: edition))"
        if let known = try? Data(contentsOf: URL(fileURLWithPath: path)), Array(known) == file.bytes { return path }
        let partial = "\(path).\(getpid())"
        do {
            try FileManager.default.createDirectory(
                atPath: cacheDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try Data(file.bytes).write(to: URL(fileURLWithPath: partial))
            guard rename(partial, path) == 0 else { throw PluginRefusal("rename") }
        } catch {
            unlink(partial)
            let isFull = (error as? CocoaError)?.code == .fileWriteOutOfSpace
            let reason = isFull ? "no space left on the disk" : "it cannot be written to"
            throw PluginRefusal("it cannot be copied to \(cacheDirectory): \(reason)")
        }
        return path
    }

    /// Removes copies that earlier processes left behind. Only names that this loader makes are touched.
    ///
    /// - Parameter kept: names of copies that stay.
    static func removeCopies(in directory: String, except kept: Set<String>) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        for name in names where isCopy(name) && !kept.contains(name) {
            unlink("\(directory)/\(name)")
        }
    }

    /// `<id>-<24 hexadecimal digits>.so`, or what a process that ended while it wrote one left of it.
    static func isCopy(_ name: String) -> Bool {
        guard let end = name.range(of: ".so", options: .backwards) else { return false }
        let rest = name[end.upperBound...]
        let stem = name[..<end.lowerBound], digest = stem.suffix(24)
        return (rest.isEmpty || rest.first == "." && rest.dropFirst().allSatisfy(\.isNumber))
            && digest.count == 24 && digest.allSatisfy { $0.isHexDigit && !$0.isUppercase }
            && stem.dropLast(24).hasSuffix("-")
    }

    static func sha256(_ bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256(&digest, bytes, UInt64(bytes.count))
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func lastError() -> String { dlerror().map { String(String(cString: $0).prefix(300)) } ?? "unknown" }
}
