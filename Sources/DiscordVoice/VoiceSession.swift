import DAVE
import DiscordModel

/// Who we are in one voice connection.
public struct VoiceIdentity: Sendable, Equatable {
    public let guildID, channelID, userID: Snowflake
    public let sessionID: String
    /// Good for this connection only; never log it.
    public let token: String

    public init(guildID: Snowflake, channelID: Snowflake, userID: Snowflake, sessionID: String, token: String) {
        self.guildID = guildID
        self.channelID = channelID
        self.userID = userID
        self.sessionID = sessionID
        self.token = token
    }
}

/// Voice gateway version 8: a pure state machine without socket and clock. Source: Discord, "Voice Connections".
public struct VoiceSession: Sendable {
    public enum Event: Sendable, Equatable {
        case connected
        case text(JSONValue)
        case binary([UInt8])
        case heartbeatDue
        /// What was expected did not come in time.
        case overdue
        /// IP discovery found how the server sees us.
        case discovered(address: String, port: UInt16)
        case closed(code: UInt16?)
    }

    public enum Action: Sendable, Equatable {
        case send(JSONValue)
        case sendBinary([UInt8])
        /// Every so many milliseconds.
        case heartbeat(Int)
        /// `overdue` is due after so many milliseconds; nil takes that back. One at a time.
        case expect(Int?)
        case discover(host: String, port: UInt16, ssrc: UInt32)
        /// Audio may flow: transport keys are here.
        case open(mode: VoiceEncryptionMode, key: [UInt8], ssrc: UInt32)
        /// Keys of our frames: nil is clear.
        case installSender(KeyRatchet?)
        case blockSender
        case resumed
        /// Drop the socket: the server no longer answers.
        case abort
        /// Connect to the same server again after so many milliseconds.
        case reconnect(delay: Int)
        /// Ask the gateway for a new voice session.
        case newSession(reason: String)
        /// Out of the call; the gateway tells what comes now.
        case disconnected(message: String)
        case stop(message: String)
        case note(String)
    }

    private let identity: VoiceIdentity
    private var dave: DAVESession
    private var ssrc: UInt32?
    private var modes: [VoiceEncryptionMode] = []
    private var sequence = -1
    private var canResume = false
    private var awaitingAcks = 0
    private var attempts = 0
    private var nonce: Int64 = 0
    /// For hello, and again for what follows it: READY and session description, or RESUMED.
    static let answerMilliseconds = 15_000

    public init(_ identity: VoiceIdentity) {
        self.identity = identity
        dave = DAVESession(userID: identity.userID.rawValue, channelID: identity.channelID.rawValue)
    }

    /// Digits that members of the call compare; nil outside an encrypted call.
    public var voicePrivacyCode: String? { dave.voicePrivacyCode }
    public var daveProtocolVersion: Int { dave.protocolVersion }

