import Files
import Foundation
import Glibc
import PluginHost

/// What an operator decided about plugins, in files below the data folder: the lockfile, the installed files, the trusted
/// keys, the crashes and who is in quarantine for them. Every change is made under a lock and is whole on the disk.
public struct PluginStore: Sendable {
    /// `<data>/plugins`.
    public let directory: String

    public init(dataDirectory: String) { directory = "\(dataDirectory)/plugins" }

    public var lockPath: String { "\(directory)/plugins.lock" }
    public var trustedKeysPath: String { "\(directory)/trusted-keys" }
    public var crashPath: String { "\(directory)/crashes" }
    var quarantinePath: String { "\(directory)/quarantine.json" }
    /// Where the operator's configurations are, `<plugin id>.json`.
    public var settingsDirectory: String { "\(directory)/config" }
    /// Where installed files are.
    public var installedDirectory: String { "\(directory)/installed" }

    private static let maximumCrashFile = 256 << 10

    func prepare() throws(PluginStoreError) {
        do throws(FileError) {
            try Ownership.makeFolder(installedDirectory)
        } catch {
            throw PluginStoreError("\(installedDirectory) cannot be made")
        }
    }

    // MARK: Reading

    public func lock() throws(PluginStoreError) -> PluginLock { try PluginLock.read(lockPath) }

    public func quarantine() throws(PluginStoreError) -> Quarantine {
        guard let data = try AtomicFile.read(quarantinePath, limit: PluginLock.maximumSize) else { return Quarantine() }
        guard let known = try? JSONDecoder().decode(Quarantine.self, from: data) else {
            throw PluginStoreError("\(quarantinePath) is damaged; remove it to let every plugin out")
        }
        return known
    }

    /// The keys that the operator pinned.
    public func trustedKeys() throws(PluginStoreError) -> [MinisignKey] {
        guard let data = try AtomicFile.read(trustedKeysPath, limit: 64 << 10) else { return [] }
        return try MinisignKey.list(String(decoding: data, as: UTF8.self))
    }

    /// What may be loaded, in order: installed plugins first, since they take the place of those that the bot came with;
    /// then those of `folder`. Reads manifests and runs nothing.
    public func candidates(_ folder: String) throws(PluginStoreError) -> [PluginCandidate] {
        let lock = try lock(), quarantine = try quarantine()
        var taken: Set<String> = []
        var all: [PluginCandidate] = []
        func refusal(_ id: String, isOff: Bool) -> String? {
            if isOff { return "\(id) is disabled; `timmybot plugin enable \(id)` lets it in" }
            return quarantine.plugins[id].map {
                "\(id) is in quarantine: \($0.reason); `timmybot plugin enable \(id)` lets it out"
            }
        }
        for entry in lock.plugins {
            taken.insert(entry.id)
            all.append(
                PluginCandidate(
                    file: "\(installedDirectory)/\(entry.file)", digest: entry.sha256,
                    refusal: refusal(entry.id, isOff: !entry.enabled)))
        }
        for report in PluginHost.survey(folder) {
            guard let id = report.manifest?.id else {
                all.append(PluginCandidate(file: report.file))
                continue
            }
            guard !taken.contains(id) else { continue }
            all.append(
                PluginCandidate(file: report.file, refusal: refusal(id, isOff: lock.disabled.contains(id))))
        }
        return all
    }

    /// What a reload of this plugin would load; nil where there is none of that id.
    public func candidate(_ id: String, folder: String) throws(PluginStoreError) -> PluginCandidate? {
        let lock = try lock()
        let all = try candidates(folder)
        if let entry = lock[id] { return all.first { $0.file == "\(installedDirectory)/\(entry.file)" } }
        guard let report = PluginHost.survey(folder).first(where: { $0.manifest?.id == id }) else { return nil }
        return all.first { $0.file == report.file }
    }

    // MARK: Changing

    /// - Parameter isKnown: whether the plugin folder has a plugin of that id.
    /// - Returns: a line about what was done.
    public func setEnabled(_ id: String, _ enabled: Bool, isKnown: Bool) throws(PluginStoreError) -> String {
        try exclusively { () throws(PluginStoreError) in
            var lock = try lock()
            var wasQuarantined = false
            if enabled {
                var quarantine = try quarantine()
                wasQuarantined = quarantine.lift(id, now: Self.now)
                if wasQuarantined || crashes().contains(where: { $0.plugin == id }) {
                    try JSONFile.write(quarantine, to: quarantinePath)
                }
            }
            if lock[id] != nil {
                lock[id]?.enabled = enabled
            } else if isKnown {
                lock.disabled.removeAll { $0 == id }
                if !enabled { lock.disabled.append(id) }
            } else if !wasQuarantined {
                throw PluginStoreError("there is no plugin \(id)")
            }
            try lock.write(lockPath)
            let done = enabled ? "enabled" : "disabled"
            return "\(id) is \(done)\(wasQuarantined ? " and out of quarantine" : "")"
        }
    }

    /// Takes an installed plugin out of the lockfile, and its file away. A running bot goes on with what it has loaded.
    public func remove(_ id: String) throws(PluginStoreError) {
        try exclusively { () throws(PluginStoreError) in
            var lock = try lock()
            guard let entry = lock[id] else {
                throw PluginStoreError(
                    "\(id) was not installed; what came with the bot can be disabled: `timmybot plugin disable \(id)`")
            }
            lock[id] = nil
            try lock.write(lockPath)
            unlink("\(installedDirectory)/\(entry.file)")
        }
    }

    /// One process at a time changes the store.
    func exclusively<Value>(_ body: () throws(PluginStoreError) -> Value) throws(PluginStoreError) -> Value {
        try prepare()
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0, flock(descriptor, LOCK_EX) == 0 else {
            if descriptor >= 0 { close(descriptor) }
            throw PluginStoreError("\(directory) cannot be locked")
        }
        defer { close(descriptor) }
        return try body()
    }

    // MARK: Crashes

    /// What earlier processes ended by, the last lines of the file.
    public func crashes() -> [PluginCrash] {
        guard let data = try? AtomicFile.read(crashPath, limit: 64 << 20) else { return [] }
        return PluginCrash.list(String(decoding: data.suffix(Self.maximumCrashFile), as: UTF8.self))
    }

    /// At start: puts in quarantine who took earlier processes down.
    ///
    /// - Returns: a line for the operator about each plugin that is new there.
    public func judgeCrashes() throws(PluginStoreError) -> [String] {
        let crashes = crashes()
        guard !crashes.isEmpty else { return [] }
        return try exclusively { () throws(PluginStoreError) in
            var quarantine = try quarantine()
            let added = quarantine.judge(crashes)
            if !added.isEmpty { try JSONFile.write(quarantine, to: quarantinePath) }
            return added.map { id in
                "plugin \(id) is in quarantine: \(quarantine.plugins[id]?.reason ?? "?"); `timmybot plugin enable \(id)` lets it out"
            }
        }
    }

    /// Opens the file that the crash handler appends to, cut where it has grown large. -1 where that cannot be.
    public func openCrashFile() -> Int32 {
        guard (try? prepare()) != nil else { return -1 }
        let descriptor = open(crashPath, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        var facts = stat()
        if descriptor >= 0, fstat(descriptor, &facts) == 0, facts.st_size > Self.maximumCrashFile {
            ftruncate(descriptor, 0)
        }
        return descriptor
    }

    static var now: Int64 { Int64(time(nil)) }
}
