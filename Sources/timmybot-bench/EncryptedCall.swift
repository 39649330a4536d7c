import DAVE

/// Discord's side of one encrypted call with a listener in it, as far as a bot needs it to get its keys.
struct EncryptedCall {
    static let bot: UInt64 = 1
    static let listener: UInt64 = 2

    private var service: DAVEDeliveryService
    private let listenerPackage: [UInt8]

    init(channel: UInt64) {
        service = DAVEDeliveryService(channelID: channel)
        var listener = DAVESession(userID: Self.listener, channelID: channel)
        listenerPackage = Self.greet(&listener, service.externalSenderPackage)
    }

    /// Op 25.
    var externalSender: [UInt8] { service.externalSenderPackage }

    /// Op 27 for the bot, which has offered `keyPackage`.
    mutating func proposals(for keyPackage: [UInt8]) throws -> [UInt8] {
        let made = try service.propose(add: [(Self.bot, keyPackage), (Self.listener, listenerPackage)])
        return DAVEDeliveryService.append(made.filter { $0.user != Self.bot }.map(\.message))
    }

    /// Op 29 without the transition, for the bot's op 28.
    mutating func accept(_ commitWelcome: [UInt8]) throws -> [UInt8] {
        try service.accept(commitWelcome: commitWelcome, from: Self.bot).commit
    }

    /// The session's key package.
    static func greet(_ session: inout DAVESession, _ externalSender: [UInt8]) -> [UInt8] {
        _ = session.handle(.binary(opcode: DAVEOpcode.externalSender, payload: externalSender))
        _ = session.handle(.clientsConnected([bot, listener]))
        return binary(session.handle(.sessionDescription(protocolVersion: 1)))
    }

    static func binary(_ actions: [DAVEAction]) -> [UInt8] {
        for case .sendBinary(_, let payload) in actions { return payload }
        return []
    }
}
