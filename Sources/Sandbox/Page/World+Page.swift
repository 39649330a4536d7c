import DiscordModel

/// What the web page asks for. docs/sandbox.md describes the calls.
extension SandboxWorld {
    func page(_ request: SandboxRequest) async -> SandboxResponse {
        guard request.path.count == 2 else { return .notFound }
        do {
            switch (request.method, request.path[1]) {
            case ("GET", "state"): return .json(200, pageState())
            case ("GET", "commands"):
                return .json(200, .array(pageCommands(request.query["guild_id"].flatMap { Snowflake($0) })))
            case ("POST", let action): return try await pageAction(action, request)
            default: return .notFound
            }
        } catch let error as SandboxError {
            return .json(400, ["code": .string(error.code), "message": .string(error.message)])
        } catch {
            return .json(500, ["code": "internal", "message": "the sandbox failed"])
        }
    }

    private func pageState() -> JSONValue {
        let servers = guilds.values.sorted { $0.id < $1.id }.map { guild -> JSONValue in
            [
                "id": .id(guild.id), "name": .string(guild.name),
                "channels": .array(guild.sortedChannels.map { $0.payload(guild: guild.id) }),
                "members": .array(
                    guild.members.values.sorted { $0.user < $1.user }.prefix(200).map {
                        $0.payload(user: users[$0.user])
                    }),
            ]
        }
        let states = guilds.values.flatMap { guild in
            guild.voice.values.map { state -> JSONValue in
                ["guild_id": .id(guild.id), "user_id": .id(state.user), "channel_id": .id(state.channel)]
            }
        }
        let recent = messages.values.flatMap { list in
            list.filter { !$0.quiet && ($0.onlyFor == nil || $0.onlyFor == human) }.suffix(50)
        }.sorted { $0.id < $1.id }
        return [
            "me": users[human]?.payload ?? nil, "guilds": .array(servers),
            "users": .array(users.values.sorted { $0.id < $1.id }.prefix(1000).map(\.payload)),
            "voice_states": .array(states), "messages": .array(recent.map { .object($0.body) }),
        ]
    }

    /// Slash commands that can be typed in a guild, by name.
    private func pageCommands(_ guild: Snowflake?) -> [JSONValue] {
        applications.values.filter { bot in guild.map { guilds[$0]?.members[bot.id] != nil } ?? true }
            .flatMap { commands(of: $0.id, in: guild) }.filter { $0["type"]?.int ?? 1 == 1 }
            .sorted { ($0["name"]?.string ?? "") < ($1["name"]?.string ?? "") }
    }

    private func pageAction(_ action: String, _ request: SandboxRequest) async throws -> SandboxResponse {
        guard request.headers.first(name: "content-type")?.lowercased().hasPrefix("application/json") == true,
            let body = request.json
        else { throw SandboxError("bad_request", "the body must be JSON") }
        let user = body["user_id"]?.snowflake ?? human
        guard let guild = body["guild_id"]?.snowflake, users[user] != nil else {
            throw SandboxError("bad_request", "guild_id is missing, or the user is unknown")
        }
        switch action {
        case "join":
            guard let channel = body["channel_id"]?.snowflake else {
                throw SandboxError("bad_request", "channel_id is missing")
            }
            leaveVoice(user, in: guild)
            try listen(user, in: channel, recording: false)
            return .json(200, ["channel_id": .id(channel)])
        case "leave":
            leaveVoice(user, in: guild)
            return .json(200, ["channel_id": nil])
        default: return try await pageInteraction(action, body, user, guild)
        }
    }

    private func pageInteraction(
        _ action: String, _ body: JSONValue, _ user: Snowflake, _ guild: Snowflake
    ) async throws -> SandboxResponse {
        guard let channel = body["channel_id"]?.snowflake else {
            throw SandboxError("bad_request", "channel_id is missing")
        }
        let who = SandboxInvocation(user: user, guild: guild, channel: channel, quiet: body["quiet"]?.bool ?? false)
        let name = body["command"]?.string ?? ""
        let customID = body["custom_id"]?.string ?? ""
        let options = Array((body["options"]?.array ?? []).prefix(25))
        let id: Snowflake
        switch action {
        case "command": id = try command(name, options: options, by: who)
        case "autocomplete":
            let asked = try autocomplete(name, options: options, by: who)
            return .json(200, await answer(to: asked, within: .seconds(3)) ?? ["choices": []])
        case "component":
            let values = (body["values"]?.array ?? []).compactMap(\.string)
            id = try press(
                customID, type: Int(body["component_type"]?.int ?? 2), values: values,
                message: body["message_id"]?.snowflake ?? 0, by: who)
        case "modal":
            let fields = (body["fields"]?.members ?? [:]).compactMapValues(\.string)
            id = try submit(
                modal: customID, fields: fields, application: try owner(ofModal: customID, user, body), by: who)
        default: return .notFound
        }
        return .json(200, ["interaction_id": .id(id)])
    }

    /// The bot that opened a modal: named by the page, or the one that showed `customID` last.
    private func owner(ofModal customID: String, _ user: Snowflake, _ body: JSONValue) throws -> Snowflake {
        if let named = body["application_id"]?.snowflake, applications[named] != nil { return named }
        guard let last = modals[user], last.customID == customID else {
            throw SandboxError("unknown_modal", "no such modal is open")
        }
        return last.application
    }
}
