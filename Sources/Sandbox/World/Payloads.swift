import DiscordModel

extension SandboxUser {
    var payload: JSONValue {
        var members: [String: JSONValue] = [
            "id": .id(id), "username": .string(username), "discriminator": "0", "avatar": nil, "public_flags": 0,
            "flags": 0, "global_name": globalName.map(JSONValue.string) ?? nil, "banner": nil, "accent_color": nil,
            "avatar_decoration_data": nil, "collectibles": nil, "primary_guild": nil, "clan": nil,
        ]
        if isBot { members["bot"] = true }
        return .object(members)
    }

    /// `GET /users/@me`.
    var ownPayload: JSONValue {
        payload.merging(["verified": true, "mfa_enabled": true, "email": nil, "locale": "en-US", "premium_type": 0])
    }
}

extension SandboxRole {
    var payload: JSONValue {
        [
            "id": .id(id), "name": .string(name), "description": nil, "color": 0,
            "colors": ["primary_color": 0, "secondary_color": nil, "tertiary_color": nil], "hoist": false, "icon": nil,
            "unicode_emoji": nil, "position": .number(position), "permissions": .permissions(permissions),
            "managed": false, "mentionable": false, "flags": 0,
        ]
    }
}

extension SandboxChannel {
    func payload(guild: Snowflake) -> JSONValue {
        let overwritten = overwrites.map { overwrite -> JSONValue in
            [
                "id": .id(overwrite.id), "type": 0, "allow": .permissions(overwrite.allow),
                "deny": .permissions(overwrite.deny),
            ]
        }
        var members: [String: JSONValue] = [
            "id": .id(id), "type": .number(type), "guild_id": .id(guild), "name": .string(name), "parent_id": nil,
            "position": .number(position), "permission_overwrites": .array(overwritten), "nsfw": false, "flags": 0,
            "last_message_id": nil, "rate_limit_per_user": 0,
        ]
        if isVoice {
            members["bitrate"] = 64000
            members["user_limit"] = .number(userLimit)
            members["rtc_region"] = nil as JSONValue
            if let status { members["status"] = .string(status) }
        } else {
            members["topic"] = nil as JSONValue
        }
        return .object(members)
    }
}

extension SandboxMember {
    func payload(user: SandboxUser?) -> JSONValue {
        var members: [String: JSONValue] = [
            "roles": .array(roles.sorted().map { .id($0) }), "nick": nil, "avatar": nil, "banner": nil,
            "joined_at": .string(joinedAt), "premium_since": nil, "deaf": false, "mute": false, "flags": 0,
            "pending": false, "communication_disabled_until": nil,
        ]
        if let user { members["user"] = user.payload }
        return .object(members)
    }
}

extension SandboxVoiceState {
    func payload(guild: Snowflake?, connected: Bool = true) -> [String: JSONValue] {
        var members: [String: JSONValue] = [
            "channel_id": connected ? .id(channel) : nil, "user_id": .id(user), "session_id": .string(sessionID),
            "deaf": .bool(deaf), "mute": .bool(mute), "self_deaf": .bool(selfDeaf), "self_mute": .bool(selfMute),
            "self_video": false, "suppress": .bool(suppress),
            "request_to_speak_timestamp": requestToSpeak.map(JSONValue.string) ?? nil,
        ]
        if let guild { members["guild_id"] = .id(guild) }
        return members
    }
}

extension SandboxGuild {
    /// The fields that both REST and the gateway give.
    func payload() -> [String: JSONValue] {
        [
            "id": .id(id), "name": .string(name), "icon": nil, "splash": nil, "discovery_splash": nil,
            "owner_id": .id(owner), "afk_channel_id": nil, "afk_timeout": 300, "verification_level": 0,
            "default_message_notifications": 1, "explicit_content_filter": 0, "emojis": [], "stickers": [],
            "roles": .array(roles.values.sorted { $0.position < $1.position }.map(\.payload)),
            "features": [], "mfa_level": 0, "application_id": nil, "system_channel_id": nil,
            "system_channel_flags": 0, "rules_channel_id": nil, "public_updates_channel_id": nil,
            "safety_alerts_channel_id": nil, "max_presences": nil, "max_members": 500_000, "vanity_url_code": nil,
            "description": nil, "banner": nil, "premium_tier": 0, "premium_subscription_count": 0,
            "preferred_locale": "en-US", "nsfw_level": 0, "nsfw": false, "premium_progress_bar_enabled": false,
            "max_video_channel_users": 25, "max_stage_video_channel_users": 50, "widget_enabled": false,
            "widget_channel_id": nil, "home_header": nil, "incidents_data": nil, "region": "deprecated",
            "hub_type": nil, "latest_onboarding_question_id": nil,
        ]
    }

    /// The body of GUILD_CREATE.
    func creation(users: [Snowflake: SandboxUser], viewer: Snowflake) -> JSONValue {
        let people = members.values.sorted { $0.user < $1.user }.prefix(1000)
        var body = payload()
        body["joined_at"] = .string(members[viewer]?.joinedAt ?? Timestamp.of(id))
        body["large"] = .bool(members.count > 250)
        body["unavailable"] = false
        body["member_count"] = .number(members.count)
        body["members"] = .array(people.map { $0.payload(user: users[$0.user]) })
        body["channels"] = .array(sortedChannels.map { $0.payload(guild: id) })
        body["voice_states"] = .array(voice.values.sorted { $0.user < $1.user }.map { .object($0.payload(guild: nil)) })
        for list in ["threads", "presences", "stage_instances", "guild_scheduled_events", "soundboard_sounds"] {
            body[list] = []
        }
        return .object(body)
    }

    var sortedChannels: [SandboxChannel] { channels.values.sorted { ($0.position, $0.id) < ($1.position, $1.id) } }
}

extension SandboxApplication {
    /// - Parameter owner: nil leaves it out, as READY does.
    func payload(owner: SandboxUser?) -> JSONValue {
        var body: [String: JSONValue] = ["id": .id(id), "flags": 0]
        guard let owner else { return .object(body) }
        body.merge([
            "name": .string(name), "icon": nil, "description": "", "summary": "", "type": nil, "bot_public": true,
            "bot_require_code_grant": false, "verify_key": .string(String(repeating: "0", count: 64)),
            "owner": owner.payload, "team": nil, "hook": true, "redirect_uris": [],
            "interactions_endpoint_url": nil, "role_connections_verification_url": nil, "approximate_guild_count": 1,
            "is_monetized": false, "is_verified": false, "integration_types_config": [:], "storefront_available": false,
            "tags": [], "approximate_user_install_count": 0, "event_webhooks_status": 1,
        ]) { $1 }
        return .object(body)
    }
}
