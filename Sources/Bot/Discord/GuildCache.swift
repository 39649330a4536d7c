import DiscordModel
import Synchronization

/// What the bot knows of a guild from the gateway: enough to find people in voice and to judge permissions.
struct GuildRecordCache: Sendable {
    struct Channel: Sendable {
        var name: String
        var type: Int
        var userLimit: Int
        var bitrate: Int
        var overwrites: [PermissionOverwrite]
    }

    struct VoiceState: Sendable, Equatable {
        var channel: DiscordModel.Snowflake
        var sessionID: String
        var isBot: Bool
    }

    var name = ""
    var owner: DiscordModel.Snowflake?
    var roles: [DiscordModel.Snowflake: Permissions] = [:]
    var channels: [DiscordModel.Snowflake: Channel] = [:]
    var voice: [DiscordModel.Snowflake: VoiceState] = [:]
    var ownRoles: Set<DiscordModel.Snowflake> = []
}

/// Guilds as the gateway tells of them. Written by the dispatch loop, read by everybody.
public final class GuildCache: Sendable {
    private let guilds = Mutex<[DiscordModel.Snowflake: GuildRecordCache]>([:])
    private let ownID = Mutex<DiscordModel.Snowflake?>(nil)

    public init() {}

    var botUser: DiscordModel.Snowflake? {
        get { ownID.withLock { $0 } }
        set { ownID.withLock { $0 = newValue } }
    }

    var guildIDs: [DiscordModel.Snowflake] { guilds.withLock { Array($0.keys) } }

    /// Takes in an event of the gateway; unknown and malformed ones change nothing.
    func apply(_ name: String, _ data: JSONValue) {
        let own = botUser
        guilds.withLock { guilds in
            guard let guild = (data["guild_id"] ?? data["id"])?.snowflake else { return }
            switch name {
            case "GUILD_CREATE": guilds[guild] = GuildRecordCache(guild: data, own: own)
            case "GUILD_UPDATE":
                if let owner = data["owner_id"]?.snowflake { guilds[guild]?.owner = owner }
                guilds[guild]?.takeRoles(data)
            case "GUILD_DELETE": guilds[guild] = nil
            case "CHANNEL_CREATE", "CHANNEL_UPDATE": guilds[guild]?.takeChannel(data)
            case "CHANNEL_DELETE": if let id = data["id"]?.snowflake { guilds[guild]?.channels[id] = nil }
            case "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE": if let role = data["role"] { guilds[guild]?.takeRole(role) }
            case "GUILD_ROLE_DELETE": if let id = data["role_id"]?.snowflake { guilds[guild]?.roles[id] = nil }
            case "GUILD_MEMBER_UPDATE" where data["user"]?["id"]?.snowflake == own: guilds[guild]?.takeOwnMember(data)
            case "VOICE_STATE_UPDATE": guilds[guild]?.takeVoiceState(data)
            default: break
            }
        }
    }

    /// The voice channel that a user is in.
    func voiceChannel(of user: DiscordModel.Snowflake, in guild: DiscordModel.Snowflake) -> DiscordModel.Snowflake? {
        guilds.withLock { $0[guild]?.voice[user]?.channel }
    }

    func channel(_ id: DiscordModel.Snowflake, in guild: DiscordModel.Snowflake) -> GuildRecordCache.Channel? {
        guilds.withLock { $0[guild]?.channels[id] }
    }

    /// People (no bots) in a channel.
    func listeners(in channel: DiscordModel.Snowflake, of guild: DiscordModel.Snowflake) -> Set<DiscordModel.Snowflake>
    {
        guilds.withLock { guilds in
            Set((guilds[guild]?.voice ?? [:]).filter { $0.value.channel == channel && !$0.value.isBot }.keys)
        }
    }

    func occupants(of channel: DiscordModel.Snowflake, in guild: DiscordModel.Snowflake) -> Int {
        guilds.withLock { guilds in (guilds[guild]?.voice ?? [:]).values.filter { $0.channel == channel }.count }
    }

    /// What the bot may do in a channel; nil where the guild or channel is not known.
    func ownPermissions(in channel: DiscordModel.Snowflake, of guild: DiscordModel.Snowflake) -> Permissions? {
        guard let own = botUser else { return nil }
        return guilds.withLock { guilds in
            guard let record = guilds[guild], let found = record.channels[channel] else { return nil }
            return Permissions.effective(
                guild: guild, owner: record.owner, member: own, roles: record.ownRoles, rolePermissions: record.roles,
                overwrites: found.overwrites)
        }
    }
}

extension GuildRecordCache {
    init(guild data: JSONValue, own: DiscordModel.Snowflake?) {
        name = data["name"]?.string ?? ""
        owner = data["owner_id"]?.snowflake
        takeRoles(data)
        for channel in data["channels"]?.array ?? [] { takeChannel(channel) }
        for member in data["members"]?.array ?? [] where own != nil && member["user"]?["id"]?.snowflake == own {
            takeOwnMember(member)
        }
        let bots = Set(
            (data["members"]?.array ?? []).filter { $0["user"]?["bot"]?.bool == true }.compactMap {
                $0["user"]?["id"]?.snowflake
            })
        for state in data["voice_states"]?.array ?? [] {
            takeVoiceState(state)
            if let user = state["user_id"]?.snowflake, bots.contains(user) { voice[user]?.isBot = true }
        }
    }

    mutating func takeRoles(_ data: JSONValue) { for role in data["roles"]?.array ?? [] { takeRole(role) } }

    mutating func takeRole(_ role: JSONValue) {
        if let id = role["id"]?.snowflake { roles[id] = Permissions(role["permissions"]?.string) ?? [] }
    }

    mutating func takeOwnMember(_ member: JSONValue) {
        ownRoles = Set((member["roles"]?.array ?? []).compactMap(\.snowflake))
    }

    mutating func takeChannel(_ data: JSONValue) {
        guard let id = data["id"]?.snowflake else { return }
        let overwrites = (data["permission_overwrites"]?.array ?? []).compactMap { raw -> PermissionOverwrite? in
            guard let id = raw["id"]?.snowflake else { return nil }
            return PermissionOverwrite(
                id: id, allow: Permissions(raw["allow"]?.string) ?? [], deny: Permissions(raw["deny"]?.string) ?? [])
        }
        channels[id] = Channel(
            name: data["name"]?.string ?? "", type: Int(data["type"]?.int ?? 0),
            userLimit: Int(data["user_limit"]?.int ?? 0),
            bitrate: Int(data["bitrate"]?.int ?? 64_000), overwrites: overwrites)
    }

    mutating func takeVoiceState(_ data: JSONValue) {
        guard let user = data["user_id"]?.snowflake else { return }
        guard let channel = data["channel_id"]?.snowflake else {
            voice[user] = nil
            return
        }
        voice[user] = VoiceState(
            channel: channel, sessionID: data["session_id"]?.string ?? "",
            isBot: data["member"]?["user"]?["bot"]?.bool ?? voice[user]?.isBot ?? false)
    }
}
