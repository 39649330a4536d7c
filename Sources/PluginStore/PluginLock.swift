import Foundation

/// `plugins.lock`: what was installed, from where, and what is switched off. JSON with sorted keys and sorted lists, so
/// that two of them can be compared by eye.
public struct PluginLock: Sendable, Equatable, Codable {
    public struct Entry: Sendable, Equatable, Codable {
        public let id, version: String
        public let abi: Int
        /// In hexadecimal, of the whole file.
        public let sha256: String
        /// Name in the folder of installed plugins.
        public let file: String
        /// Of the minisign key that vouched for it; nil where the operator took it unsigned.
        public let keyID: String?
        /// The path or address that it came from.
        public let source: String
        /// RFC 3339, in UTC.
        public let installedAt: String
        public var enabled: Bool
    }

    public static let maximumSize = 1 << 20
    public static let maximumCount = 1_000

    public var format = 1
    public var plugins: [Entry] = []
    /// Plugins of the plugin folder that are switched off.
    public var disabled: [String] = []

    public init() {}

    public subscript(_ id: String) -> Entry? {
        get { plugins.first { $0.id == id } }
        set {
            plugins.removeAll { $0.id == id }
            if let newValue { plugins.append(newValue) }
            plugins.sort { $0.id < $1.id }
        }
    }

    /// An empty one where there is no file.
    static func read(_ path: String) throws(PluginStoreError) -> PluginLock {
        guard let data = try AtomicFile.read(path, limit: maximumSize) else { return PluginLock() }
        guard let lock = try? JSONDecoder().decode(PluginLock.self, from: data), lock.isSound else {
            throw PluginStoreError("\(path) is not a lockfile that this version understands")
        }
        return lock
    }

    private var isSound: Bool {
        format == 1 && plugins.count <= Self.maximumCount && disabled.count <= Self.maximumCount
            && plugins.allSatisfy { !$0.file.contains("/") && !$0.file.hasPrefix(".") }
    }

    /// Writes nothing that `read` would not take.
    func write(_ path: String) throws(PluginStoreError) {
        guard isSound else { throw PluginStoreError("\(path) would not be understood any more; it is left as it was") }
        var sorted = self
        sorted.plugins.sort { $0.id < $1.id }
        sorted.disabled = Set(disabled).sorted()
        try JSONFile.write(sorted, to: path)
    }
}

enum JSONFile {
    static func write(_ value: some Encodable, to path: String) throws(PluginStoreError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { throw PluginStoreError("\(path) cannot be encoded") }
        try AtomicFile.write(data + Data("\n".utf8), to: path)
    }
}
