import DiscordModel

/// What a shard is to be.
public struct GatewayConfiguration: Sendable {
    public var token: String
    public var intents: GatewayIntents
    /// This shard and how many there are.
    public var shard: (id: Int, count: Int)
    public var compression: GatewayCompression
    public var trustedCAFile: String?

    public init(
        token: String, intents: GatewayIntents = [.guilds, .guildVoiceStates], shard: (id: Int, count: Int) = (0, 1),
        compression: GatewayCompression = .zstdStream, trustedCAFile: String? = nil
    ) {
        self.token = token
        self.intents = intents
        self.shard = shard
        self.compression = compression
        self.trustedCAFile = trustedCAFile
    }
}

/// Transport compression of the gateway.
public enum GatewayCompression: String, Sendable, CaseIterable {
    case zstdStream = "zstd-stream"
    case zlibStream = "zlib-stream"
    case none
}

/// An event that Discord dispatched (op 0).
public struct GatewayDispatch: Sendable, Equatable {
    public let name: String
    public let sequence: Int64
    public let data: JSONValue

    /// The guild that the event is about.
    public var guildID: Snowflake? {
        (data["guild_id"] ?? (name.hasPrefix("GUILD_") ? data["id"] : nil))?.snowflake
    }
}

/// One shard's gateway session: a pure state machine without socket and clock.
public struct GatewaySession: Sendable {
    public enum Event: Sendable, Equatable {
        /// The WebSocket stands.
        case connected
        case payload(JSONValue)
        /// A message that cannot be inflated or parsed.
        case unreadable
        /// The heartbeat timer fired.
        case heartbeatDue
        /// The WebSocket is gone; nil where there was no close frame.
        case closed(code: UInt16?)
    }

    public enum Action: Sendable, Equatable {
        case send(JSONValue)
        /// First beat after `first` milliseconds, then every `interval`.
        case heartbeat(first: Int, interval: Int)
        case dispatch(GatewayDispatch)
        /// Close with a code other than 1000, which keeps the session alive; an `abort` drops the socket at once.
        case disconnect(abort: Bool)
        /// Connect again after `delay` milliseconds; `identify` where a fresh session follows (and the identify limits apply).
        case reconnect(url: String?, delay: Int, identify: Bool)
        case stop(message: String)
        case ready
    }

    private let configuration: GatewayConfiguration
    private var random: any RandomNumberGenerator & Sendable
    private var sessionID: String?
    private var resumeURL: String?
    private var sequence: Int64?
    private var awaitingAck = false
    private var attempts = 0
    /// Connections that ended, or could not be made, since the last hello.
    private var endsWithoutHello = 0
    /// The drop itself, and six connects in about half a minute: an outage of our own line may take that.
    private static let endsWithoutHelloLimit = 7
    /// Payloads of this session that could not be used.
    private var faults = 0
    private static let faultLimit = 3
    /// Set while the socket is going down because we asked: its close event is then no news.
    private var leaving = false
    private var pendingDelay: Int?

    public init(_ configuration: GatewayConfiguration, random: any RandomNumberGenerator & Sendable) {
        self.configuration = configuration
        self.random = random
    }

    public var canResume: Bool { sessionID != nil && sequence != nil }

