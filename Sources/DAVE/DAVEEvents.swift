/// Opcodes of the voice gateway that belong to DAVE. Source: Discord, "Voice Connections".
public enum DAVEOpcode {
    public static let prepareTransition: UInt8 = 21
    public static let executeTransition: UInt8 = 22
    public static let transitionReady: UInt8 = 23
    public static let prepareEpoch: UInt8 = 24
    public static let externalSender: UInt8 = 25
    public static let keyPackage: UInt8 = 26
    public static let proposals: UInt8 = 27
    public static let commitWelcome: UInt8 = 28
    public static let announceCommitTransition: UInt8 = 29
    public static let welcome: UInt8 = 30
    public static let invalidCommitWelcome: UInt8 = 31
}

/// What the voice gateway told us.
public enum DAVEEvent: Sendable, Equatable {
    /// Op 4: protocol version of the call.
    case sessionDescription(protocolVersion: Int)
    /// Op 11: users that are (now) in the call.
    case clientsConnected([UInt64])
    /// Op 13: a user left.
    case clientDisconnected(UInt64)
    /// Op 21.
    case prepareTransition(id: UInt16, protocolVersion: Int)
    /// Op 22.
    case executeTransition(id: UInt16)
    /// Op 24.
    case prepareEpoch(epoch: UInt64, protocolVersion: Int)
    /// Ops 25, 27, 29 and 30: what follows the sequence number and the opcode.
    case binary(opcode: UInt8, payload: [UInt8])
}

/// What is to be done.
public enum DAVEAction: Sendable, Equatable {
    /// Ops 26 and 28, without a sequence number.
    case sendBinary(opcode: UInt8, payload: [UInt8])
    /// Op 23.
    case readyForTransition(id: UInt16)
    /// Op 31.
    case invalidCommitWelcome(transitionID: UInt16)
    /// Keys of our own frames; nil sends them in clear.
    case installSender(KeyRatchet?)
    /// Withhold our frames: the call is encrypted and we are not (or no longer) in its group.
    case blockSender
    /// Keys of a member's frames; nil accepts them in clear.
    case installReceiver(userID: UInt64, KeyRatchet?)
    /// For the operator's log; holds no secret.
    case note(String)
}
