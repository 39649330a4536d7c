import DAVE
import DiscordModel
import NIOPosix

/// What a member inside this process gets from the voice gateway.
enum ListenerEvent: Sendable {
    case message(VoiceMessage)
}

/// A member inside this process: a user of its own with our DAVE session.
struct InProcessMember: Sendable {
    let guild: Snowflake
    let channel: Snowflake
    var session: DAVESession
    let listener: SandboxListener
}

extension SandboxWorld {
    /// Puts a user into a voice channel as a full member of the call who hears and records it. The user leaves with
    /// `leaveVoice`.
    @discardableResult
    public func listen(_ user: Snowflake, in channel: Snowflake, recording: Bool = true) throws -> SandboxListener {
        if let known = listeners[user], known.channel == channel { return known.listener }
        try joinVoice(user, channel)
        guard let guild = channelGuilds[channel], let state = guilds[guild]?.voice[user] else {
            throw SandboxError("unknown_channel", "no such voice channel")
        }
        let listener = SandboxListener(
            user: user, channel: channel, seconds: recording ? configuration.recordedSeconds : 0,
            fanout: fanout(of: channel), clock: configuration.clock)
        let session = DAVESession(userID: user.rawValue, channelID: channel.rawValue)
        listeners[user] = InProcessMember(guild: guild, channel: channel, session: session, listener: listener)
        let grant = VoiceGrant(channel: channel, sessionID: state.sessionID, token: RandomText.token(16))
        _ = admit(user, grant, guild: guild, link: .inProcess, maxDAVE: 1)
        media.setEar({ listener.hear($0, $1, $2, $3) }, of: user, call: channel)
        let version = calls[channel]?.daveVersion ?? 0
        connect(user, channel) {
            $0.tell(
                .text(opcode: VoiceOpcode.sessionDescription, ["dave_protocol_version": .number(version)]), user,
                channel)
        }
        return listener
    }

    func fanout(of channel: Snowflake) -> OggFanout {
        if let known = fanouts[channel] { return known }
        let made = OggFanout(loop: MultiThreadedEventLoopGroup.singleton.next())
        fanouts[channel] = made
        return made
    }

    /// Queues a message: members inside the process answer after the current step, as others would.
    func post(_ message: VoiceMessage, to user: Snowflake) {
        inbox.append((user, .message(message)))
        if inbox.count == 1 { Task { self.drainInbox() } }
    }

    private func drainInbox() {
        while let (user, event) = inbox.first {
            inbox.removeFirst()
            guard case .message(let message) = event, let parsed = Self.event(message) else { continue }
            guard var member = listeners[user] else { continue }
            let actions = member.session.handle(parsed)
            listeners[user] = member
            for action in actions { perform(action, user, member) }
            if inbox.isEmpty { break }
        }
    }

    private static func event(_ message: VoiceMessage) -> DAVEEvent? {
        switch message {
        case .binary(let opcode, let payload): return .binary(opcode: opcode, payload: payload)
        case .text(let opcode, let data):
            let version = Int(data["protocol_version"]?.int ?? data["dave_protocol_version"]?.int ?? 0)
            let transition = UInt16(clamping: data["transition_id"]?.int ?? 0)
            switch opcode {
            case VoiceOpcode.sessionDescription: return .sessionDescription(protocolVersion: version)
            case VoiceOpcode.clientsConnect:
                return .clientsConnected((data["user_ids"]?.array ?? []).compactMap { $0.snowflake?.rawValue })
            case VoiceOpcode.clientDisconnect:
                return data["user_id"]?.snowflake.map { .clientDisconnected($0.rawValue) }
            case VoiceOpcode.davePrepareTransition: return .prepareTransition(id: transition, protocolVersion: version)
            case VoiceOpcode.daveExecuteTransition: return .executeTransition(id: transition)
            case VoiceOpcode.davePrepareEpoch:
                return .prepareEpoch(epoch: UInt64(clamping: data["epoch"]?.int ?? 0), protocolVersion: version)
            default: return nil
            }
        }
    }

    private func perform(_ action: DAVEAction, _ user: Snowflake, _ member: InProcessMember) {
        switch action {
        case .sendBinary(let opcode, let payload): receiveDAVE(opcode, payload, user, member.channel)
        case .readyForTransition(let id): transitionReady(Int64(id), user, member.channel)
        case .invalidCommitWelcome: invalidCommit(user, member.channel)
        case .installReceiver(let sender, let ratchet):
            member.listener.install(ratchet, of: Snowflake(rawValue: sender))
        case .note(let text): log.debug("listener: \(text)", metadata: ["user": "\(user)"])
        case .installSender, .blockSender: break
        }
    }
}
