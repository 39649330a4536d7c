import DiscordModel

/// A message as a client sends it: JSON and files.
struct MessageDraft: Sendable {
    var body: JSONValue
    var files: [(index: String, file: MultipartPart)] = []

    /// Nil where the request has no JSON object.
    init?(_ request: SandboxRequest, member: String? = nil) {
        guard let json = request.json, case .object = json else { return nil }
        body = member.map { json[$0]?.present ?? [:] } ?? json
        for part in request.multipart ?? [] where part.name.hasPrefix("files[") && part.name.hasSuffix("]") {
            files.append((String(part.name.dropFirst(6).dropLast()), part))
        }
    }

    init(body: JSONValue) { self.body = body }

    /// File names that `attachment://` may name.
    func names(previous: SandboxMessage?) -> Set<String> {
        let old = previous?.body["attachments"]?.array ?? []
        return Set(files.compactMap(filename) + kept(of: old).compactMap { $0["filename"]?.string })
    }

    private var listed: [JSONValue]? { body["attachments"]?.present?.array }

    /// Without a list the old attachments stay; with one only those that it names by id.
    func kept(of old: [JSONValue]) -> [JSONValue] {
        guard let listed else { return old }
        return old.filter { one in listed.contains { $0["id"]?.snowflake == one["id"]?.snowflake } }
    }

    /// As the list calls it, or as it was sent.
    func filename(_ index: String, _ part: MultipartPart) -> String? {
        let entry = listed?.first { $0["id"] == .string(index) || $0["id"] == Int64(index).map(JSONValue.int) }
        return entry?["filename"]?.present?.string ?? part.filename
    }
}

extension SandboxWorld {
    struct Origin: Sendable {
        var channel: Snowflake
        var guild: Snowflake
        var application: Snowflake
        var interaction: SandboxInteraction?
        var ephemeral = false
        var loading = false
    }

    /// Makes a message of a bot and tells all who may see it.
    func createMessage(_ draft: MessageDraft, from origin: Origin) -> SandboxMessage {
        let id = ids.next()
        var flags = Int(draft.body["flags"]?.present?.int ?? 0) & (1 << 2 | 1 << 12 | 1 << 15)
        if origin.ephemeral { flags |= MessageFlags.ephemeral.rawValue }
        if origin.loading { flags |= MessageFlags.loading.rawValue }
        var body: [String: JSONValue] = [
            "id": .id(id), "channel_id": .id(origin.channel), "author": users[origin.application]?.payload ?? nil,
            "timestamp": .string(Timestamp.now()), "edited_timestamp": nil, "tts": false, "mention_everyone": false,
            "mentions": [], "mention_roles": [], "pinned": false, "flags": .number(flags), "attachments": [],
            "embeds": draft.body["embeds"]?.present ?? [], "content": draft.body["content"]?.present ?? "",
            "type": origin.interaction?.type == InteractionType.command ? 20 : 0,
            "application_id": .id(origin.application),
            "components": numbered(draft.body["components"]?.present ?? []),
        ]
        if let interaction = origin.interaction {
            body["webhook_id"] = .id(origin.application)
            body.merge(interactionFields(interaction)) { $1 }
        }
        if let nonce = draft.body["nonce"]?.present { body["nonce"] = nonce }
        var message = SandboxMessage(
            id: id, channel: origin.channel, guild: origin.guild, author: origin.application,
            application: origin.application, body: body,
            onlyFor: origin.ephemeral ? origin.interaction?.user : nil,
            invoker: origin.interaction?.user, quiet: origin.interaction?.quiet ?? false)
        attach(draft, to: &message)
        keep(message)
        publish("MESSAGE_CREATE", message)
        return message
    }

    /// What a page asks for by itself, every few seconds, must not push out what people said: the newest for each user
    /// stays, beside the bounded rest.
    private func keep(_ message: SandboxMessage) {
        if message.quiet {
            for channel in messages.keys {
                messages[channel]?.removeAll { $0.quiet && $0.invoker == message.invoker }
            }
        }
        messages[message.channel, default: []].append(message)
        let surplus = (messages[message.channel] ?? []).count { !$0.quiet } - Bounds.messagesPerChannel
        for _ in 0..<max(0, surplus) {
            guard let oldest = messages[message.channel]?.firstIndex(where: { !$0.quiet }) else { return }
            messages[message.channel]?.remove(at: oldest)
        }
    }

    private func interactionFields(_ interaction: SandboxInteraction) -> [String: JSONValue] {
        let user = users[interaction.user]?.payload ?? nil
        let base: [String: JSONValue] = [
            "id": .id(interaction.id), "type": .number(interaction.type), "user": user,
            "authorizing_integration_owners": ["0": .id(interaction.guild)],
        ]
        var named = base
        named["name"] = interaction.command.map(JSONValue.string) ?? ""
        named["authorizing_integration_owners"] = nil
        return ["interaction_metadata": .object(base), "interaction": .object(named)]
    }

