import DiscordModel

/// One user in one guild: a user can be in one voice channel per guild (bots) at a time.
struct VoiceKey: Hashable, Sendable {
    let guild: Snowflake
    let user: Snowflake
}

/// What VOICE_SERVER_UPDATE handed out: good for one voice session.
struct VoiceGrant: Sendable {
    let channel: Snowflake
    let sessionID: String
    let token: String
}

extension SandboxWorld {
    /// Puts a user into a voice channel, as if the user had clicked it. Bots join by op 4 instead.
    public func joinVoice(_ user: Snowflake, _ channel: Snowflake) throws {
        guard let guild = channelGuilds[channel], let target = guilds[guild]?.channels[channel], target.isVoice else {
            throw SandboxError("unknown_channel", "no such voice channel")
        }
        guard guilds[guild]?.members[user] != nil else { throw SandboxError("not_a_member", "not in this server") }
        guard mayEnter(user, target, guild: guild) else {
            throw SandboxError("no_entry", "the channel is full, or you may not connect")
        }
        let session = guilds[guild]?.voice[user]?.sessionID ?? RandomText.token(32)
        enter(user, target, guild: guild, sessionID: session)
    }

    /// Takes a user or a bot out of its voice channel: for a bot this is a kick (its voice socket closes with 4014).
    public func leaveVoice(_ user: Snowflake, in guild: Snowflake) {
        guard let state = guilds[guild]?.voice.removeValue(forKey: user) else { return }
        grants[VoiceKey(guild: guild, user: user)] = nil
        listeners[user] = listeners[user]?.guild == guild ? nil : listeners[user]
        publishVoiceState(state, guild: guild, connected: false)
        removeFromCall(user, channel: state.channel, code: 4014)
    }

    /// A moderator moves a user or a bot into another channel of the guild.
    public func moveVoice(_ user: Snowflake, to channel: Snowflake) throws {
        guard let guild = channelGuilds[channel], let target = guilds[guild]?.channels[channel], target.isVoice,
            let state = guilds[guild]?.voice[user]
        else { throw SandboxError("unknown_channel", "no such voice channel, or the user is in none") }
        enter(user, target, guild: guild, sessionID: state.sessionID)
    }

    /// Server mute, or its end.
    public func setMute(_ mute: Bool, of user: Snowflake, in guild: Snowflake) {
        changeVoiceState(user, guild: guild) { $0.mute = mute }
    }

    /// Lets a member speak on a stage, or stops it.
    public func setSuppressed(_ suppressed: Bool, of user: Snowflake, in guild: Snowflake) {
        changeVoiceState(user, guild: guild) {
            $0.suppress = suppressed
            $0.requestToSpeak = nil
        }
    }

    /// The voice server of a guild moves: VOICE_SERVER_UPDATE without an endpoint first where `nullFirst`, then the new
    /// one with a new token; the old voice session ends.
    public func moveVoiceServer(of guild: Snowflake, user: Snowflake, nullFirst: Bool = true) {
        guard let state = guilds[guild]?.voice[user] else { return }
        if nullFirst {
            let token = grants[VoiceKey(guild: guild, user: user)]?.token ?? ""
            let body: JSONValue = ["token": .string(token), "guild_id": .id(guild), "endpoint": nil]
            dispatch("VOICE_SERVER_UPDATE", body, guild: guild, intent: .guildVoiceStates, only: user)
        }
        removeFromCall(user, channel: state.channel, code: 4014)
        grant(user, channel: state.channel, guild: guild, sessionID: state.sessionID)
    }

    func changeVoiceState(_ user: Snowflake, guild: Snowflake, _ change: (inout SandboxVoiceState) -> Void) {
        guard var state = guilds[guild]?.voice[user] else { return }
        change(&state)
        guilds[guild]?.voice[user] = state
        publishVoiceState(state, guild: guild, connected: true)
        media.setSilenced(state.suppress || state.mute, user: user, call: state.channel)
    }

