import DAVE
import DiscordModel

extension SandboxWorld {
    // MARK: Sockets

    func openVoice(_ request: SocketRequest, _ socket: SocketHandle) -> Snowflake? {
        guard request.query["v"] == "8" else {
            socket.close(4012, "Unknown protocol")
            return nil
        }
        let id = ids.next()
        voiceConnections[id] = VoiceConnection(id: id, socket: socket, lastHeartbeat: now)
        let hello: JSONValue = ["op": 8, "d": ["v": 8, "heartbeat_interval": .number(heartbeatMilliseconds)]]
        socket.text(JSONText.encode(hello))
        return id
    }

    /// The client's socket ended. Its session may resume unless it said goodbye.
    func closedVoice(_ id: Snowflake, code: UInt16?) {
        guard let connection = voiceConnections.removeValue(forKey: id), let (call, user) = connection.identity,
            case .socket(id) = calls[call]?.participants[user]?.link
        else { return }
        if code == 1000 || code == 1001 { return dropParticipant(user, call: call) }
        calls[call]?.participants[user]?.link = .socket(nil)
        calls[call]?.participants[user]?.lostAt = now
    }

    func receiveVoice(_ bytes: [UInt8], from id: Snowflake) {
        guard let connection = voiceConnections[id] else { return }
        guard let payload = JSONText.decode(bytes), let op = payload["op"]?.int.map(Int.init) else {
            return connection.socket.close(4002, "Failed to decode payload")
        }
        let data = payload["d"] ?? .null
        switch op {
        case VoiceOpcode.heartbeat: return voiceHeartbeat(data, id)
        case VoiceOpcode.identify: return identifyVoice(data, id)
        case VoiceOpcode.resume: return resumeVoice(data, id)
        default: break
        }
        guard let (call, user) = connection.identity else { return connection.socket.close(4003, "Not authenticated") }
        switch op {
        case VoiceOpcode.selectProtocol: selectProtocol(data, user, call, id)
        case VoiceOpcode.speaking: speak(data, user, call)
        case VoiceOpcode.daveTransitionReady: transitionReady(data["transition_id"]?.int, user, call)
        case VoiceOpcode.mlsInvalidCommitWelcome: invalidCommit(user, call)
        case 12, 14, 15, 16, 18, 20: break
        default: connection.socket.close(4001, "Unknown opcode")
        }
    }

    func receiveVoiceBinary(_ bytes: [UInt8], from id: Snowflake) {
        guard let connection = voiceConnections[id], let (call, user) = connection.identity, let opcode = bytes.first
        else { return }
        receiveDAVE(opcode, Array(bytes.dropFirst()), user, call)
    }

    private func voiceHeartbeat(_ data: JSONValue, _ id: Snowflake) {
        voiceConnections[id]?.lastHeartbeat = now
        let time = data["t"] ?? data
        voiceConnections[id]?.socket.text(JSONText.encode(["op": 6, "d": ["t": time]]))
    }

    // MARK: Identify

    private func identifyVoice(_ data: JSONValue, _ id: Snowflake) {
        guard let socket = voiceConnections[id]?.socket else { return }
        guard voiceConnections[id]?.identity == nil else { return socket.close(4005, "Already authenticated") }
        guard let guild = data["server_id"]?.snowflake, let user = data["user_id"]?.snowflake,
            let grant = grants[VoiceKey(guild: guild, user: user)]
        else { return socket.close(4006, "Session is no longer valid") }
        guard data["session_id"]?.string == grant.sessionID else {
            return socket.close(4006, "Session is no longer valid")
        }
        guard data["token"]?.string == grant.token else { return socket.close(4004, "Authentication failed") }
        let version = Int(data["max_dave_protocol_version"]?.int ?? 0)
        let isStage = guilds[guild]?.channels[grant.channel]?.type == ChannelType.stage
        guard isStage || version >= 1 else { return socket.close(4017, "E2EE/DAVE protocol required") }
        if calls[grant.channel]?.participants[user] != nil { dropParticipant(user, call: grant.channel) }
        let ssrc = admit(user, grant, guild: guild, link: .socket(id), maxDAVE: version)
        voiceConnections[id]?.identity = (grant.channel, user)
        let modes = VoiceEncryptionMode.allCases.map { JSONValue.string($0.rawValue) }
        let ready: JSONValue = [
            "ssrc": .number(ssrc), "ip": "127.0.0.1", "port": .number(addresses.udp), "modes": .array(modes),
            "heartbeat_interval": 1, "experiments": [], "streams": [],
        ]
        socket.text(JSONText.encode(["op": 2, "d": ready]))
    }

