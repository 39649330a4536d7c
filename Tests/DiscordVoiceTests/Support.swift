import AudioRing
import Foundation
import Glibc
import TestSupport

@testable import DiscordVoice

enum Fixtures {
    static let transport = URL(
        fileURLWithPath: "\(repositoryRoot)/Tests/Fixtures/voice/voice-transport-encryption.json")
}

func bytes(hex text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
        UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
}

/// A UDP socket of the kernel's loopback and a connected peer that sends to it.
final class Loopback {
    let receiver: Int32
    let sender: Int32
    let port: UInt16

    init() {
        receiver = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        sender = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let receiver = receiver, sender = sender
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(receiver, $0, size)
                _ = getsockname(receiver, $0, &size)
                _ = connect(sender, $0, size)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit {
        close(receiver)
        close(sender)
    }

    /// What has arrived; the loopback delivers within `send`.
    func packets() -> [[UInt8]] {
        var found: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 2048)
        while true {
            let count = recv(receiver, &buffer, buffer.count, 0)
            guard count > 0 else { return found }
            found.append(Array(buffer.prefix(count)))
        }
    }
}

extension AudioRing {
    /// Pushes packets that begin with `mark` and count up.
    func fill(_ count: Int, mark: UInt8, from first: Int = 0) {
        for index in first..<first + count {
            let packet: [UInt8] = [0xFC, mark, UInt8(index & 0xFF)]
            _ = packet.withUnsafeBytes { push($0, position: UInt64(index * 960)) }
        }
    }
}

/// A sender on the loopback, ticked by hand, and the receiving end's cipher.
final class Bench {
    static let key = [UInt8](repeating: 7, count: 32)
    let loopback = Loopback()
    let sender: VoiceSender
    let opener: TransportCipher
    private var time = 100

    init() throws {
        sender = VoiceSender(
            descriptor: loopback.sender, ssrc: 0xDEAD_BEEF,
            cipher: TransportCipher(.aes256GCM, key: Self.key) ?? { fatalError("no cipher") }())
        // As in a call without end-to-end encryption.
        sender.encryptor.install(nil)
        opener = TransportCipher(.aes256GCM, key: Self.key) ?? { fatalError("no cipher") }()
    }

    struct Heard: Equatable {
        let sequence: UInt16
        let timestamp: UInt32
        let payload: [UInt8]
        var isSilence: Bool { payload == [0xF8, 0xFF, 0xFE] }
    }

    /// Runs `count` ticks and tells what arrived, decrypted.
    func run(_ count: Int, lateness: Int = 0) -> [Heard] {
        for _ in 0..<count {
            time += 1
            sender.tick(time, lateness: lateness)
        }
        return loopback.packets().compactMap { packet in
            guard packet.count > 12, packet[0] == 0x80, packet[1] == 0x78,
                Array(packet[8..<12]) == [0xDE, 0xAD, 0xBE, 0xEF], let payload = opener.open(packet)
            else { return nil }
            return Heard(
                sequence: UInt16(packet[2]) << 8 | UInt16(packet[3]),
                timestamp: packet[4..<8].reduce(0) { $0 << 8 | UInt32($1) }, payload: payload)
        }
    }

    /// Lets ticks pass without the sender being called, as after a stall.
    func stall(_ ticks: Int) { time += ticks }
}
