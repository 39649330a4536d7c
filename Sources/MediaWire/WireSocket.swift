import CLinux
import Foundation
import Glibc

/// One end of a worker's control socket. Sending is safe from any thread; receiving from one.
public final class WireSocket: Sendable {
    public let descriptor: Int32

    /// Takes over `descriptor`.
    public init(descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    /// Both sides read an end from now on.
    public func hangUp() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// False where the other side is gone.
    @discardableResult
    public func send(_ message: some Encodable, descriptors: [Int32] = []) -> Bool {
        guard let data = try? JSONEncoder().encode(message), data.count <= MediaWire.maximumMessage else {
            return false
        }
        return data.withUnsafeBytes {
            tb_send_descriptors(descriptor, $0.baseAddress, $0.count, descriptors, Int32(descriptors.count)) == $0.count
        }
    }

    /// The next message, with the descriptors that came along; nil where the other side is gone or talks nonsense.
    public func receive<Message: Decodable>(_ type: Message.Type) -> (message: Message, descriptors: [Int32])? {
        var buffer = [UInt8](repeating: 0, count: MediaWire.maximumMessage)
        var received: [Int32] = [-1, -1, -1, -1]
        let count = buffer.withUnsafeMutableBytes {
            tb_receive_descriptors(descriptor, $0.baseAddress, $0.count, &received)
        }
        let descriptors = received.filter { $0 >= 0 }
        guard count > 0, let message = try? JSONDecoder().decode(type, from: Data(buffer.prefix(count))) else {
            for descriptor in descriptors { close(descriptor) }
            return nil
        }
        return (message, descriptors)
    }
}

extension WireSocket {
    /// Encodes and decodes a message once, so that what Foundation loads lazily is there before a sandbox closes.
    public static func warmUp() -> Bool {
        guard let data = try? JSONEncoder().encode(WorkerReply.opened(id: 1, info: MediaInfo(), passthrough: true))
        else {
            return false
        }
        return (try? JSONDecoder().decode(WorkerReply.self, from: data)) != nil
    }
}
