import AudioRing
import DAVE
import DiscordModel
import DiscordVoice
import Glibc

/// The sending side of one voice call, with its own keys for both layers.
final class Guild {
    let sender: VoiceSender
    let ring: AudioRing
    /// Kept as the bot would keep it, so that its memory counts.
    private let session: DAVESession
    private let socket: Int32

    init(number: Int, socket: Int32) throws {
        self.socket = socket
        ring = try AudioRing()
        let key = (0..<32).map { _ in UInt8.random(in: 0...255) }
        guard let cipher = TransportCipher(.aes256GCM, key: key) else { throw BenchError("no AES-256-GCM") }
        sender = VoiceSender(descriptor: socket, ssrc: UInt32(number + 1), cipher: cipher)
        let (session, ratchet) = try Self.join(channel: UInt64(number + 1))
        self.session = session
        sender.encryptor.install(ratchet)
        sender.play(ring)
    }

    deinit { close(socket) }

    /// Founds the call's encrypted group with one listener, as the voice gateway's messages would.
    private static func join(channel: UInt64) throws -> (DAVESession, KeyRatchet) {
        var service = DAVEDeliveryService(channelID: channel)
        var bot = DAVESession(userID: 1, channelID: channel), listener = DAVESession(userID: 2, channelID: channel)
        let botPackage = greet(&bot, service), listenerPackage = greet(&listener, service)
        let proposals = try service.propose(add: [(1, botPackage), (2, listenerPackage)]).filter { $0.user != 1 }
        let answer = bot.handle(
            .binary(
                opcode: DAVEOpcode.proposals, payload: DAVEDeliveryService.append(proposals.map(\.message))))
        let accepted = try service.accept(commitWelcome: binary(answer), from: 1)
        // Transition 0 is executed at once.
        let entered = bot.handle(
            .binary(opcode: DAVEOpcode.announceCommitTransition, payload: [0, 0] + accepted.commit))
        for case .installSender(let ratchet?) in entered { return (bot, ratchet) }
        throw BenchError("no sender key came out of the DAVE handshake: \(entered)")
    }

    /// The session's key package.
    private static func greet(_ session: inout DAVESession, _ service: DAVEDeliveryService) -> [UInt8] {
        _ = session.handle(.binary(opcode: DAVEOpcode.externalSender, payload: service.externalSenderPackage))
        _ = session.handle(.clientsConnected([1, 2]))
        return binary(session.handle(.sessionDescription(protocolVersion: 1)))
    }

    private static func binary(_ actions: [DAVEAction]) -> [UInt8] {
        for case .sendBinary(_, let payload) in actions { return payload }
        return []
    }
}

/// Keeps every ring at twelve packets, like the media worker, but with packets that cost nothing to make.
final class Feeder: Sendable {
    static let packetSize = 160
    private static let target = 12
    private let loop: Background

    init(_ rings: [AudioRing]) {
        // Fullband CELT, 20 ms, stereo; what follows is noise to everybody but a decoder.
        let packet: [UInt8] = [0xFC] + (1..<Self.packetSize).map { UInt8($0) }
        let fill: @Sendable () -> Void = {
            packet.withUnsafeBytes { bytes in
                for ring in rings {
                    for _ in 0..<max(0, Self.target - ring.count) { _ = ring.push(bytes, position: 0) }
                }
            }
        }
        fill()
        loop = Background(every: 40_000, fill)
    }

    func stop() { loop.stop() }
}
