import CBenchFloor
import CLinux
import Glibc

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The far end of every stream. It looks at its sockets now and then, rather than sleeping on them, so that no send pays
/// for waking it: a real receiver is another machine.
///
/// `@unchecked Sendable`: `records` and `used` belong to the one thread that drains; others read after it has stopped.
final class Catcher: @unchecked Sendable {
    /// Streams that share a receiving socket, so that the kernel's default buffer lasts through a pause of this thread.
    private static let streamsPerSocket = 16

    private let sockets: [Int32]
    private let ports: [UInt16]
    private let records: UnsafeMutablePointer<tb_record>
    private let capacity: Int
    private var used = 0

    /// - Parameter capacity: packets that can be remembered; their memory is touched here, so that it does not count as a
    ///   stream's later.
    init(streams: Int, capacity: Int) throws {
        let made = (0..<(streams + Self.streamsPerSocket - 1) / Self.streamsPerSocket).map { _ -> (Int32, UInt16) in
            var port: UInt16 = 0
            return (tb_catch_socket(&port), port)
        }
        guard made.allSatisfy({ $0.0 >= 0 }) else { throw BenchError("no sockets on the loopback: \(errno)") }
        sockets = made.map(\.0)
        ports = made.map(\.1)
        self.capacity = capacity
        records = .allocate(capacity: capacity)
        records.initialize(repeating: tb_record(), count: capacity)
    }

    deinit {
        for socket in sockets { close(socket) }
        records.deallocate()
    }

    func port(of stream: Int) -> UInt16 { ports[stream / Self.streamsPerSocket] }

    /// A socket that sends here.
    func connect(stream: Int) throws -> Int32 {
        let socket = tb_udp_connect("127.0.0.1", port(of: stream))
        guard socket >= 0 else { throw BenchError("no socket for stream \(stream): \(errno)") }
        return socket
    }

    func drain() { used += tb_catch(sockets, sockets.count, records + used, capacity - used) }

    func forget() {
        drain()
        used = 0
    }

    /// What came since `forget`.
    var caught: UnsafeBufferPointer<tb_record> { UnsafeBufferPointer(start: records, count: used) }
}