    func admit(
        _ user: Snowflake, _ grant: VoiceGrant, guild: Snowflake, link: VoiceParticipant.Link, maxDAVE: Int
    ) -> UInt32 {
        let isStage = guilds[guild]?.channels[grant.channel]?.type == ChannelType.stage
        if calls[grant.channel] == nil {
            calls[grant.channel] = VoiceCall(channel: grant.channel, guild: guild, daveVersion: isStage ? 0 : 1)
        }
        nextSSRC &+= 1
        let state = guilds[guild]?.voice[user]
        media.add(
            ssrc: nextSSRC, user: user, call: grant.channel, silenced: state.map { $0.suppress || $0.mute } ?? false)
        var participant = VoiceParticipant(
            user: user, sessionID: grant.sessionID, token: grant.token, ssrc: nextSSRC, link: link)
        participant.maxDAVE = maxDAVE
        calls[grant.channel]?.participants[user] = participant
        return nextSSRC
    }

    private func selectProtocol(_ data: JSONValue, _ user: Snowflake, _ call: Snowflake, _ id: Snowflake) {
        guard let socket = voiceConnections[id]?.socket, let participant = calls[call]?.participants[user] else {
            return
        }
        guard data["protocol"]?.string == "udp" else { return socket.close(4012, "Unknown protocol") }
        guard let mode = (data["data"]?["mode"]?.string).flatMap(VoiceEncryptionMode.init(rawValue:)) else {
            return socket.close(4016, "Unknown encryption mode")
        }
        let key = (0..<32).map { _ in UInt8.random(in: 0...255) }
        guard media.setKey(key, mode: mode, of: participant.ssrc) else {
            return socket.close(4015, "Voice server crashed")
        }
        let version = calls[call]?.daveVersion ?? 0
        let description: JSONValue = [
            "mode": .string(mode.rawValue), "secret_key": .array(key.map { .number($0) }),
            "dave_protocol_version": .number(version), "audio_codec": "opus", "video_codec": "H264",
            "media_session_id": .string(RandomText.token(32)),
        ]
        connect(user, call) { $0.tell(.text(opcode: VoiceOpcode.sessionDescription, description), user, call) }
    }

    /// Makes a participant part of the call: tells it of the others and the others of it.
    func connect(_ user: Snowflake, _ call: Snowflake, describe: (isolated SandboxWorld) -> Void) {
        let first = calls[call]?.participants[user]?.isConnected == false
        calls[call]?.participants[user]?.isConnected = true
        describe(self)
        guard first, let body = calls[call] else { return }
        let others = connected(call).filter { $0 != user }
        if !others.isEmpty {
            tell(.text(opcode: VoiceOpcode.clientsConnect, ["user_ids": .array(others.map { .id($0) })]), user, call)
        }
        if body.daveVersion > 0 {
            tell(
                .binary(opcode: DAVEOpcode.externalSender, body.roster.service.externalSenderPackage), user, call)
        }
        for other in others {
            tell(.text(opcode: VoiceOpcode.clientsConnect, ["user_ids": [.id(user)]]), other, call)
            guard let participant = body.participants[other], participant.hasSpoken else { continue }
            tell(.text(opcode: VoiceOpcode.speaking, Self.speaking(participant)), user, call)
        }
        announce("CALL_JOIN", ["channel_id": .id(call), "guild_id": .id(body.guild), "user_id": .id(user)])
    }

    func connected(_ call: Snowflake) -> [Snowflake] {
        (calls[call]?.participants.values.filter(\.isConnected).map(\.user) ?? []).sorted()
    }

    // MARK: Speaking

    private static func speaking(_ participant: VoiceParticipant) -> JSONValue {
        [
            "user_id": .id(participant.user), "ssrc": .number(participant.ssrc), "speaking": .int(participant.speaking),
        ]
    }

    private func speak(_ data: JSONValue, _ user: Snowflake, _ call: Snowflake) {
        guard let participant = calls[call]?.participants[user] else { return }
        if let ssrc = data["ssrc"]?.int, ssrc != Int64(participant.ssrc) {
            return endParticipant(user, call: call, code: 4020, reason: "Invalid SSRC")
        }
        let speaking = data["speaking"]?.int ?? (data["speaking"]?.bool == true ? 1 : 0)
        calls[call]?.participants[user]?.speaking = speaking
        calls[call]?.participants[user]?.hasSpoken = true
        media.setAnnounced(participant.ssrc)
        guard let changed = calls[call]?.participants[user] else { return }
        for other in connected(call) where other != user {
            tell(.text(opcode: VoiceOpcode.speaking, Self.speaking(changed)), other, call)
        }
        let body: JSONValue = [
            "channel_id": .id(call), "guild_id": .id(calls[call]?.guild), "user_id": .id(user),
            "speaking": .bool(speaking != 0),
        ]
        announce("SPEAKING", body)
    }

    // MARK: Resume

