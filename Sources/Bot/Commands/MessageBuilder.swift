import DiscordModel
import DiscordREST
import Foundation
import PluginHost

/// Plugins' answers made into Discord messages: prefixes, cover, limits.
struct MessageBuilder {
    static let cover = "attachment://cover.png"
    static let coverName = "cover.png"
    static let prefix = "p:"
    /// Files of one message together, well below what one request may have.
    static let maximumFiles = 10
    static let maximumBytes = 20 << 20

    /// A message body and the files that go with it.
    struct Message: Sendable, Equatable {
        var body: JSONValue
        var attachments: [Attachment]

        var isEphemeral: Bool { (body["flags"]?.int ?? 0) & Int64(MessageFlags.ephemeral.rawValue) != 0 }
    }

    /// The plugin and its own part of a custom_id; nil for an id that is none of ours.
    static func split(_ customID: String) -> (plugin: String, rest: String)? {
        guard customID.hasPrefix(prefix) else { return nil }
        let rest = customID.dropFirst(prefix.count)
        guard let colon = rest.firstIndex(of: ":") else { return nil }
        return (String(rest[..<colon]), String(rest[rest.index(after: colon)...]))
    }

    // MARK: What Discord takes

    /// The rule that a plugin's message breaks; nil where Discord takes it.
    static func objection(to reply: PluginReply, plugin: String) -> String? {
        guard let components = components(reply, plugin: plugin) else { return "components_json: is not a JSON array" }
        if let objection = objection(toFiles: reply.attachments) { return objection }
        let files = Set(reply.attachments.map(\.name) + [coverName])
        return ComponentRules.objection(message: components, files: files)
    }

    private static func objection(toFiles files: [PluginAttachment]) -> String? {
        guard files.count < maximumFiles else { return "attachments: more than \(maximumFiles - 1)" }
        guard Set(files.map(\.name) + [coverName]).count == files.count + 1 else {
            return "attachments: two have the same name, or one that of the cover"
        }
        guard files.reduce(0, { $0 + $1.bytes.count }) <= maximumBytes else {
            return "attachments: more than \(maximumBytes >> 20) MiB in all"
        }
        // Discord changes other characters, and then no component finds the file.
        let plain = files.allSatisfy { file in
            (1...100).contains(file.name.utf8.count)
                && file.name.utf8.allSatisfy {
                    (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 46
                        || $0 == 95
                }
        }
        return plain ? nil : "attachments: names may only have letters, digits, '.', '-' and '_'"
    }

    /// The rule that a plugin's modal breaks, and the modal as it is sent where it breaks none.
    static func modal(_ json: String, plugin: String) -> (objection: String?, body: JSONValue) {
        guard case .object(var members)? = try? JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)) else {
            return ("it is not a JSON object", .null)
        }
        // The host's prefix finds the plugin again; fields belong to the modal and keep their names.
        if let id = members["custom_id"]?.string { members["custom_id"] = .string("\(prefix)\(plugin):\(id)") }
        let body = JSONValue.object(members)
        return (ComponentRules.objection(modal: body), body)
    }

    // MARK: Messages

    /// - Parameter artwork: asked for only where the message shows the cover.
    static func message(
        _ reply: PluginReply, plugin: String, artwork: () async -> (type: String, bytes: [UInt8])?
    ) async throws(PluginFailure) -> Message {
        if let objection = objection(to: reply, plugin: plugin) {
            throw PluginFailure(detail: "\(plugin) answered with what Discord does not take: \(objection)")
        }
        var components = components(reply, plugin: plugin) ?? []
        var attachments = reply.attachments.map { Attachment(name: $0.name, contentType: $0.type, bytes: $0.bytes) }
        if components.contains(where: showsCover) {
            if let picture = await artwork() {
                attachments.append(Attachment(name: coverName, contentType: picture.type, bytes: picture.bytes))
            } else {
                components = components.flatMap(withoutCover)
                if components.isEmpty { components = [["type": 10, "content": "🎵"]] }
            }
        }
        return Message(body: body(components, ephemeral: reply.isEphemeral, attachments), attachments: attachments)
    }

    /// A text that strangers wrote (a plugin, a file's tags), without Markdown, mentions or line breaks.
    ///
    /// - Parameter limit: characters of it that are kept.
    static func plain(_ text: String, limit: Int = 200) -> String {
        String(
            text.prefix(limit).flatMap { character -> [Character] in
                if character.isNewline { return [" "] }
                return "\\*_~`|<>@#[]()".contains(character) ? ["\\", character] : [character]
            })
    }

    /// A line of text from the host itself.
    static func text(_ text: String, ephemeral: Bool) -> Message {
        let component: JSONValue = ["type": 10, "content": .string(text.cut(Limits.messageText))]
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

    /// Nil where it is not a JSON array.
    private static func components(_ reply: PluginReply, plugin: String) -> [JSONValue]? {
        let parsed = try? JSONDecoder().decode(JSONValue.self, from: Data(reply.componentsJSON.utf8))
        return parsed?.array?.map { prefixed($0, plugin: plugin) }
    }

    private static func prefixed(_ value: JSONValue, plugin: String) -> JSONValue {
        guard case .object(var members) = value else { return value }
        if let id = members["custom_id"]?.string { members["custom_id"] = .string("\(prefix)\(plugin):\(id)") }
        if case .array(let children)? = members["components"] {
            members["components"] = .array(children.map { prefixed($0, plugin: plugin) })
        }
        if let accessory = members["accessory"] { members["accessory"] = prefixed(accessory, plugin: plugin) }
        return .object(members)
    }
}

// MARK: The cover

extension MessageBuilder {
    private static func isCover(_ media: JSONValue?) -> Bool { media?["url"]?.string == cover }

    private static func showsCover(_ value: JSONValue) -> Bool {
        isCover(value["media"]) || isCover(value["file"]) || (value["accessory"].map(showsCover) ?? false)
            || (value["components"]?.array ?? []).contains(where: showsCover)
            || (value["items"]?.array ?? []).contains(where: showsCover)
    }

    /// A component whose picture is not to be had: a section becomes its texts, galleries and files go.
    private static func withoutCover(_ value: JSONValue) -> [JSONValue] {
        guard case .object(var members) = value else { return [value] }
        if isCover(members["file"]) { return [] }
        if isCover(members["accessory"]?["media"]) { return members["components"]?.array ?? [] }
        for list in ["components", "items"] {
            guard case .array(let children)? = members[list] else { continue }
            let kept =
                list == "items" ? children.filter { !isCover($0["media"]) } : children.flatMap(withoutCover)
            if kept.isEmpty { return [] }
            members[list] = .array(kept)
        }
        return [.object(members)]
    }
}

extension String {
    /// At most so many UTF-16 units, whole characters.
    func cut(_ limit: Int) -> String {
        guard utf16.count > limit else { return self }
        var kept = ""
        var used = 0
        for character in self {
            used += character.utf16.count
            if used > limit { break }
            kept.append(character)
        }
        return kept
    }
}
