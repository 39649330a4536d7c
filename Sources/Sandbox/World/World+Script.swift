import DiscordModel

extension SandboxWorld {
    /// A new user.
    @discardableResult
    public func addUser(_ username: String, globalName: String? = nil) -> Snowflake {
        let id = ids.next()
        users[id] = SandboxUser(id: id, username: username, globalName: globalName, isBot: false)
        return id
    }

    /// A new application with its bot user.
    /// - Parameter privilegedIntents: bits of privileged intents that are enabled for it.
    @discardableResult
    public func addBot(
        _ name: String, privilegedIntents: Int = 0, token: String? = nil
    ) -> (application: Snowflake, token: String) {
        let id = ids.next()
        let token = token ?? "sandbox.\(id).\(RandomText.token(24))"
        users[id] = SandboxUser(id: id, username: name, globalName: nil, isBot: true)
        applications[id] = SandboxApplication(
            id: id, token: token, name: name, owner: human, privilegedIntents: privilegedIntents)
        return (id, token)
    }

    /// A new guild with the human as its owner and first member.
    @discardableResult
    public func addGuild(_ name: String, owner: Snowflake? = nil) throws -> Snowflake {
        guard guilds.count < Bounds.guilds else { throw SandboxError("full", "too many guilds") }
        let id = ids.next()
        let owner = owner ?? human
        var guild = SandboxGuild(id: id, name: name, owner: owner)
        let everyone: Permissions = [
            .viewChannel, .sendMessages, .embedLinks, .attachFiles, .readMessageHistory, .connect, .speak, .useVAD,
            .requestToSpeak,
        ]
        guild.roles[id] = SandboxRole(id: id, name: "@everyone", permissions: everyone, position: 0)
        guild.members[owner] = SandboxMember(user: owner, joinedAt: Timestamp.now())
        guilds[id] = guild
        announce("GUILD_CREATE", guild.creation(users: users, viewer: owner))
        return id
    }

    /// A new channel; `type` as in `ChannelType`.
    @discardableResult
    public func addChannel(_ name: String, type: Int = ChannelType.text, userLimit: Int = 0, in guild: Snowflake) throws
        -> Snowflake
    {
        guard guilds[guild] != nil else { throw SandboxError("unknown_guild", "no such guild") }
        let id = ids.next()
        let channel = SandboxChannel(
            id: id, type: type, name: name, userLimit: userLimit, overwrites: [],
            position: guilds[guild]?.channels.count ?? 0)
        guilds[guild]?.channels[id] = channel
        channelGuilds[id] = guild
        dispatch("CHANNEL_CREATE", channel.payload(guild: guild), guild: guild, intent: .guilds)
        announce("CHANNEL_CREATE", channel.payload(guild: guild))
        return id
    }

    @discardableResult
    public func addRole(_ name: String, permissions: Permissions, in guild: Snowflake) -> Snowflake {
        let id = ids.next()
        let role = SandboxRole(
            id: id, name: name, permissions: permissions, position: guilds[guild]?.roles.count ?? 1)
        guilds[guild]?.roles[id] = role
        dispatch("GUILD_ROLE_CREATE", ["guild_id": .id(guild), "role": role.payload], guild: guild, intent: .guilds)
        return id
    }

    /// Changes what a role may; `guild` itself is the role of everyone.
    public func setPermissions(_ permissions: Permissions, ofRole role: Snowflake, in guild: Snowflake) {
        guilds[guild]?.roles[role]?.permissions = permissions
        guard let changed = guilds[guild]?.roles[role] else { return }
        dispatch("GUILD_ROLE_UPDATE", ["guild_id": .id(guild), "role": changed.payload], guild: guild, intent: .guilds)
    }

    /// Replaces a channel's overwrites.
    public func setOverwrites(_ overwrites: [PermissionOverwrite], of channel: Snowflake) {
        updateChannel(channel) { $0.overwrites = overwrites }
    }