    public mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .connected:
            leaving = false
            awaitingAck = false
            return []
        // What comes after we decided to leave is replayed by a resume; it must not move the sequence.
        case .payload where leaving, .unreadable where leaving, .heartbeatDue where leaving: return []
        case .payload(let payload): return received(payload)
        case .unreadable: return broken()
        case .heartbeatDue: return beat()
        case .closed(let code): return closed(code)
        }
    }

    // MARK: Receiving

    private mutating func received(_ payload: JSONValue) -> [Action] {
        guard let opcode = payload["op"]?.int else { return broken() }
        if let sequence = payload["s"]?.int { self.sequence = max(sequence, self.sequence ?? 0) }
        switch Int(opcode) {
        case GatewayOpcode.hello: return hello(payload["d"] ?? .null)
        case GatewayOpcode.heartbeat: return [.send(heartbeat)]
        case GatewayOpcode.heartbeatAck:
            awaitingAck = false
            return []
        case GatewayOpcode.reconnect: return leave(delay: 0)
        case GatewayOpcode.invalidSession:
            if payload["d"]?.bool != true { forget() }
            return leave(delay: Int.random(in: 1_000...5_000, using: &random))
        case GatewayOpcode.dispatch: return dispatch(payload)
        default: return []
        }
    }

    private mutating func hello(_ data: JSONValue) -> [Action] {
        guard let interval = data["heartbeat_interval"]?.int, (1_000...600_000).contains(interval) else {
            return broken()
        }
        endsWithoutHello = 0
        let first = Int(Double(interval) * Double.random(in: 0..<1, using: &random))
        return [.heartbeat(first: first, interval: Int(interval)), .send(canResume ? resume : identify)]
    }

    private mutating func dispatch(_ payload: JSONValue) -> [Action] {
        guard let name = payload["t"]?.string, let sequence = payload["s"]?.int else { return broken() }
        let event = GatewayDispatch(name: name, sequence: sequence, data: payload["d"] ?? .null)
        switch name {
        case "READY":
            guard let id = event.data["session_id"]?.string else { return broken() }
            sessionID = id
            // A new session counts from its own start, wherever the old one was.
            self.sequence = sequence
            faults = 0
            resumeURL = event.data["resume_gateway_url"]?.string
            attempts = 0
            return [.ready, .dispatch(event)]
        case "RESUMED":
            attempts = 0
            return [.ready, .dispatch(event)]
        default: return [.dispatch(event)]
        }
    }

    // MARK: Sending

    private var heartbeat: JSONValue {
        ["op": .int(Int64(GatewayOpcode.heartbeat)), "d": sequence.map(JSONValue.int) ?? .null]
    }

    private mutating func beat() -> [Action] {
        // No ACK since the last beat: the connection is a zombie.
        guard !awaitingAck else {
            leaving = true
            pendingDelay = 0
            return [.disconnect(abort: true)]
        }
        awaitingAck = true
        return [.send(heartbeat)]
    }

    private var identify: JSONValue {
        [
            "op": .int(Int64(GatewayOpcode.identify)),
            "d": [
                "token": .string(configuration.token), "intents": .int(Int64(configuration.intents.rawValue)),
                "shard": [.int(Int64(configuration.shard.id)), .int(Int64(configuration.shard.count))],
                "properties": ["os": "linux", "browser": "timmybot", "device": "timmybot"], "compress": false,
            ],
        ]
    }

    private var resume: JSONValue {
        [
            "op": .int(Int64(GatewayOpcode.resume)),
            "d": [
                "token": .string(configuration.token), "session_id": .string(sessionID ?? ""),
                "seq": .int(sequence ?? 0),
            ],
        ]
    }

    // MARK: Ending

    private mutating func forget() {
        sessionID = nil
        resumeURL = nil
        sequence = nil
    }

    /// A payload that cannot be: start over on a new connection. The session is kept at first; but a resume replays the
    /// same payload, so after a few of them only a fresh session gets past it.
    private mutating func broken() -> [Action] {
        faults += 1
        if faults >= Self.faultLimit { forget() }
        return leave(delay: backoff())
    }

    private mutating func leave(delay: Int) -> [Action] {
        leaving = true
        pendingDelay = delay
        return [.disconnect(abort: false)]
    }

    /// Exponential with full jitter, at most a minute.
    private mutating func backoff() -> Int {
        attempts += 1
        let ceiling = min(60_000, 500 << min(attempts, 7))
        return Int.random(in: ceiling / 2...ceiling, using: &random)
    }

    private mutating func closed(_ code: UInt16?) -> [Action] {
        if leaving {
            leaving = false
            let delay = pendingDelay ?? backoff()
            pendingDelay = nil
            return [reconnect(delay)]
        }
        switch GatewayCloseReaction.of(code) {
        case .stop(let message): return [.stop(message: message)]
        case .identify: forget()
        case .resume: forgetDeadHost()
        }
        return [
            reconnect(attempts == 0 && canResume ? Int.random(in: 0...250, using: &random) : backoff(), counted: true)
        ]
    }

    /// A session is resumed at one host only. Where that is gone for good, a fresh one at the common address is the way
    /// back.
    private mutating func forgetDeadHost() {
        endsWithoutHello += 1
        if endsWithoutHello >= Self.endsWithoutHelloLimit { forget() }
    }

    private mutating func reconnect(_ delay: Int, counted: Bool = false) -> Action {
        if counted, attempts == 0 { attempts = 1 }
        return .reconnect(url: canResume ? resumeURL : nil, delay: delay, identify: !canResume)
    }
}
