import DAVE
import DiscordModel

/// One WebSocket to the voice gateway.
struct VoiceConnection: Sendable {
    let id: Snowflake
    let socket: SocketHandle
    /// Call and user, once identified.
    var identity: (call: Snowflake, user: Snowflake)?
    var lastHeartbeat: Double
}

/// A message of the voice gateway that is kept for a resume.
enum VoiceMessage: Sendable {
    case text(opcode: Int, JSONValue)
    case binary(opcode: UInt8, [UInt8])
}

/// One user in a call, over a socket or inside this process.
struct VoiceParticipant: Sendable {
    enum Link: Sendable {
        /// Nil while the socket is away and may resume.
        case socket(Snowflake?)
        case inProcess
    }

    let user: Snowflake
    let sessionID: String
    let token: String
    let ssrc: UInt32
    var link: Link
    /// Session description was sent: in the call as far as others are concerned.
    var isConnected = false
    var sequence: UInt16 = 0
    var replay: [(sequence: UInt16, message: VoiceMessage)] = []
    var lostAt: Double?
    var speaking: Int64 = 0
    var hasSpoken = false
    var maxDAVE: Int = 1
}

/// DAVE's side of a call: whom to add and remove, and the transition under way.
struct VoiceRoster: Sendable {
    struct Transition: Sendable {
        let id: UInt16
        var waiting: Set<Snowflake>
        let since: Double
    }

    var service: DAVEDeliveryService
    /// Key packages that were not proposed yet.
    var arrivals: [Snowflake: [UInt8]] = [:]
    /// Users whose proposals await a commit.
    var proposed: Set<Snowflake> = []
    /// Members that asked to be removed and added again (op 31).
    var expelled: Set<Snowflake> = []
    /// Adds before the first commit: each user gets all but its own.
    var founding: [(user: Snowflake, message: [UInt8])] = []
    var proposedAt = 0.0
    var transition: Transition?
    var nextTransition: UInt16 = 1
    /// Whose commits were taken, in order.
    var committers: [Snowflake] = []

    var isWaiting: Bool { !proposed.isEmpty }

    /// As if no group had ever been.
    mutating func reset() {
        service.reset()
        arrivals = [:]
        proposed = []
        expelled = []
        founding = []
        transition = nil
    }
}

struct VoiceCall: Sendable {
    let channel: Snowflake
    let guild: Snowflake
    /// 1 in voice channels, 0 on stages.
    let daveVersion: Int
    var participants: [Snowflake: VoiceParticipant] = [:]
    var roster: VoiceRoster

    init(channel: Snowflake, guild: Snowflake, daveVersion: Int) {
        self.channel = channel
        self.guild = guild
        self.daveVersion = daveVersion
        roster = VoiceRoster(service: DAVEDeliveryService(channelID: channel.rawValue))
    }
}

/// What can go wrong at the voice gateway, for tests.
public enum VoiceFault: Sendable, Equatable {
    /// TCP reset; the session may resume.
    case drop
    /// Close with a code; all but 4015 end the session.
    case close(UInt16)
    /// A text that is no JSON.
    case malformed
    /// A text of so many bytes.
    case oversized(Int)
    /// A binary op 29 with garbage: the client should answer op 31.
    case badCommit
}
