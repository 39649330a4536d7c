import Foundation
import Glibc
import PluginHost

/// Takes a plugin's bytes into the store, once somebody whom the operator trusts has vouched for them.
public struct PluginInstaller: Sendable {
    /// A plugin that somebody brings.
    public struct Offer: Sendable {
        public var bytes: [UInt8]
        /// Text of its `.minisig` file; nil where there is none.
        public var signature: String?
        /// The path or address that it is from.
        public var source: String

        public init(bytes: [UInt8], signature: String?, source: String) {
            self.bytes = bytes
            self.signature = signature
            self.source = source
        }
    }

    public struct Options: Sendable {
        /// Trusted for this once, beside those that are pinned.
        public var keys: [MinisignKey] = []
        /// Take it without anybody's word; recorded.
        public var unsigned = false
        /// Take an older version than what is there.
        public var force = false

        public init() {}
    }

    public struct Outcome: Sendable, Equatable {
        public let entry: PluginLock.Entry
        /// Nil where nothing was there, or the very same.
        public let previous: String?
        public let trustedComment: String?
    }

    let store: PluginStore
    /// Where the plugins are that the bot came with.
    let folder: String

    public init(store: PluginStore, folder: String) {
        self.store = store
        self.folder = folder
    }

    public func install(_ offer: Offer, _ options: Options = Options()) throws(PluginStoreError) -> Outcome {
        // Bytes that nobody vouches for are not even read.
        let (key, comment) = try vouch(offer, options)
        let inspection: PluginInspection
        do throws(PluginRefusal) {
            inspection = try PluginInspection(offer.bytes)
        } catch {
            throw PluginStoreError("it cannot be installed: \(error)")
        }
        let version = inspection.manifest.version
        guard version.utf8.allSatisfy(Self.isVersionByte) else {
            throw PluginStoreError("its version may only have letters, digits, '.', '+' and '-'")
        }
        return try store.exclusively { () throws(PluginStoreError) in
            var lock = try store.lock()
            let id = inspection.manifest.id
            try checkOrder(inspection, lock, options)
            try checkCommands(inspection, lock)
            guard lock[id] != nil || lock.plugins.count < PluginLock.maximumCount else {
                throw PluginStoreError("\(PluginLock.maximumCount) plugins are installed already")
            }
            let old = lock[id]
            let entry = PluginLock.Entry(
                id: id, version: version, abi: inspection.manifest.abi, sha256: inspection.digest,
                file: "\(id)-\(version)-\(inspection.digest.prefix(12)).so", keyID: key?.id, source: offer.source,
                installedAt: Date().formatted(.iso8601), enabled: old?.enabled ?? true)
            // A file of another content has another name: what is loaded is never written over.
            let place = "\(store.installedDirectory)/\(entry.file)"
            try AtomicFile.write(Data(offer.bytes), to: place)
            lock[id] = entry
            try lock.write(store.lockPath)
            if let old, old.file != entry.file { unlink("\(store.installedDirectory)/\(old.file)") }
            return Outcome(
                entry: entry, previous: old?.sha256 == entry.sha256 ? nil : old?.version, trustedComment: comment)
        }
    }

    private static func isVersionByte(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
            || [43, 45, 46].contains(byte)
    }

    private func vouch(
        _ offer: Offer, _ options: Options
    ) throws(PluginStoreError) -> (key: MinisignKey?, comment: String?) {
        if options.unsigned { return (nil, nil) }
        guard let text = offer.signature else {
            throw PluginStoreError(
                "it has no signature; --signature names one, --unsigned takes it without anybody's word")
        }
        let keys = try store.trustedKeys() + options.keys
        guard !keys.isEmpty else {
            throw PluginStoreError(
                "no key is trusted; put one into \(store.trustedKeysPath), or name it with --key")
        }
        let signature = try MinisignSignature(text)
        return (try signature.verify(offer.bytes, keys: keys), String(signature.trustedComment.prefix(300)))
    }

    /// What is there may not be made older by accident. Other code of the same version may take its place: authors build
    /// the same version more than once.
    private func checkOrder(
        _ inspection: PluginInspection, _ lock: PluginLock, _ options: Options
    ) throws(PluginStoreError) {
        let id = inspection.manifest.id, version = inspection.manifest.version
        let installed = lock[id]?.version
        let own = PluginHost.survey(folder).first { $0.manifest?.id == id }?.manifest?.version
        guard !options.force, let present = installed ?? own, Version(version) < Version(present) else { return }
        throw PluginStoreError("\(id) \(present) is there, and \(version) is older; --force takes it all the same")
    }

    private func checkCommands(_ inspection: PluginInspection, _ lock: PluginLock) throws(PluginStoreError) {
        let names = Set(inspection.commandNames)
        guard !names.isEmpty else { return }
        let id = inspection.manifest.id
        for other in others(than: id, lock) {
            guard let taken = names.intersection(other.commandNames).min() else { continue }
            let remedy = lock[other.manifest.id] == nil ? "disable" : "remove or disable"
            throw PluginStoreError("its command /\(taken) is taken by \(other.manifest.id); \(remedy) that one first")
        }
    }

    /// The other plugins that would be loaded: neither what is disabled nor what an installed one takes the place of.
    private func others(than id: String, _ lock: PluginLock) -> [PluginInspection] {
        let installed = lock.plugins.filter { $0.enabled && $0.id != id }.compactMap {
            try? PluginInspection(file: "\(store.installedDirectory)/\($0.file)")
        }
        let own = PluginHost.files(in: folder).compactMap { try? PluginInspection(file: $0) }.filter {
            let other = $0.manifest.id
            return other != id && lock[other] == nil && !lock.disabled.contains(other)
        }
        return installed + own
    }
}
