import DiscordModel

/// A command, a press or a submitted form as a user does it.
public struct SandboxInvocation: Sendable {
    public var user: Snowflake
    public var guild: Snowflake
    public var channel: Snowflake
    /// Asked for by the page itself: its answer is shown aside.
    public var quiet: Bool

    public init(user: Snowflake, guild: Snowflake, channel: Snowflake, quiet: Bool = false) {
        self.user = user
        self.guild = guild
        self.channel = channel
        self.quiet = quiet
    }
}

extension SandboxWorld {
    /// A user types a slash command. Returns the interaction's id; `answer(to:)` waits for the bot.
    /// - Parameter options: as Discord sends them: name, type, value. Such as a client would not send are refused.
    @discardableResult
    public func command(_ name: String, options: [JSONValue] = [], by who: SandboxInvocation) throws -> Snowflake {
        let (bot, command) = try find(name, guild: who.guild)
        try OptionRules.check(options, of: command)
        let data = commandData(command, options, guild: who.guild)
        return try interact(InteractionType.command, data, application: bot, command: name, by: who)
    }

    /// A user types in an option with autocomplete; the choices come with `answer(to:)`.
    public func autocomplete(_ name: String, options: [JSONValue], by who: SandboxInvocation) throws -> Snowflake {
        let (bot, command) = try find(name, guild: who.guild)
        try OptionRules.check(options, of: command, isTyping: true)
        let data = commandData(command, options, guild: who.guild)
        return try interact(InteractionType.autocomplete, data, application: bot, command: name, by: who)
    }

    /// A user presses a button or picks from a select of a message.
    public func press(
        _ customID: String, type: Int = 2, values: [String] = [], message: Snowflake, by who: SandboxInvocation
    ) throws -> Snowflake {
        guard let found = messages[who.channel]?.first(where: { $0.id == message }),
            found.onlyFor == nil || found.onlyFor == who.user, let bot = found.application
        else { throw SandboxError("unknown_message", "no such message") }
        guard MessageRules.customIDs(of: .object(found.body)).contains(customID) else {
            throw SandboxError("unknown_component", "the message has no such component")
        }
        var data: [String: JSONValue] = [
            "custom_id": .string(customID), "component_type": .number(type), "id": 1,
        ]
        if type != 2 { data["values"] = .array(values.map(JSONValue.string)) }
        return try interact(
            InteractionType.component, .object(data), application: bot, command: nil, source: found, by: who)
    }

    /// A user submits a modal.
    public func submit(
        modal customID: String, fields: [String: String], application: Snowflake, by who: SandboxInvocation
    ) throws -> Snowflake {
        let rows = fields.sorted { $0.key < $1.key }.map { name, value -> JSONValue in
            [
                "type": 18, "id": 1,
                "component": ["type": 4, "id": 2, "custom_id": .string(name), "value": .string(value)],
            ]
        }
        let data: JSONValue = ["custom_id": .string(customID), "components": .array(rows), "resolved": [:]]
        return try interact(InteractionType.modal, data, application: application, command: nil, by: who)
    }

