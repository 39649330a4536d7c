import DiscordModel
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Sandbox

/// What a sender does wrong with its packets is told.
@Suite("Media server")
struct MediaServerTests {
    private static let key = [UInt8](repeating: 7, count: 32)

    private func packet(_ cipher: TransportCipher, sequence: UInt8, type: UInt8 = 120) throws -> [UInt8] {
        try #require(
            cipher.seal([0xf8, 0xff, 0xfe], header: [0x80, type, 0, sequence, 0, 0, 0, sequence, 0, 0, 0, 9]))
    }

    @Test func reusedNoncesAndStrangePayloadsAreCounted() throws {
        let server = MediaServer(clock: { 0 }), sender: Snowflake = 1, call: Snowflake = 3
        server.add(ssrc: 9, user: sender, call: call, silenced: false)
        #expect(server.setKey(Self.key, mode: .aes256GCM, of: 9))
        server.setAnnounced(9)
        let fanout = OggFanout(loop: MultiThreadedEventLoopGroup.singleton.next())
        let listener = SandboxListener(user: 2, channel: call, seconds: 0, fanout: fanout, clock: { 0 })
        server.setEar({ listener.hear($0, $1, $2, $3) }, of: 2, call: call)
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 9)
        let first = try #require(TransportCipher(.aes256GCM, key: Self.key))
        for sequence in 1...3 as ClosedRange<UInt8> {
            _ = server.handle(try packet(first, sequence: sequence), from: address)
        }
        let fine = listener.report(of: sender)
        #expect(fine.packets == 3 && fine.reusedNonces == 0 && fine.wrongPayloadTypes == 0, "\(fine)")
        // A counter that begins again under the same key.
        let again = try #require(TransportCipher(.aes256GCM, key: Self.key))
        _ = server.handle(try packet(again, sequence: 4), from: address)
        _ = server.handle(try packet(first, sequence: 5, type: 111), from: address)
        let report = listener.report(of: sender)
        #expect(report.packets == 5 && report.reusedNonces == 1 && report.wrongPayloadTypes == 1, "\(report)")
        // Under another key it may.
        #expect(server.setKey([UInt8](repeating: 8, count: 32), mode: .aes256GCM, of: 9))
        let fresh = try #require(TransportCipher(.aes256GCM, key: [UInt8](repeating: 8, count: 32)))
        _ = server.handle(try packet(fresh, sequence: 6), from: address)
        #expect(listener.report(of: sender).reusedNonces == 1)
    }
}
