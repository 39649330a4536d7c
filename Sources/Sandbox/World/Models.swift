import DiscordModel

/// A user or a bot.
public struct SandboxUser: Sendable, Equatable {
    public let id: Snowflake
    public var username: String
    public var globalName: String?
    public var isBot: Bool
}

public struct SandboxRole: Sendable, Equatable {
    public let id: Snowflake
    public var name: String
    public var permissions: Permissions
    public var position: Int
}

public struct SandboxChannel: Sendable, Equatable {
    public let id: Snowflake
    /// As in `ChannelType`.
    public let type: Int
    public var name: String
    /// Most users of a voice channel; 0 is no limit.
    public var userLimit: Int
    public var overwrites: [PermissionOverwrite]
    public var position: Int
    /// Voice channel status.
    public var status: String?

    var isVoice: Bool { type == ChannelType.voice || type == ChannelType.stage }
}

public struct SandboxVoiceState: Sendable, Equatable {
    public let user: Snowflake
    public var channel: Snowflake
    public var sessionID: String
    public var selfMute = false
    public var selfDeaf = false
    public var mute = false
    public var deaf = false
    public var suppress = false
    public var requestToSpeak: String?
}

struct SandboxMember: Sendable {
    let user: Snowflake
    var roles: Set<Snowflake> = []
    let joinedAt: String
}

struct SandboxGuild: Sendable {
    let id: Snowflake
    var name: String
    var owner: Snowflake
    var roles: [Snowflake: SandboxRole] = [:]
    var channels: [Snowflake: SandboxChannel] = [:]
    var members: [Snowflake: SandboxMember] = [:]
    var voice: [Snowflake: SandboxVoiceState] = [:]

    func permissions(of user: Snowflake, in channel: Snowflake?) -> Permissions {
        guard let member = members[user] else { return [] }
        return Permissions.effective(
            guild: id, owner: owner, member: user, roles: member.roles,
            rolePermissions: roles.mapValues(\.permissions),
            overwrites: channel.flatMap { channels[$0]?.overwrites } ?? [])
    }

    func occupants(of channel: Snowflake) -> [SandboxVoiceState] {
        voice.values.filter { $0.channel == channel }.sorted { $0.user < $1.user }
    }
}

/// A bot's application. Its id is the bot user's id, as with every application made since 2016.
struct SandboxApplication: Sendable {
    let id: Snowflake
    let token: String
    var name: String
    let owner: Snowflake
    /// Privileged intents that are enabled for it.
    var privilegedIntents: Int
    /// Commands by guild; nil holds the global ones.
    var commands: [Snowflake?: [JSONValue]] = [:]
}

struct SandboxMessage: Sendable {
    let id: Snowflake
    let channel: Snowflake
    let guild: Snowflake
    let author: Snowflake
    let application: Snowflake?
    /// The message object as Discord sends it.
    var body: [String: JSONValue]
    /// The only user who sees it.
    var onlyFor: Snowflake?
    /// Who used the command or pressed the button that it answers.
    var invoker: Snowflake?
    /// Asked for by the page itself, not by its user.
    var quiet = false

    var flags: Int { Int(body["flags"]?.int ?? 0) }
}

struct SandboxInteraction: Sendable {
    enum Progress: Sendable, Equatable {
        case waiting
        case deferred
        case answered
    }

    let id: Snowflake
    let token: String
    let application: Snowflake
    let type: Int
    let guild: Snowflake
    let channel: Snowflake
    let user: Snowflake
    let command: String?
    let createdAt: Double
    /// Message of the pressed component.
    let source: Snowflake?
    let quiet: Bool
    var progress = Progress.waiting
    var original: Snowflake?
    var followups = 0
}

struct SandboxAttachment: Sendable {
    let id: Snowflake
    let filename: String
    let contentType: String
    let bytes: [UInt8]
}

/// Why the sandbox cannot do what a script or the page asked for.
public struct SandboxError: Error, Sendable, Equatable, CustomStringConvertible {
    public let code: String
    public let message: String
    public var description: String { message }

    init(_ code: String, _ message: String) {
        self.code = code
        self.message = message
    }
}
