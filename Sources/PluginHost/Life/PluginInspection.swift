import Foundation

/// What a plugin's file says of itself, read without running a line of it.
public struct PluginInspection: Sendable, Equatable {
    public let manifest: PluginManifest
    /// The manifest's JSON as it is in the file, all of it.
    public let json: String
    /// SHA-256 of the whole file, in hexadecimal.
    public let digest: String
    public let size: Int

    /// Bytes that a plugin's file may have.
    public static let maximumSize = PluginLoader.maximumSize

    /// - Throws: why these bytes are not a plugin for this host and machine.
    public init(_ bytes: [UInt8]) throws(PluginRefusal) {
        guard let section = try ELFFile(bytes).section("timmybot_manifest") else {
            throw PluginRefusal("it has no manifest: not a TimmyBot plugin")
        }
        manifest = try PluginManifest(json: section)
        json = String(decoding: section.prefix { $0 != 0 }, as: UTF8.self)
        digest = PluginLoader.sha256(bytes)
        size = bytes.count
    }

    public init(file: String) throws(PluginRefusal) {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: file)), data.count <= Self.maximumSize else {
            throw PluginRefusal("it cannot be read")
        }
        try self.init(Array(data))
    }

    /// Names of the commands that the manifest lists; the list is the author's word, the table in the code is what counts.
    public var commandNames: [String] {
        guard let object = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
            let commands = object["commands"] as? [Any]
        else { return [] }
        return commands.prefix(100).compactMap { $0 as? String ?? ($0 as? [String: Any])?["name"] as? String }
    }
}
