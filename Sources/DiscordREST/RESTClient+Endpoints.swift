import DiscordModel

extension RESTClient {
    public func gatewayBot() async throws -> JSONValue {
        try await send(Route("GET", "/gateway/bot"), path: "/gateway/bot")
    }

    public func currentUser() async throws -> JSONValue {
        try await send(Route("GET", "/users/@me"), path: "/users/@me")
    }

    public func currentApplication() async throws -> JSONValue {
        try await send(Route("GET", "/applications/@me"), path: "/applications/@me")
    }

    // MARK: Commands

    /// Registers global commands by bulk overwrite, only where they differ. Returns whether anything was sent.
    public func registerCommands(application: Snowflake, _ commands: [JSONValue]) async throws -> Bool {
        let path = "/applications/\(application)/commands"
        let known = try await send(Route("GET", "/applications/{}/commands"), path: path)
        guard CommandComparison.differ(wanted: commands, registered: known.array ?? []) else { return false }
        _ = try await send(Route("PUT", "/applications/{}/commands"), path: path, body: .array(commands))
        return true
    }

    // MARK: Interactions

    /// First answer to an interaction, within three seconds.
    public func createInteractionResponse(
        _ interaction: Snowflake, token: String, type: Int, data: JSONValue? = nil, attachments: [Attachment] = []
    ) async throws {
        var body: [String: JSONValue] = ["type": .int(Int64(type))]
        if let data { body["data"] = data }
        _ = try await send(
            Route("POST", "/interactions/{}/{}/callback", major: interaction.description, exemptFromGlobal: true),
            path: "/interactions/\(interaction)/\(Self.encoded(token))/callback", body: .object(body),
            attachments: attachments, authorized: false, repeatable: false)
    }

    public func editOriginalResponse(
        application: Snowflake, token: String, _ message: JSONValue, attachments: [Attachment] = []
    ) async throws -> JSONValue {
        try await send(
            Route(
                "PATCH", "/webhooks/{}/{}/messages/@original", major: "\(application)|\(token)", exemptFromGlobal: true),
            path: "/webhooks/\(application)/\(Self.encoded(token))/messages/@original", body: message,
            attachments: attachments, authorized: false)
    }

    public func createFollowup(
        application: Snowflake, token: String, _ message: JSONValue, attachments: [Attachment] = []
    ) async throws -> JSONValue {
        try await send(
            Route("POST", "/webhooks/{}/{}", major: "\(application)|\(token)", exemptFromGlobal: true),
            path: "/webhooks/\(application)/\(Self.encoded(token))?wait=true", body: message, attachments: attachments,
            authorized: false, repeatable: false)
    }

    // MARK: Messages and voice

    public func createMessage(
        channel: Snowflake, _ message: JSONValue, attachments: [Attachment] = []
    ) async throws -> JSONValue {
        try await send(
            Route("POST", "/channels/{}/messages", major: channel.description), path: "/channels/\(channel)/messages",
            body: message, attachments: attachments, repeatable: false)
    }

    /// Asks to speak on a stage, or lifts our own suppression.
    public func modifyCurrentUserVoiceState(
        guild: Snowflake, channel: Snowflake, suppress: Bool, requestToSpeak: String? = nil
    ) async throws {
        var body: [String: JSONValue] = ["channel_id": .string(channel.description), "suppress": .bool(suppress)]
        if let requestToSpeak { body["request_to_speak_timestamp"] = .string(requestToSpeak) }
        _ = try await send(
            Route("PATCH", "/guilds/{}/voice-states/@me", major: guild.description),
            path: "/guilds/\(guild)/voice-states/@me", body: .object(body))
    }

    /// Percent-encodes all but RFC 3986's unreserved characters.
    static func encoded(_ text: String) -> String {
        text.utf8.map { byte -> String in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}

/// Whether registered commands are those that we want, seen through Discord's defaults.
enum CommandComparison {
    static func differ(wanted: [JSONValue], registered: [JSONValue]) -> Bool {
        Set(wanted.map(normal)) != Set(registered.map(normal)) || wanted.count != registered.count
    }

    private static let fields = [
        "name", "description", "type", "options", "choices", "required", "autocomplete", "min_value", "max_value",
        "min_length", "max_length", "value", "default_member_permissions", "contexts", "integration_types",
        "channel_types",
    ]
    private static let defaults: [String: JSONValue] = [
        "type": 1, "required": false, "autocomplete": false, "options": [], "choices": [], "channel_types": [],
    ]

    private static func normal(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            var kept: [String: JSONValue] = [:]
            for field in fields {
                guard let member = members[field], member != .null else { continue }
                var normalised = normal(member)
                // A number in requests, a string in answers.
                if field == "default_member_permissions", case .int(let bits) = member {
                    normalised = .string(String(bits))
                }
                if defaults[field] != normalised { kept[field] = normalised }
            }
            return .object(kept)
        case .array(let elements): return .array(elements.map(normal))
        case .double(let number): return Int64(exactly: number).map(JSONValue.int) ?? value
        default: return value
        }
    }
}
