/// Gateway opcodes. Source: Discord, "Opcodes and Status Codes".
public enum GatewayOpcode {
    public static let dispatch = 0
    public static let heartbeat = 1
    public static let identify = 2
    public static let presenceUpdate = 3
    public static let voiceStateUpdate = 4
    public static let resume = 6
    public static let reconnect = 7
    public static let invalidSession = 9
    public static let hello = 10
    public static let heartbeatAck = 11
}

/// Gateway intents.
public struct GatewayIntents: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let guilds = GatewayIntents(rawValue: 1 << 0)
    public static let guildVoiceStates = GatewayIntents(rawValue: 1 << 7)
}

/// What a gateway close code asks of a client.
public enum GatewayCloseReaction: Equatable, Sendable {
    /// The session lives on: reconnect and resume.
    case resume
    /// The session is over: reconnect and identify.
    case identify
    /// Nothing that we do by ourselves will help; `message` tells the operator what will.
    case stop(message: String)

    /// Source: Discord, "Gateway Close Event Codes". `nil` is a connection that ended without a close frame.
    public static func of(_ code: UInt16?) -> GatewayCloseReaction {
        switch code {
        case 4004: .stop(message: "Discord refused the bot token: check DISCORD_TOKEN (4004)")
        case 4010: .stop(message: "invalid shard: the shard id is not below the shard count (4010)")
        case 4011: .stop(message: "this bot is in so many servers that it must be sharded (4011)")
        case 4012: .stop(message: "Discord no longer speaks this gateway version: update TimmyBot (4012)")
        case 4013: .stop(message: "Discord does not know the intents that were asked for (4013)")
        case 4014:
            .stop(message: "an intent was asked for that is not enabled for this bot in the developer portal (4014)")
        // 1001 (going away) is a restart on their side: a resume loses nothing, and op 9 follows where it cannot be.
        case 1000, 4003, 4007, 4009: .identify
        default: .resume
        }
    }
}