    public func setUserLimit(_ limit: Int, of channel: Snowflake) { updateChannel(channel) { $0.userLimit = limit } }

    func updateChannel(_ id: Snowflake, _ change: (inout SandboxChannel) -> Void) {
        guard let guild = channelGuilds[id], var channel = guilds[guild]?.channels[id] else { return }
        change(&channel)
        guilds[guild]?.channels[id] = channel
        dispatch("CHANNEL_UPDATE", channel.payload(guild: guild), guild: guild, intent: .guilds)
        announce("CHANNEL_UPDATE", channel.payload(guild: guild))
    }

    /// Puts a user or a bot into a guild; a bot's sessions get GUILD_CREATE.
    public func addMember(_ user: Snowflake, to guild: Snowflake, roles: Set<Snowflake> = []) {
        guard guilds[guild] != nil, guilds[guild]?.members[user] == nil else { return }
        let member = SandboxMember(user: user, roles: roles, joinedAt: Timestamp.now())
        guilds[guild]?.members[user] = member
        let payload = member.payload(user: users[user]).merging(["guild_id": .id(guild)])
        announce("GUILD_MEMBER_ADD", payload)
        guard applications[user] != nil, let created = guilds[guild] else { return }
        dispatch(
            "GUILD_CREATE", created.creation(users: users, viewer: user), guild: guild, intent: .guilds, only: user)
    }

    /// Takes a user or a bot out of a guild; a bot's sessions get GUILD_DELETE.
    public func removeMember(_ user: Snowflake, from guild: Snowflake) {
        leaveVoice(user, in: guild)
        if applications[user] != nil {
            dispatch("GUILD_DELETE", ["id": .id(guild)], guild: guild, intent: .guilds, only: user)
        }
        guilds[guild]?.members[user] = nil
        announce("GUILD_MEMBER_REMOVE", ["guild_id": .id(guild), "user": users[user]?.payload ?? nil])
    }

    /// An outage: GUILD_DELETE with `unavailable`, or GUILD_CREATE when it is over.
    public func setUnavailable(_ unavailable: Bool, guild: Snowflake) {
        guard let body = guilds[guild] else { return }
        for application in applications.keys where body.members[application] != nil {
            if unavailable {
                dispatch(
                    "GUILD_DELETE", ["id": .id(guild), "unavailable": true], guild: guild, intent: .guilds,
                    only: application)
            } else {
                dispatch(
                    "GUILD_CREATE", body.creation(users: users, viewer: application), guild: guild, intent: .guilds,
                    only: application)
            }
        }
    }

    /// The application behind a bot token.
    func application(token: String) -> SandboxApplication? { applications.values.first { $0.token == token } }

    /// Commands that a bot has registered, those of the guild after the global ones.
    public func commands(of application: Snowflake, in guild: Snowflake?) -> [JSONValue] {
        let commands = applications[application]?.commands ?? [:]
        return (commands[nil] ?? []) + (guild.flatMap { commands[$0] } ?? [])
    }

    /// The user's voice channel.
    public func voiceState(of user: Snowflake, in guild: Snowflake) -> SandboxVoiceState? { guilds[guild]?.voice[user] }

    /// Messages of a channel, oldest first, ephemeral ones included.
    public func messages(in channel: Snowflake) -> [JSONValue] { (messages[channel] ?? []).map { .object($0.body) } }

    /// Channels that a bot asked for by op 4, in order (at most the last 1000 of all bots); nil is a leave.
    public func voiceRequests(of bot: Snowflake) -> [Snowflake?] {
        voiceRequestLog.filter { $0.user == bot }.map(\.channel)
    }

    /// REST requests so far (at most the last 1000): method, path and status.
    public func requests() -> [(method: String, path: String, status: Int)] {
        restLog.map { ($0.method, $0.path, $0.status) }
    }

    /// The same with what was sent.
    public func recordedRequests() -> [RecordedRequest] { restLog }
}