    /// Changes a message by a PATCH body.
    func editMessage(_ id: Snowflake, in channel: Snowflake, _ draft: MessageDraft) -> SandboxMessage? {
        guard let index = messages[channel]?.firstIndex(where: { $0.id == id }), var message = messages[channel]?[index]
        else { return nil }
        var flags = message.flags & ~MessageFlags.loading.rawValue
        flags |= Int(draft.body["flags"]?.present?.int ?? 0) & (1 << 2 | MessageFlags.isComponentsV2.rawValue)
        message.body["flags"] = .number(flags)
        for (field, empty) in [("content", JSONValue.string("")), ("embeds", []), ("components", [])] {
            guard let value = draft.body[field] else { continue }
            message.body[field] = field == "components" ? numbered(value.present ?? []) : value.present ?? empty
        }
        message.body["edited_timestamp"] = .string(Timestamp.now())
        attach(draft, to: &message)
        messages[channel]?[index] = message
        publish("MESSAGE_UPDATE", message)
        return message
    }

    func deleteMessage(_ id: Snowflake, in channel: Snowflake) -> Bool {
        guard let index = messages[channel]?.firstIndex(where: { $0.id == id }),
            let message = messages[channel]?.remove(at: index)
        else { return false }
        let body: JSONValue = ["id": .id(id), "channel_id": .id(channel), "guild_id": .id(message.guild)]
        if message.onlyFor == nil {
            dispatch("MESSAGE_DELETE", body, guild: message.guild, intent: GatewayIntents(rawValue: 1 << 9))
        }
        announce("MESSAGE_DELETE", body, only: message.onlyFor)
        return true
    }

    func message(_ id: Snowflake, in channel: Snowflake) -> SandboxMessage? {
        messages[channel]?.first { $0.id == id }
    }

    private func publish(_ type: String, _ message: SandboxMessage) {
        var body = message.body
        body["guild_id"] = .id(message.guild)
        if message.onlyFor == nil {
            // GUILD_MESSAGES; a bot sees what it wrote itself without MESSAGE_CONTENT.
            dispatch(type, .object(body), guild: message.guild, intent: GatewayIntents(rawValue: 1 << 9))
        }
        if message.quiet { body["quiet"] = true }
        announce(
            type, .object(body),
            only: message.quiet || message.onlyFor != nil ? message.onlyFor ?? message.invoker : nil)
    }

    /// Discord gives each component an id where the bot gave none.
    private func numbered(_ components: JSONValue) -> JSONValue {
        var next: Int64 = 0
        func walk(_ value: JSONValue) -> JSONValue {
            var members = value.members
            next += 1
            if members["id"]?.present == nil { members["id"] = .int(next) }
            if let children = members["components"]?.array { members["components"] = .array(children.map(walk)) }
            if let accessory = members["accessory"] { members["accessory"] = walk(accessory) }
            return .object(members)
        }
        return .array((components.array ?? []).map(walk))
    }

    // MARK: Attachments

    private func attach(_ draft: MessageDraft, to message: inout SandboxMessage) {
        var kept = draft.kept(of: message.body["attachments"]?.array ?? [])
        for (index, part) in draft.files.prefix(10) {
            kept.append(store(part, filename: draft.filename(index, part), in: message))
        }
        message.body["attachments"] = .array(kept)
        let urls = Dictionary(
            kept.compactMap { one in one["filename"]?.string.map { ($0, one) } }, uniquingKeysWith: { $1 })
        message.body["components"] = .array((message.body["components"]?.array ?? []).map { resolve($0, urls) })
    }

    private func store(_ part: MultipartPart, filename: String?, in message: SandboxMessage) -> JSONValue {
        let id = ids.next()
        let name = String(
            (filename ?? "unknown").map { $0.isLetter || $0.isNumber || "._-".contains($0) ? $0 : "_" }.prefix(120))
        let type = part.contentType ?? "application/octet-stream"
        attachments[id] = SandboxAttachment(id: id, filename: name, contentType: type, bytes: part.body)
        attachmentOrder.append(id)
        while attachments.values.reduce(0, { $0 + $1.bytes.count }) > Bounds.attachmentBytes, attachmentOrder.count > 1
        {
            attachments[attachmentOrder.removeFirst()] = nil
        }
        let url = "http://\(addresses.authority)/attachments/\(message.channel)/\(id)/\(name)"
        return [
            "id": .id(id), "filename": .string(name), "size": .number(part.body.count), "url": .string(url),
            "proxy_url": .string(url), "content_type": .string(type),
        ]
    }

    private func resolve(_ component: JSONValue, _ files: [String: JSONValue]) -> JSONValue {
        var members = component.members
        for field in ["media", "file"] {
            guard let url = members[field]?["url"]?.string, url.hasPrefix("attachment://"),
                let file = files[String(url.dropFirst(13))]
            else { continue }
            members[field] = [
                "url": file["url"] ?? nil, "proxy_url": file["url"] ?? nil, "attachment_id": file["id"] ?? nil,
                "content_type": file["content_type"] ?? nil, "width": 0, "height": 0, "id": file["id"] ?? nil,
            ]
        }
        for list in ["components", "items"] {
            if let children = members[list]?.array { members[list] = .array(children.map { resolve($0, files) }) }
        }
        if let accessory = members["accessory"] { members["accessory"] = resolve(accessory, files) }
        return .object(members)
    }
}
