import DiscordModel
import Foundation
import Testing

@testable import DiscordVoice

@Suite("Voice transport encryption")
struct TransportCipherTests {
    struct Vector: Decodable {
        let mode, key: String
        let counter: UInt32?
        let aad_rtp_header, payload, packet, payload_after_extension_body: String?
    }

    @Test func vectorsHold() throws {
        let vectors = try JSONDecoder().decode([Vector].self, from: Data(contentsOf: Fixtures.transport))
        var checked = 0
        for vector in vectors {
            if let payload = vector.payload_after_extension_body, let packet = vector.packet,
                let mode = VoiceEncryptionMode(rawValue: vector.mode)
            {
                checked += 1
                #expect(
                    TransportCipher(mode, key: bytes(hex: vector.key))?.open(bytes(hex: packet)) == bytes(hex: payload))
                continue
            }
            guard let mode = VoiceEncryptionMode(rawValue: vector.mode), let counter = vector.counter,
                let header = vector.aad_rtp_header.map(bytes(hex:)), let payload = vector.payload.map(bytes(hex:)),
                let packet = vector.packet.map(bytes(hex:))
            else { continue }
            checked += 1
            let cipher = try #require(TransportCipher(mode, key: bytes(hex: vector.key), counter: counter))
            #expect(cipher.open(packet) == payload, "\(vector.mode) \(counter)")
            // The last counter is never used for sending: the next one would repeat a nonce.
            #expect(seal(cipher, header, payload) == (counter == .max ? nil : packet), "\(vector.mode) \(counter)")
        }
        #expect(checked == vectors.count)
    }

    private func seal(_ cipher: TransportCipher, _ header: [UInt8], _ payload: [UInt8]) -> [UInt8]? {
        var packet = header + payload + [UInt8](repeating: 0, count: TransportCipher.overhead)
        let size = packet.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { cipher.seal($0, header: header.count, count: payload.count) } ?? -1
        }
        return size < 0 ? nil : Array(packet.prefix(size))
    }

    private static let header: [UInt8] = [0x80, 0x78, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]

    @Test(arguments: VoiceEncryptionMode.allCases)
    func everyBitCounts(_ mode: VoiceEncryptionMode) throws {
        let cipher = try #require(TransportCipher(mode, key: Bench.key))
        let packet = try #require(seal(cipher, Self.header, [1, 2, 3, 4]))
        #expect(cipher.open(packet) == [1, 2, 3, 4])
        for bit in 0..<packet.count * 8 {
            var damaged = packet
            damaged[bit / 8] ^= 1 << (bit % 8)
            #expect(cipher.open(damaged) == nil, "bit \(bit)")
        }
        for count in 0..<packet.count { #expect(cipher.open(Array(packet.prefix(count))) == nil) }
    }

    @Test(arguments: VoiceEncryptionMode.allCases)
    func noTwoPacketsShareANonce(_ mode: VoiceEncryptionMode) throws {
        let cipher = try #require(TransportCipher(mode, key: Bench.key, counter: 250))
        var seen: Set<[UInt8]> = []
        for _ in 0..<20 {
            let packet = try #require(seal(cipher, Self.header, [9]))
            #expect(seen.insert(Array(packet.suffix(4))).inserted)
        }
    }

    @Test(arguments: VoiceEncryptionMode.allCases)
    func theCounterNeverWraps(_ mode: VoiceEncryptionMode) throws {
        let cipher = try #require(TransportCipher(mode, key: Bench.key, counter: .max - 1))
        #expect(seal(cipher, Self.header, [9]) != nil)
        #expect(seal(cipher, Self.header, [9]) == nil)
    }

    @Test func keysOfOtherLengthsAreRefused() {
        for count in [0, 16, 31, 33] {
            #expect(TransportCipher(.xchacha20Poly1305, key: [UInt8](repeating: 1, count: count)) == nil)
        }
    }

    @Test func headerExtensionsAreTakenOff() throws {
        // An extension header of one word: its four-byte preamble is authenticated, its data encrypted with the payload.
        let header: [UInt8] = [0x90, 0x78, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1]
        let cipher = try #require(TransportCipher(.aes256GCM, key: Bench.key))
        let packet = try #require(seal(cipher, header, [0x10, 0, 0, 0, 5, 6, 7]))
        #expect(cipher.open(packet) == [5, 6, 7])
        // A length that goes beyond the packet.
        var lying = header
        lying[15] = 200
        let long = try #require(seal(cipher, lying, [0x10, 0, 0, 0, 5]))
        #expect(cipher.open(long) == nil)
    }
}

@Suite("IP discovery")
struct IPDiscoveryTests {
    private func answer(_ address: String, port: UInt16, ssrc: [UInt8] = [0, 0, 0, 9]) -> [UInt8] {
        let text = Array(address.utf8)
        return [0, 2, 0, 70] + ssrc + text + [UInt8](repeating: 0, count: 64 - text.count)
            + [UInt8(port >> 8), UInt8(port & 0xFF)]
    }

    @Test func requestIsSeventyFourBytes() {
        let request = IPDiscovery.request(ssrc: 0x0102_0304)
        #expect(request.count == 74)
        #expect(Array(request.prefix(8)) == [0, 1, 0, 70, 1, 2, 3, 4])
        #expect(request.dropFirst(8).allSatisfy { $0 == 0 })
    }

    @Test func answerIsRead() throws {
        let found = try #require(IPDiscovery.response(answer("203.0.113.7", port: 50_001), ssrc: 9))
        #expect(found == ("203.0.113.7", 50_001))
    }

    @Test func whatIsNoAnswerIsPassedOver() {
        let good = answer("203.0.113.7", port: 1)
        #expect(IPDiscovery.response(good, ssrc: 8) == nil, "of somebody else")
        #expect(IPDiscovery.response(IPDiscovery.request(ssrc: 9), ssrc: 9) == nil, "our own request")
        for count in 0..<good.count { #expect(IPDiscovery.response(Array(good.prefix(count)), ssrc: 9) == nil) }
        #expect(IPDiscovery.response(good + [0], ssrc: 9) == nil)
        #expect(IPDiscovery.response(answer("", port: 1), ssrc: 9) == nil)
        #expect(IPDiscovery.response(answer("a\u{1}b", port: 1), ssrc: 9) == nil)
    }
}