    private func resumeVoice(_ data: JSONValue, _ id: Snowflake) {
        guard let socket = voiceConnections[id]?.socket else { return }
        guard let guild = data["server_id"]?.snowflake, let session = data["session_id"]?.string,
            let token = data["token"]?.string
        else { return socket.close(4002, "Failed to decode payload") }
        let found = calls.values.filter { $0.guild == guild }.flatMap { call in
            call.participants.values.filter { $0.sessionID == session && $0.token == token }.map { (call.channel, $0) }
        }.first
        guard let (call, participant) = found else { return socket.close(4006, "Session is no longer valid") }
        if case .socket(let old?) = participant.link {
            voiceConnections[old]?.identity = nil
            voiceConnections[old]?.socket.close(4006, "Session is no longer valid")
        }
        calls[call]?.participants[participant.user]?.link = .socket(id)
        calls[call]?.participants[participant.user]?.lostAt = nil
        voiceConnections[id]?.identity = (call, participant.user)
        let seen = data["seq_ack"]?.present?.int ?? -1
        for kept in participant.replay where Int64(kept.sequence) > seen {
            write(kept.message, sequence: kept.sequence, to: socket)
        }
        socket.text(JSONText.encode(["op": 9, "d": nil]))
        announce("VOICE_RESUMED", ["channel_id": .id(call), "user_id": .id(participant.user)])
    }

    // MARK: Sending

    /// Sends a numbered message to a participant, or keeps it for the resume.
    func tell(_ message: VoiceMessage, _ user: Snowflake, _ call: Snowflake) {
        guard var participant = calls[call]?.participants[user] else { return }
        switch participant.link {
        case .inProcess: return post(message, to: user)
        case .socket(let id):
            let sequence = participant.sequence
            participant.sequence &+= 1
            participant.replay.append((sequence, message))
            if participant.replay.count > 500 { participant.replay.removeFirst(100) }
            calls[call]?.participants[user] = participant
            if let socket = id.flatMap({ voiceConnections[$0]?.socket }) {
                write(message, sequence: sequence, to: socket)
            }
        }
    }

    private func write(_ message: VoiceMessage, sequence: UInt16, to socket: SocketHandle) {
        switch message {
        case .text(let opcode, let data):
            socket.text(JSONText.encode(["op": .number(opcode), "d": data, "seq": .number(sequence)]))
        case .binary(let opcode, let payload):
            socket.binary([UInt8(sequence >> 8), UInt8(truncatingIfNeeded: sequence), opcode] + payload)
        }
    }

    // MARK: Leaving

    /// The user's voice state left the call: its socket is closed with `code`.
    func removeFromCall(_ user: Snowflake, channel: Snowflake, code: UInt16) {
        guard calls[channel]?.participants[user] != nil else { return }
        endParticipant(user, call: channel, code: code, reason: "Disconnected")
    }

    func endParticipant(_ user: Snowflake, call: Snowflake, code: UInt16, reason: String) {
        if case .socket(let id?) = calls[call]?.participants[user]?.link {
            voiceConnections[id]?.identity = nil
            voiceConnections[id]?.socket.close(code, reason)
        }
        dropParticipant(user, call: call)
    }

    /// Takes a participant out of the call and tells the others.
    func dropParticipant(_ user: Snowflake, call: Snowflake) {
        guard let participant = calls[call]?.participants.removeValue(forKey: user) else { return }
        media.remove(ssrc: participant.ssrc)
        media.setEar(nil, of: user, call: call)
        if case .inProcess = participant.link { listeners[user] = nil }
        guard participant.isConnected, let guild = calls[call]?.guild else { return }
        for other in connected(call) {
            tell(.text(opcode: VoiceOpcode.clientDisconnect, ["user_id": .id(user)]), other, call)
        }
        announce("CALL_LEAVE", ["channel_id": .id(call), "guild_id": .id(guild), "user_id": .id(user)])
        left(user, call)
        if calls[call]?.participants.isEmpty == true { calls[call] = nil }
    }

    func tickVoice() {
        for connection in voiceConnections.values
        where now - connection.lastHeartbeat > configuration.heartbeatInterval * 2 {
            connection.socket.close(4009, "Session timeout")
        }
        for call in calls.values {
            for participant in call.participants.values {
                if let lost = participant.lostAt, now - lost > 60 {
                    dropParticipant(participant.user, call: call.channel)
                }
            }
            tickRoster(call.channel)
        }
    }

    /// Audio came before op 5.
    func unannouncedAudio(_ user: Snowflake, call: Snowflake) {
        endParticipant(user, call: call, code: 4020, reason: "Invalid SSRC")
    }

    /// Makes something go wrong on the voice connections of a user.
    public func inject(_ fault: VoiceFault, intoVoiceOf user: Snowflake) {
        for call in calls.values {
            guard case .socket(let id?) = call.participants[user]?.link, let socket = voiceConnections[id]?.socket
            else { continue }
            switch fault {
            case .drop: socket.reset()
            case .close(let code):
                if code == 4015 {
                    socket.close(code)
                } else {
                    endParticipant(user, call: call.channel, code: code, reason: "")
                }
            case .malformed: socket.text(Array("{\"op\":".utf8))
            case .oversized(let count):
                socket.text(JSONText.encode(["op": 99, "d": .string(String(repeating: "x", count: count))]))
            case .badCommit:
                let garbage: [UInt8] = [0x7f, 0xff] + (0..<40).map { _ in UInt8.random(in: 0...255) }
                tell(.binary(opcode: DAVEOpcode.announceCommitTransition, garbage), user, call.channel)
            }
        }
    }
}