    /// Waits for the answer to an interaction: the message (a deferred one when it is filled in), the choices of an
    /// autocomplete, or the modal. Nil where the bot does not answer within `timeout`.
    public func answer(to interaction: Snowflake, within timeout: Duration = .seconds(5)) async -> JSONValue? {
        if let known = finishedAnswer(interaction) { return known }
        let waiter = ids.next()
        let timer = Task {
            try? await Task.sleep(for: timeout)
            self.resume(waiter, of: interaction, with: nil)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { answerWaiters[interaction, default: [:]][waiter] = $0 }
    }

    private func resume(_ waiter: Snowflake, of interaction: Snowflake, with value: JSONValue?) {
        answerWaiters[interaction]?.removeValue(forKey: waiter)?.resume(returning: value)
        if answerWaiters[interaction]?.isEmpty == true { answerWaiters[interaction] = nil }
    }

    func fulfil(_ interaction: Snowflake, _ value: JSONValue) {
        for waiter in (answerWaiters.removeValue(forKey: interaction) ?? [:]).values { waiter.resume(returning: value) }
    }

    private func finishedAnswer(_ id: Snowflake) -> JSONValue? {
        guard let interaction = interactions[id], interaction.progress == .answered, let original = interaction.original
        else { return nil }
        return messages[interaction.channel]?.first { $0.id == original }.map { .object($0.body) }
    }

    // MARK: Making them

    private func find(_ name: String, guild: Snowflake) throws -> (Snowflake, JSONValue) {
        for bot in applications.values.sorted(by: { $0.id < $1.id }) where guilds[guild]?.members[bot.id] != nil {
            let found = commands(of: bot.id, in: guild).first {
                $0["name"]?.string == name && $0["type"]?.int ?? 1 == 1
            }
            if let found { return (bot.id, found) }
        }
        throw SandboxError("unknown_command", "no bot in this server has the command /\(name)")
    }

    private func commandData(_ command: JSONValue, _ options: [JSONValue], guild: Snowflake) -> JSONValue {
        var data: [String: JSONValue] = [
            "id": command["id"] ?? nil, "name": command["name"] ?? nil, "type": 1, "options": .array(options),
        ]
        if command["guild_id"] != nil { data["guild_id"] = .id(guild) }
        return .object(data)
    }

    private func interact(
        _ type: Int, _ data: JSONValue, application: Snowflake, command: String?, source: SandboxMessage? = nil,
        by who: SandboxInvocation
    ) throws -> Snowflake {
        guard let guild = guilds[who.guild], guild.members[who.user] != nil, guild.channels[who.channel] != nil else {
            throw SandboxError("unknown_channel", "the user, server or channel does not exist")
        }
        guard sessions.values.contains(where: { $0.application == application && $0.covers(who.guild) }) else {
            throw SandboxError("bot_offline", "the bot is not online")
        }
        let id = ids.next()
        let interaction = SandboxInteraction(
            id: id, token: "aW50ZXJhY3Rpb24\(RandomText.token(80))", application: application, type: type,
            guild: who.guild, channel: who.channel, user: who.user, command: command, createdAt: now,
            source: source?.id, quiet: who.quiet || (source?.quiet ?? false))
        remember(interaction)
        deliverInteraction(interaction, data, source: source, guild: guild)
        if type != InteractionType.autocomplete { watch(interaction) }
        return id
    }

    private func remember(_ interaction: SandboxInteraction) {
        interactions[interaction.id] = interaction
        interactionOrder.append(interaction.id)
        if interactionOrder.count > Bounds.interactions { interactions[interactionOrder.removeFirst()] = nil }
    }

    /// INTERACTION_CREATE needs no intent and goes to one session only.
    private func deliverInteraction(
        _ interaction: SandboxInteraction, _ data: JSONValue, source: SandboxMessage?, guild: SandboxGuild
    ) {
        let channel = guild.channels[interaction.channel]?.payload(guild: guild.id) ?? nil
        let member = guild.members[interaction.user]?.payload(user: users[interaction.user]) ?? nil
        let permissions = guild.permissions(of: interaction.user, in: interaction.channel)
        let own = guild.permissions(of: interaction.application, in: interaction.channel)
        var body: [String: JSONValue] = [
            "id": .id(interaction.id), "application_id": .id(interaction.application),
            "type": .number(interaction.type), "data": data, "token": .string(interaction.token), "version": 1,
            "guild_id": .id(guild.id),
            "guild": ["id": .id(guild.id), "locale": "en-US", "features": []], "channel_id": .id(interaction.channel),
            "channel": channel.merging(["permissions": .permissions(permissions)]),
            "member": member.merging(["permissions": .permissions(permissions)]), "locale": "en-US",
            "guild_locale": "en-US", "app_permissions": .permissions(own), "entitlements": [],
            "authorizing_integration_owners": ["0": .id(guild.id)], "context": 0,
            "attachment_size_limit": 10_485_760,
        ]
        if let source { body["message"] = .object(source.body) }
        let receiver = sessions.values.filter { $0.application == interaction.application && $0.covers(guild.id) }
            .min { ($0.connection == nil ? 1 : 0, $0.id) < ($1.connection == nil ? 1 : 0, $1.id) }
        if let receiver { deliver("INTERACTION_CREATE", .object(body), to: receiver.id) }
    }

    /// Tells the user after three seconds that the application did not respond.
    private func watch(_ interaction: SandboxInteraction) {
        Task {
            try? await Task.sleep(for: .seconds(3))
            guard self.interactions[interaction.id]?.progress == .waiting else { return }
            let body: JSONValue = [
                "id": .id(interaction.id), "channel_id": .id(interaction.channel),
                "command": interaction.command.map(JSONValue.string) ?? nil,
            ]
            self.announce("INTERACTION_FAILURE", body, only: interaction.user)
        }
    }
}
