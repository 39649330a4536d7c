import DiscordModel
import Logging

/// The state of the local Discord and what happens in it. Scripts (tests, the demo) use its public methods; REST,
/// gateways and the page go through the same ones. No method waits inside, so each is one step.
public actor SandboxWorld {
    /// Bounds, so that a runaway client cannot fill the memory.
    enum Bounds {
        static let messagesPerChannel = 500
        static let interactions = 2000
        static let attachmentBytes = 64 << 20
        static let replay = 2000
        static let subscribers = 64
        static let guilds = 5000
    }

    let configuration: SandboxConfiguration
    let media: MediaServer
    let log: Logger
    var ids = SnowflakeSource()

    var users: [Snowflake: SandboxUser] = [:]
    var guilds: [Snowflake: SandboxGuild] = [:]
    var channelGuilds: [Snowflake: Snowflake] = [:]
    var applications: [Snowflake: SandboxApplication] = [:]
    var messages: [Snowflake: [SandboxMessage]] = [:]
    var interactions: [Snowflake: SandboxInteraction] = [:]
    var interactionOrder: [Snowflake] = []
    var attachments: [Snowflake: SandboxAttachment] = [:]
    var attachmentOrder: [Snowflake] = []

    /// Gateway connections that were ever opened.
    var gatewaysOpened = 0
    /// Op 4 as bots sent it, the newest 1000: who, and the channel that was asked for.
    var voiceRequestLog: [(user: Snowflake, channel: Snowflake?)] = []
    var connections: [Snowflake: GatewayConnection] = [:]
    var sessions: [String: GatewaySession] = [:]
    var identifyLimits = IdentifyLimits()
    var gatewayFaults: [GatewayFault] = []
    var restFaults: [RESTFault] = []
    var restLimits = RESTLimits()
    var subscribers: [Snowflake: Subscriber] = [:]
    var answerWaiters: [Snowflake: [Snowflake: CheckedContinuation<JSONValue?, Never>]] = [:]
    /// Requests that REST answered, newest last, for tests: method, path and status.
    var restLog: [RecordedRequest] = []

    var grants: [VoiceKey: VoiceGrant] = [:]
    var calls: [Snowflake: VoiceCall] = [:]
    var firstCommitters: [Snowflake: Snowflake] = [:]
    var voiceConnections: [Snowflake: VoiceConnection] = [:]
    var inbox: [(listener: Snowflake, event: ListenerEvent)] = []
    var listeners: [Snowflake: InProcessMember] = [:]
    var fanouts: [Snowflake: OggFanout] = [:]
    /// The modal that each user has open.
    var modals: [Snowflake: (customID: String, application: Snowflake)] = [:]
    var nextSSRC = UInt32.random(in: 1000...100_000)

    /// Set once the ports are known.
    var addresses = SandboxAddresses()
    /// The human behind the page.
    public internal(set) var human: Snowflake = 0

    init(configuration: SandboxConfiguration, media: MediaServer) {
        self.configuration = configuration
        self.media = media
        log = configuration.logger
        human = ids.next()
        users[human] = SandboxUser(id: human, username: "you", globalName: "You", isBot: false)
    }

    var now: Double { configuration.clock() }

    func setAddresses(_ addresses: SandboxAddresses) { self.addresses = addresses }

    /// What happens, for a page, a test or a script. Events that only one user sees go to that user's subscribers.
    struct Subscriber: Sendable {
        let user: Snowflake?
        let send: @Sendable (String, JSONValue) -> Void
    }

    /// Tells subscribers; `only` limits an event to one user (and to scripts, which see all).
    func announce(_ type: String, _ data: JSONValue, only: Snowflake? = nil) {
        for subscriber in subscribers.values where only == nil || subscriber.user == nil || subscriber.user == only {
            subscriber.send(type, data)
        }
    }

    /// Every event from now on, for scripts. Ends when the stream is dropped.
    public func events() -> AsyncStream<(type: String, data: JSONValue)> {
        let (stream, sink) = AsyncStream.makeStream(
            of: (type: String, data: JSONValue).self, bufferingPolicy: .bufferingNewest(10_000))
        let id = subscribe(user: nil) { sink.yield(($0, $1)) }
        sink.onTermination = { [weak self] _ in
            guard let self, let id else { return }
            Task { await self.unsubscribe(id) }
        }
        if id == nil { sink.finish() }
        return stream
    }

    func subscribe(user: Snowflake?, _ send: @escaping @Sendable (String, JSONValue) -> Void) -> Snowflake? {
        guard subscribers.count < Bounds.subscribers else { return nil }
        let id = ids.next()
        subscribers[id] = Subscriber(user: user, send: send)
        return id
    }

    func unsubscribe(_ id: Snowflake) { subscribers[id] = nil }
}

/// Where the sandbox can be reached.
struct SandboxAddresses: Sendable {
    var http = 0
    var gateway = 0
    var voice = 0
    var udp = 0
    var authority: String { "127.0.0.1:\(http)" }
    var gatewayURL: String { "ws://127.0.0.1:\(gateway)" }
}
