import DiscordModel

extension SandboxWorld {
    // MARK: Applications and commands

    func applicationsRoute(_ call: RESTCall, _ bot: SandboxApplication) -> SandboxResponse {
        guard call.path.count >= 2, call.path[1] == "@me" || call.id(1) == bot.id else {
            return .error(403, 20012, "You are not authorized to perform this action on this application")
        }
        if call.path.count == 2 { return .json(200, bot.payload(owner: users[bot.owner])) }
        switch (call.path[2], call.path.count) {
        case ("commands", 3...4): return commandsRoute(call, bot, guild: nil, command: call.id(3))
        case ("guilds", 5...6) where call.path[4] == "commands":
            guard let guild = call.id(3), guilds[guild]?.members[bot.id] != nil else {
                return .error(403, 50001, "Missing Access")
            }
            return commandsRoute(call, bot, guild: guild, command: call.id(5))
        case ("emojis", 3): return .json(200, ["items": []])
        default: return .notFound
        }
    }

    private func commandsRoute(
        _ call: RESTCall, _ bot: SandboxApplication, guild: Snowflake?, command: Snowflake?
    ) -> SandboxResponse {
        let known = bot.commands[guild] ?? []
        let index = command.flatMap { id in known.firstIndex { $0["id"]?.snowflake == id } }
        if command != nil, index == nil { return .error(404, 10063, "Unknown application command") }
        switch (call.request.method, index) {
        case ("GET", nil): return .json(200, .array(known))
        case ("GET", let index?): return .json(200, known[index])
        case ("PUT", nil): return overwrite(call.request.json, bot, guild)
        case ("POST", nil):
            guard let body = call.request.json else {
                return .error(400, 50109, "The request body contains invalid JSON.")
            }
            let rest = known.filter { $0["name"] != body["name"] || $0["type"] != (body["type"] ?? 1) }
            return changed(rest + [body], bot, guild, answer: body["name"])
        case ("PATCH", let index?):
            var all = known
            all[index] = all[index].merging(call.request.json?.members ?? [:])
            return changed(all, bot, guild, answer: all[index]["name"])
        case ("DELETE", let index?):
            var all = known
            all.remove(at: index)
            setCommands(all, bot.id, guild)
            return .empty(204)
        default: return .error(405, 0, "405: Method Not Allowed")
        }
    }

    private func overwrite(_ body: JSONValue?, _ bot: SandboxApplication, _ guild: Snowflake?) -> SandboxResponse {
        guard let list = body?.array else { return .error(400, 50109, "The request body contains invalid JSON.") }
        return changed(list, bot, guild, answer: nil)
    }

    private func changed(
        _ list: [JSONValue], _ bot: SandboxApplication, _ guild: Snowflake?, answer: JSONValue?
    ) -> SandboxResponse {
        let errors = CommandRules.check(list)
        guard errors.isEmpty else { return errors.response }
        let known = bot.commands[guild] ?? []
        let stored = list.map { normal($0, bot.id, guild, known: known) }
        setCommands(stored, bot.id, guild)
        guard let answer else { return .json(200, .array(stored)) }
        return .json(200, stored.last { $0["name"] == answer } ?? nil)
    }

    private func setCommands(_ list: [JSONValue], _ bot: Snowflake, _ guild: Snowflake?) {
        applications[bot]?.commands[guild] = list
        announce("COMMANDS_UPDATE", ["application_id": .id(bot), "guild_id": .id(guild)])
    }

    /// A command as Discord gives it back: with its id and all defaults.
    private func normal(_ command: JSONValue, _ bot: Snowflake, _ guild: Snowflake?, known: [JSONValue]) -> JSONValue {
        let type = command["type"]?.present ?? 1
        let old = known.first { $0["name"] == command["name"] && $0["type"] == type }
        var defaults: [String: JSONValue] = [
            "id": old?["id"] ?? .id(ids.next()), "application_id": .id(bot), "version": .id(ids.next()), "type": type,
            "default_member_permissions": nil, "nsfw": false, "description": "", "name_localizations": nil,
            "description_localizations": nil,
        ]
        if let guild {
            defaults["guild_id"] = .id(guild)
        } else {
            defaults["contexts"] = nil as JSONValue
            defaults["integration_types"] = [0]
            defaults["dm_permission"] = true
        }
        var own = command.members
        for field in ["id", "application_id", "version", "guild_id"] { own[field] = nil }
        if let bits = own["default_member_permissions"]?.int {
            own["default_member_permissions"] = .string(String(bits))
        }
        return .object(defaults.merging(own) { $1 })
    }

    // MARK: Channels and messages

    func channelsRoute(_ call: RESTCall, _ bot: SandboxApplication) -> SandboxResponse {
        guard let id = call.id(1), let guild = channelGuilds[id], let body = guilds[guild],
            let channel = body.channels[id]
        else { return .error(404, 10003, "Unknown Channel") }
        let permissions = body.permissions(of: bot.id, in: id)
        guard permissions.contains(.viewChannel) else { return .error(403, 50001, "Missing Access") }
        switch (call.request.method, call.path.dropFirst(2).first, call.path.count) {
        case ("GET", nil, 2): return .json(200, channel.payload(guild: guild))
        case ("PUT", "voice-status", 3): return setStatus(call, channel, permissions, user: bot.id, guild: guild)
        case ("POST", "typing", 3): return .empty(204)
        case ("GET", "messages", 3):
            let list = (messages[id] ?? []).filter { $0.onlyFor == nil }.suffix(50).reversed()
            return .json(200, .array(list.map { .object($0.body) }))
        case ("POST", "messages", 3):
            guard permissions.contains(.sendMessages) else { return .error(403, 50013, "Missing Permissions") }
            guard let draft = MessageDraft(call.request) else { return Self.badJSON }
            guard draft.files.isEmpty || permissions.contains(.attachFiles) else {
                return .error(403, 50013, "Missing Permissions")
            }
            if let refused = MessageRules.check(draft.body, files: draft.names(previous: nil)) { return refused }
            let made = createMessage(draft, from: Origin(channel: id, guild: guild, application: bot.id))
            return .json(200, .object(made.body))
        case (let method, "messages", 4): return messageRoute(method, call, bot, channel: id, permissions)
        default: return .notFound
        }
    }

