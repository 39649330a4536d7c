/// Voice gateway opcodes. Source: Discord, "Voice Opcodes".
public enum VoiceOpcode {
    public static let identify = 0
    public static let selectProtocol = 1
    public static let ready = 2
    public static let heartbeat = 3
    public static let sessionDescription = 4
    public static let speaking = 5
    public static let heartbeatAck = 6
    public static let resume = 7
    public static let hello = 8
    public static let resumed = 9
    public static let clientsConnect = 11
    public static let clientDisconnect = 13
    public static let davePrepareTransition = 21
    public static let daveExecuteTransition = 22
    public static let daveTransitionReady = 23
    public static let davePrepareEpoch = 24
    public static let mlsInvalidCommitWelcome = 31
}

/// What a voice close code asks of a client. Source: Discord, "Voice Close Event Codes".
public enum VoiceCloseReaction: Equatable, Sendable {
    /// Reconnect to the same server and resume.
    case resume
    /// The voice session is over: ask the gateway for a new one.
    case newSession
    /// Taken out of the call: kicked, moved, or the call has ended. The gateway says which, by our voice state.
    case disconnected(message: String)
    /// Leave it. `message` is for the operator.
    case stop(message: String)

    public static func of(_ code: UInt16?) -> VoiceCloseReaction {
        switch code {
        case 4004: .stop(message: "voice authentication failed (4004)")
        case 4006, 4009: .newSession
        case 4011: .newSession
        case 4012: .stop(message: "the voice server does not know our protocol (4012)")
        case 4014: .disconnected(message: "disconnected from the call: kicked, moved, or the channel is gone (4014)")
        case 4016: .stop(message: "the voice server does not know our encryption mode (4016)")
        case 4017: .stop(message: "the call demands end-to-end encryption (DAVE) that was not offered (4017)")
        case 4021: .stop(message: "disconnected from the call: rate limited (4021)")
        case 4022: .disconnected(message: "the call was terminated (4022)")
        case 4001, 4002, 4003, 4005, 4020: .newSession
        default: .resume
        }
    }
}

/// Transport encryption modes of voice.
public enum VoiceEncryptionMode: String, Sendable, CaseIterable {
    case aes256GCM = "aead_aes256_gcm_rtpsize"
    case xchacha20Poly1305 = "aead_xchacha20_poly1305_rtpsize"
}
