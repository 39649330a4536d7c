import DiscordModel

/// One WebSocket to the gateway.
struct GatewayConnection: Sendable {
    let id: Snowflake
    let socket: SocketHandle
    let path: String
    var compressor: GatewayCompressor
    var session: String?
    var sends: [Double] = []
    var lastHeartbeat: Double
    var withholdsAck = false
}

/// A session: it outlives its connection.
struct GatewaySession: Sendable {
    let id: String
    let application: Snowflake
    let intents: GatewayIntents
    let shard: (id: Int, count: Int)
    var connection: Snowflake?
    var sequence = 0
    var replay: [(sequence: Int, bytes: [UInt8])] = []
    var lostAt: Double?

    /// Discord's rule: `(guild_id >> 22) % shards`.
    func covers(_ guild: Snowflake) -> Bool { Int((guild.rawValue >> 22) % UInt64(shard.count)) == shard.id }
}

/// What can go wrong at the gateway, for tests.
public enum GatewayFault: Sendable, Equatable {
    /// TCP reset.
    case drop
    /// Close with a code.
    case close(UInt16)
    /// Op 7.
    case reconnect
    /// Op 9; where not resumable the session is forgotten.
    case invalidSession(resumable: Bool)
    /// Heartbeats are no longer acknowledged on this connection.
    case withholdAck
    /// A text that is no JSON.
    case malformed
    /// A payload with a string of so many bytes.
    case oversized(Int)
    /// The next Identify is answered with op 9.
    case refuseIdentify
    /// The next Resume is answered with op 9 false.
    case refuseResume
}