    static let badJSON = SandboxResponse.error(400, 50109, "The request body contains invalid JSON.")

    private func messageRoute(
        _ method: String, _ call: RESTCall, _ bot: SandboxApplication, channel: Snowflake, _ permissions: Permissions
    ) -> SandboxResponse {
        guard let id = call.id(3), let known = message(id, in: channel), known.onlyFor == nil else {
            return .error(404, 10008, "Unknown Message")
        }
        switch method {
        case "GET": return .json(200, .object(known.body))
        case "PATCH":
            guard known.author == bot.id else {
                return .error(403, 50005, "Cannot edit a message authored by another user")
            }
            return edit(known, call)
        case "DELETE":
            guard known.author == bot.id || permissions.contains(.administrator) else {
                return .error(403, 50013, "Missing Permissions")
            }
            _ = deleteMessage(id, in: channel)
            return .empty(204)
        default: return .error(405, 0, "405: Method Not Allowed")
        }
    }

    func edit(_ known: SandboxMessage, _ call: RESTCall) -> SandboxResponse {
        guard let draft = MessageDraft(call.request) else { return Self.badJSON }
        if let refused = MessageRules.check(draft.body, files: draft.names(previous: known), previous: known) {
            return refused
        }
        guard let edited = editMessage(known.id, in: known.channel, draft) else {
            return .error(404, 10008, "Unknown Message")
        }
        return .json(200, .object(edited.body))
    }

    private func setStatus(
        _ call: RESTCall, _ channel: SandboxChannel, _ permissions: Permissions, user: Snowflake, guild: Snowflake
    ) -> SandboxResponse {
        guard channel.type == ChannelType.voice else {
            return .error(400, 50024, "Cannot execute action on this channel type")
        }
        let connected = guilds[guild]?.voice[user]?.channel == channel.id
        let needed: Permissions = connected ? .setVoiceChannelStatus : [.setVoiceChannelStatus, .manageChannels]
        guard permissions.isSuperset(of: needed) else { return .error(403, 50013, "Missing Permissions") }
        let status = call.request.json?["status"]?.present?.string
        var errors = FormErrors()
        if let status { errors.length(["status"], status, 0...500) }
        guard errors.isEmpty else { return errors.response }
        guilds[guild]?.channels[channel.id]?.status = status
        let body: JSONValue = [
            "id": .id(channel.id), "guild_id": .id(guild), "status": status.map(JSONValue.string) ?? nil,
        ]
        dispatch("VOICE_CHANNEL_STATUS_UPDATE", body, guild: guild, intent: .guilds)
        announce("VOICE_CHANNEL_STATUS_UPDATE", body)
        return .empty(204)
    }

    // MARK: Guilds

    func guildsRoute(_ call: RESTCall, _ bot: SandboxApplication) -> SandboxResponse {
        guard let id = call.id(1), let guild = guilds[id], guild.members[bot.id] != nil else {
            return .error(404, 10004, "Unknown Guild")
        }
        switch (call.request.method, call.path.dropFirst(2).first, call.path.count) {
        case ("GET", nil, 2): return .json(200, .object(guild.payload()))
        case ("GET", "channels", 3):
            return .json(200, .array(guild.sortedChannels.map { $0.payload(guild: id) }))
        case ("GET", "roles", 3): return .json(200, .array(guild.roles.values.map(\.payload)))
        case ("GET", "members", 4):
            guard let user = call.id(3), let member = guild.members[user] else {
                return .error(404, 10007, "Unknown Member")
            }
            return .json(200, member.payload(user: users[user]))
        case (let method, "voice-states", 4):
            return voiceStateRoute(method, call, guild, bot)
        default: return .notFound
        }
    }

    private func voiceStateRoute(
        _ method: String, _ call: RESTCall, _ guild: SandboxGuild, _ bot: SandboxApplication
    ) -> SandboxResponse {
        let own = call.path[3] == "@me"
        guard let user = own ? bot.id : call.id(3), let state = guild.voice[user] else {
            return .error(404, 10065, "Unknown Voice State")
        }
        if method == "GET" { return .json(200, .object(state.payload(guild: guild.id))) }
        guard method == "PATCH", let body = call.request.json else { return Self.badJSON }
        guard guild.channels[state.channel]?.type == ChannelType.stage else {
            return .error(400, 50024, "Cannot execute action on this channel type")
        }
        let permissions = guild.permissions(of: bot.id, in: state.channel)
        if body["suppress"]?.bool == false || !own {
            guard permissions.contains(.muteMembers) else { return .error(403, 50013, "Missing Permissions") }
        }
        if body["request_to_speak_timestamp"]?.present != nil, !permissions.contains(.requestToSpeak) {
            return .error(403, 50013, "Missing Permissions")
        }
        changeVoiceState(user, guild: guild.id) {
            if let suppress = body["suppress"]?.bool { $0.suppress = suppress }
            if let asked = body["request_to_speak_timestamp"] { $0.requestToSpeak = asked.string }
        }
        return .empty(204)
    }
}
