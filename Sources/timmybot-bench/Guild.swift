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

    init(number: Int, socket: Int32, ring: AudioRing? = nil) throws {
        self.socket = socket
        self.ring = try ring ?? AudioRing()
        let key = (0..<32).map { _ in UInt8.random(in: 0...255) }
        guard let cipher = TransportCipher(.aes256GCM, key: key) else { throw BenchError("no AES-256-GCM") }
        sender = VoiceSender(descriptor: socket, ssrc: UInt32(number + 1), cipher: cipher)
        let (session, ratchet) = try Self.join(channel: UInt64(number + 1))
        self.session = session
        sender.encryptor.install(ratchet)
        sender.play(self.ring)
    }

    deinit { close(socket) }

    /// Founds the call's encrypted group with one listener.
    private static func join(channel: UInt64) throws -> (DAVESession, KeyRatchet) {
        var call = EncryptedCall(channel: channel)
        var bot = DAVESession(userID: EncryptedCall.bot, channelID: channel)
        let proposals = try call.proposals(for: EncryptedCall.greet(&bot, call.externalSender))
        let answer = bot.handle(.binary(opcode: DAVEOpcode.proposals, payload: proposals))
        let commit = try call.accept(EncryptedCall.binary(answer))
        // Transition 0 is executed at once.
        let entered = bot.handle(.binary(opcode: DAVEOpcode.announceCommitTransition, payload: [0, 0] + commit))
        for case .installSender(let ratchet?) in entered { return (bot, ratchet) }
        throw BenchError("no sender key came out of the DAVE handshake: \(entered)")
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