    /// Connect permission, and room or Move Members.
    func mayEnter(_ user: Snowflake, _ channel: SandboxChannel, guild: Snowflake) -> Bool {
        guard let body = guilds[guild] else { return false }
        let permissions = body.permissions(of: user, in: channel.id)
        guard permissions.isSuperset(of: [.viewChannel, .connect]) else { return false }
        if body.voice[user]?.channel == channel.id { return true }
        let others = body.occupants(of: channel.id).count
        return channel.userLimit == 0 || others < channel.userLimit || permissions.contains(.moveMembers)
    }

    /// Op 4 of a bot. Discord answers nothing where the channel cannot be entered.
    func requestVoice(_ data: JSONValue, session: GatewaySession) {
        let user = session.application
        voiceRequestLog.append((user, data["channel_id"]?.present?.snowflake))
        if voiceRequestLog.count > 1_000 { voiceRequestLog.removeFirst(500) }
        guard let guild = data["guild_id"]?.snowflake, guilds[guild]?.members[user] != nil else { return }
        guard let wanted = data["channel_id"]?.present?.snowflake else { return leaveVoice(user, in: guild) }
        guard let channel = guilds[guild]?.channels[wanted], channel.isVoice, mayEnter(user, channel, guild: guild)
        else {
            return announce("VOICE_REFUSED", ["guild_id": .id(guild), "user_id": .id(user), "channel_id": .id(wanted)])
        }
        enter(
            user, channel, guild: guild, sessionID: session.id, selfMute: data["self_mute"]?.bool ?? false,
            selfDeaf: data["self_deaf"]?.bool ?? false)
    }

    private func enter(
        _ user: Snowflake, _ channel: SandboxChannel, guild: Snowflake, sessionID: String, selfMute: Bool = false,
        selfDeaf: Bool = false
    ) {
        let previous = guilds[guild]?.voice[user]
        var state = SandboxVoiceState(user: user, channel: channel.id, sessionID: sessionID)
        state.selfMute = selfMute
        state.selfDeaf = selfDeaf
        let permissions = guilds[guild]?.permissions(of: user, in: channel.id) ?? []
        if channel.type == ChannelType.stage {
            state.suppress = previous?.channel == channel.id ? previous?.suppress ?? true : true
        } else {
            state.suppress = !permissions.contains(.speak)
        }
        state.mute = previous?.mute ?? false
        let moved = previous?.channel != channel.id
        if let previous, moved { removeFromCall(user, channel: previous.channel, code: 4014) }
        guilds[guild]?.voice[user] = state
        publishVoiceState(state, guild: guild, connected: true)
        media.setSilenced(state.suppress || state.mute, user: user, call: channel.id)
        guard applications[user] != nil else { return }
        let key = VoiceKey(guild: guild, user: user)
        if moved || grants[key] == nil || grants[key]?.sessionID != sessionID {
            grant(user, channel: channel.id, guild: guild, sessionID: sessionID)
        } else if let known = grants[key], calls[channel.id]?.participants[user] == nil {
            publishServer(known, user: user, guild: guild)
        }
    }

    private func grant(_ user: Snowflake, channel: Snowflake, guild: Snowflake, sessionID: String) {
        let grant = VoiceGrant(channel: channel, sessionID: sessionID, token: RandomText.token(16))
        grants[VoiceKey(guild: guild, user: user)] = grant
        publishServer(grant, user: user, guild: guild)
    }

    private func publishServer(_ grant: VoiceGrant, user: Snowflake, guild: Snowflake) {
        let body: JSONValue = [
            "token": .string(grant.token), "guild_id": .id(guild), "endpoint": .string("127.0.0.1:\(addresses.voice)"),
        ]
        dispatch("VOICE_SERVER_UPDATE", body, guild: guild, intent: .guildVoiceStates, only: user)
    }

    private func publishVoiceState(_ state: SandboxVoiceState, guild: Snowflake, connected: Bool) {
        var body = state.payload(guild: guild, connected: connected)
        if let member = guilds[guild]?.members[state.user] {
            body["member"] = member.payload(user: users[state.user])
        }
        dispatch("VOICE_STATE_UPDATE", .object(body), guild: guild, intent: .guildVoiceStates)
        // The session id is the client's secret; a page does not need it.
        body["session_id"] = nil
        announce("VOICE_STATE_UPDATE", .object(body))
    }
}
