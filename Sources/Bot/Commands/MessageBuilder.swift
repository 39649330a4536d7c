import DiscordModel
import DiscordREST
import Foundation
import PluginHost

/// Plugins' answers made into Discord messages: prefixes, cover, limits.
struct MessageBuilder {
    static let cover = "attachment://cover.png"
    static let prefix = "p:"

    /// A message body and the files that go with it.
    struct Message: Sendable, Equatable {
        var body: JSONValue
        var attachments: [Attachment]
    }

    /// The plugin and its own part of a custom_id; nil for an id that is none of ours.
    static func split(_ customID: String) -> (plugin: String, rest: String)? {
        guard customID.hasPrefix(prefix) else { return nil }
        let rest = customID.dropFirst(prefix.count)
        guard let colon = rest.firstIndex(of: ":") else { return nil }
        return (String(rest[..<colon]), String(rest[rest.index(after: colon)...]))
    }

    /// - Parameter artwork: asked for only where the message shows the cover.
    static func message(
        _ reply: PluginReply, plugin: String, artwork: () async -> (type: String, bytes: [UInt8])?
    ) async throws(PluginFailure) -> Message {
        guard let parsed = try? JSONDecoder().decode(JSONValue.self, from: Data(reply.componentsJSON.utf8)),
            case .array(var components) = parsed
        else { throw PluginFailure(detail: "\(plugin) answered with components that are not a JSON array") }
        var attachments = reply.attachments.map { Attachment(name: $0.name, contentType: $0.type, bytes: $0.bytes) }
        if reply.componentsJSON.contains(cover) {
            if let picture = await artwork() {
                attachments.append(Attachment(name: "cover.png", contentType: picture.type, bytes: picture.bytes))
            } else {
                components = components.flatMap(withoutCover)
            }
        }
        components = components.map { prefixed($0, plugin: plugin) }
        guard components.reduce(0, { $0 + count($1) }) <= Limits.components else {
            throw PluginFailure(detail: "\(plugin) answered with more than \(Limits.components) components")
        }
        return Message(body: body(components, ephemeral: reply.isEphemeral, attachments), attachments: attachments)
    }

    /// A line of text from the host itself.
    static func text(_ text: String, ephemeral: Bool) -> Message {
        let component: JSONValue = ["type": 10, "content": .string(String(text.prefix(Limits.messageText)))]
        return Message(body: body([component], ephemeral: ephemeral, []), attachments: [])
    }

    private static func body(_ components: [JSONValue], ephemeral: Bool, _ attachments: [Attachment]) -> JSONValue {
        var flags = MessageFlags.isComponentsV2
        if ephemeral { flags.insert(.ephemeral) }
        let listed = attachments.enumerated().map { index, file -> JSONValue in
            ["id": .string(String(index)), "filename": .string(file.name)]
        }
        return [
            "flags": .int(Int64(flags.rawValue)), "components": .array(components), "allowed_mentions": ["parse": []],
            "attachments": .array(listed),
        ]
    }

    private static func prefixed(_ value: JSONValue, plugin: String) -> JSONValue {
        guard case .object(var members) = value else { return value }
        if let id = members["custom_id"]?.string {
            members["custom_id"] = .string(String("\(prefix)\(plugin):\(id)".prefix(Limits.customID)))
        }
        if case .array(let children)? = members["components"] {
            members["components"] = .array(children.map { prefixed($0, plugin: plugin) })
        }
        if let accessory = members["accessory"] { members["accessory"] = prefixed(accessory, plugin: plugin) }
        return .object(members)
    }

    /// A section whose picture is not to be had becomes its texts.
    private static func withoutCover(_ value: JSONValue) -> [JSONValue] {
        guard case .object(var members) = value else { return [value] }
        if members["accessory"]?["media"]?["url"]?.string == cover { return members["components"]?.array ?? [] }
        if case .array(let children)? = members["components"] {
            members["components"] = .array(children.flatMap(withoutCover))
        }
        return [.object(members)]
    }

    private static func count(_ value: JSONValue) -> Int {
        let children = (value["components"]?.array ?? []).reduce(0) { $0 + count($1) }
        return 1 + children + (value["accessory"].map(count) ?? 0)
    }
}