    public mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .connected:
            awaitingAcks = 0
            return [.expect(Self.answerMilliseconds)]
        case .text(let payload): return received(payload)
        case .binary(let bytes): return receivedBinary(bytes)
        case .heartbeatDue: return beat()
        case .overdue: return [.note("voice: the server does not answer"), .abort]
        case .discovered(let address, let port): return select(address, port)
        case .closed(let code): return closed(code)
        }
    }

    // MARK: Receiving

    private mutating func received(_ payload: JSONValue) -> [Action] {
        if let number = payload["seq"]?.int, (0...65_535).contains(number) { sequence = Int(number) }
        let data = payload["d"] ?? .null
        switch payload["op"]?.int.map(Int.init) {
        case VoiceOpcode.hello: return hello(data)
        case VoiceOpcode.ready: return ready(data)
        case VoiceOpcode.sessionDescription: return describe(data)
        case VoiceOpcode.heartbeatAck:
            awaitingAcks = 0
            return []
        case VoiceOpcode.resumed:
            attempts = 0
            return [.expect(nil), .resumed]
        case VoiceOpcode.clientsConnect:
            let users = (data["user_ids"]?.array ?? []).compactMap { $0.snowflake?.rawValue }
            return perform(dave.handle(.clientsConnected(users)))
        case VoiceOpcode.clientDisconnect:
            guard let user = data["user_id"]?.snowflake else { return [] }
            return perform(dave.handle(.clientDisconnected(user.rawValue)))
        case VoiceOpcode.davePrepareTransition:
            guard let id = transition(data), let version = data["protocol_version"]?.int else { return [] }
            return perform(dave.handle(.prepareTransition(id: id, protocolVersion: Int(version))))
        case VoiceOpcode.daveExecuteTransition:
            return transition(data).map { perform(dave.handle(.executeTransition(id: $0))) } ?? []
        case VoiceOpcode.davePrepareEpoch:
            guard let epoch = data["epoch"]?.int, epoch >= 0, let version = data["protocol_version"]?.int else {
                return []
            }
            return perform(dave.handle(.prepareEpoch(epoch: UInt64(epoch), protocolVersion: Int(version))))
        default: return []
        }
    }

    private func transition(_ data: JSONValue) -> UInt16? { data["transition_id"]?.int.flatMap { UInt16(exactly: $0) } }

    private mutating func receivedBinary(_ bytes: [UInt8]) -> [Action] {
        guard bytes.count >= 3 else { return [.note("voice: binary message of \(bytes.count) bytes")] }
        sequence = Int(bytes[0]) << 8 | Int(bytes[1])
        return perform(dave.handle(.binary(opcode: bytes[2], payload: Array(bytes.dropFirst(3)))))
    }

    private mutating func hello(_ data: JSONValue) -> [Action] {
        let interval: Int64
        if case .double(let value)? = data["heartbeat_interval"] {
            interval = value.isFinite ? Int64(min(max(value, 0), 1e9)) : 0
        } else {
            interval = data["heartbeat_interval"]?.int ?? 0
        }
        guard (500...600_000).contains(interval) else { return [.abort] }
        return [
            .heartbeat(Int(interval)), .expect(Self.answerMilliseconds), .send(canResume ? resume : identify),
        ]
    }

    private mutating func ready(_ data: JSONValue) -> [Action] {
        guard let ssrc = data["ssrc"]?.int.flatMap({ UInt32(exactly: $0) }), let host = data["ip"]?.string,
            let port = data["port"]?.int.flatMap({ UInt16(exactly: $0) }), host.utf8.count < 256
        else { return [.abort] }
        self.ssrc = ssrc
        modes = (data["modes"]?.array ?? []).compactMap { $0.string.flatMap(VoiceEncryptionMode.init) }
        return [.discover(host: host, port: port, ssrc: ssrc)]
    }

    private mutating func select(_ address: String, _ port: UInt16) -> [Action] {
        guard let mode = VoiceEncryptionMode.allCases.first(where: modes.contains) else {
            return [.stop(message: "the voice server offers no encryption mode that we know")]
        }
        return [
            .send([
                "op": .int(Int64(VoiceOpcode.selectProtocol)),
                "d": [
                    "protocol": "udp",
                    "data": ["address": .string(address), "port": .int(Int64(port)), "mode": .string(mode.rawValue)],
                ],
            ])
        ]
    }

    private mutating func describe(_ data: JSONValue) -> [Action] {
        let key = (data["secret_key"]?.array ?? []).compactMap { $0.int.flatMap { UInt8(exactly: $0) } }
        guard let mode = data["mode"]?.string.flatMap(VoiceEncryptionMode.init), key.count == 32, let ssrc else {
            return [.abort]
        }
        canResume = true
        attempts = 0
        let version = Int(data["dave_protocol_version"]?.int ?? 0)
        return [.expect(nil), .open(mode: mode, key: key, ssrc: ssrc)]
            + perform(dave.handle(.sessionDescription(protocolVersion: version)))
    }

    // MARK: DAVE

    private func perform(_ actions: [DAVEAction]) -> [Action] {
        actions.compactMap { action in
            switch action {
            case .sendBinary(let opcode, let payload): .sendBinary([opcode] + payload)
            case .readyForTransition(let id):
                .send(["op": .int(Int64(VoiceOpcode.daveTransitionReady)), "d": ["transition_id": .int(Int64(id))]])
            case .invalidCommitWelcome(let id):
                .send(["op": .int(Int64(VoiceOpcode.mlsInvalidCommitWelcome)), "d": ["transition_id": .int(Int64(id))]])
            case .installSender(let ratchet): .installSender(ratchet)
            case .blockSender: .blockSender
            case .installReceiver: nil
            case .note(let text): .note(text)
            }
        }
    }

    // MARK: Sending

    private var identify: JSONValue {
        [
            "op": .int(Int64(VoiceOpcode.identify)),
            "d": [
                "server_id": .string(identity.guildID.description), "user_id": .string(identity.userID.description),
                "session_id": .string(identity.sessionID), "token": .string(identity.token),
                "max_dave_protocol_version": .int(Int64(DAVESession.maximumProtocolVersion)),
            ],
        ]
    }

    private var resume: JSONValue {
        [
            "op": .int(Int64(VoiceOpcode.resume)),
            "d": [
                "server_id": .string(identity.guildID.description), "session_id": .string(identity.sessionID),
                "token": .string(identity.token), "seq_ack": .int(Int64(sequence)),
            ],
        ]
    }

    /// Op 5; at least one goes out before audio.
    public func speaking(_ speaking: Bool) -> JSONValue {
        [
            "op": .int(Int64(VoiceOpcode.speaking)),
            "d": ["speaking": speaking ? 1 : 0, "delay": 0, "ssrc": .int(Int64(ssrc ?? 0))],
        ]
    }

    private mutating func beat() -> [Action] {
        guard awaitingAcks < 2 else { return [.abort] }
        awaitingAcks += 1
        nonce += 1
        return [
            .send([
                "op": .int(Int64(VoiceOpcode.heartbeat)), "d": ["t": .int(nonce), "seq_ack": .int(Int64(sequence))],
            ])
        ]
    }

    // MARK: Ending

    private mutating func closed(_ code: UInt16?) -> [Action] {
        switch VoiceCloseReaction.of(code) {
        case .stop(let message): return [.stop(message: message)]
        case .disconnected(let message): return [.disconnected(message: message)]
        case .newSession: return [.newSession(reason: "the voice session ended (\(code.map(String.init) ?? "?"))")]
        case .resume:
            attempts += 1
            guard canResume, attempts <= 5 else { return [.newSession(reason: "the voice server does not come back")] }
            return [.reconnect(delay: min(5_000, 100 << (attempts - 1)))]
        }
    }
}
