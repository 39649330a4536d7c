import CLinux
import Foundation
import Glibc

/// The UDP socket of one voice connection. Closed when the last owner lets go.
final class VoiceSocket: Sendable {
    let descriptor: Int32

    /// Nil where the address is not numeric or no socket is to be had.
    init?(host: String, port: UInt16) {
        descriptor = tb_udp_connect(host, port)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// IP discovery: up to eight requests, a quarter of a second apart, on a thread of its own.
    func discover(ssrc: UInt32) async -> (address: String, port: UInt16)? {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [self] in continuation.resume(returning: discoverBlocking(ssrc)) }
        }
    }

    private func discoverBlocking(_ ssrc: UInt32) -> (address: String, port: UInt16)? {
        let request = IPDiscovery.request(ssrc: ssrc)
        var buffer = [UInt8](repeating: 0, count: 2048)
        for _ in 0..<8 {
            _ = send(descriptor, request, request.count, 0)
            // What is no answer (garbage, echoes) is passed over, but only so often.
            for _ in 0..<16 {
                let count = tb_udp_receive(descriptor, &buffer, buffer.count, 250)
                guard count > 0 else { break }
                if let found = IPDiscovery.response(Array(buffer.prefix(count)), ssrc: ssrc) { return found }
            }
        }
        return nil
    }

    /// Keeps the path through NAT open while nothing plays.
    func keepAlive(_ counter: UInt64) {
        var value = counter.littleEndian
        _ = send(descriptor, &value, 8, Int32(MSG_DONTWAIT))
    }

    /// Discards what the others in the call send: we are deaf.
    func drain() {
        var buffer = [UInt8](repeating: 0, count: 2048)
        for _ in 0..<256 where recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)) <= 0 { return }
    }
}
