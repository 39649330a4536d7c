import Foundation
import Synchronization

/// An HTTP server on loopback that answers each connection with the next scripted bytes, whatever they are, and
/// remembers what it was asked. The last answer repeats. One thread, plain sockets.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        /// Request line and headers.
        let head: String
        let body: String

        var line: String { String(head.prefix { $0 != "\r\n" }) }
    }

    private struct State {
        var answers: [[UInt8]]
        var requests: [Request] = []
        var closed = false
    }

    private let listener: Int32
    private let port: UInt16
    private let state: Mutex<State>

    var base: String { "http://127.0.0.1:\(port)/api/v10" }
    var requests: [Request] { state.withLock { $0.requests } }

    struct CannotListen: Error {}

    init(_ answers: [[UInt8]]) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard listener >= 0, bound else { throw CannotListen() }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        state = Mutex(State(answers: answers))
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 || state.withLock({ $0.closed }) { break }
                serve(connection)
                close(connection)
            }
            // Here and not in `stop`: until then nobody else's socket may get the number.
            close(listener)
        }
    }

    func stop() {
        state.withLock { $0.closed = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func serve(_ connection: Int32) {
        guard let request = read(connection) else { return }
        let answer = state.withLock { state in
            state.requests.append(request)
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
        }
        var sent = 0
        while sent < answer.count {
            let count = answer[sent...].withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    private func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            if let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
                let length =
                    head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                let body = bytes[end.upperBound...]
                if body.count >= length { return Request(head: head, body: String(decoding: body, as: UTF8.self)) }
            }
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            bytes += chunk[..<count]
        }
    }

    /// A complete HTTP answer.
    static func answer(_ status: Int, _ body: String, _ headers: [String] = [], type: String = "application/json")
        -> [UInt8]
    {
        let lines = [
            "HTTP/1.1 \(status) X", "Content-Type: \(type)", "Content-Length: \(body.utf8.count)", "Connection: close",
        ]
        return Array((lines + headers + ["", body]).joined(separator: "\r\n").utf8)
    }
}

/// A clock that jumps instead of waiting, and counts what was slept.
final class JumpingClock: Clock {
    struct Instant: InstantProtocol {
        let offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let state = Mutex<Duration>(.zero)
    var now: Instant { Instant(offset: state.withLock { $0 }) }
    var minimumResolution: Duration { .zero }
    /// Seconds slept so far.
    var slept: Double { state.withLock { $0 / .seconds(1) } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        state.withLock { $0 = max($0, deadline.offset) }
    }
}
