import Foundation
import Glibc
import Synchronization
import Testing

/// A web server on loopback for one connection after another, each on its own thread, that answers as a test says.
final class LoopbackServer: Sendable {
    struct Answer: Sendable {
        var status = "200 OK"
        var headers: [String] = []
        var body: [UInt8] = []
        /// Bytes of the body after which the connection breaks; nil for none.
        var breaksAfter: Int?
    }

    typealias Script = @Sendable (_ target: String, _ headers: [String: String], _ number: Int) -> Answer

    let port: Int
    private let listener: Int32
    private let seen = Mutex<[[String: String]]>([])
    private let script: Script

    /// Headers of every request, names in lower case.
    var requests: [[String: String]] { seen.withLock { $0 } }

    init(_ script: @escaping Script) throws {
        self.script = script
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, address, &size) == 0
            }
        }
        try #require(bound)
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        let thread = Thread { [self] in accept() }
        thread.start()
    }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func accept() {
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            guard connection >= 0 else { break }
            Thread.detachNewThread { [self] in
                serve(connection)
                close(connection)
            }
        }
        close(listener)
    }

    private func serve(_ connection: Int32) {
        while let (target, headers) = Self.request(connection) {
            let number = seen.withLock { seen in
                seen.append(headers)
                return seen.count
            }
            let answer = script(target, headers, number)
            let head = ["HTTP/1.1 \(answer.status)"] + answer.headers + ["", ""]
            let body = answer.breaksAfter.map { Array(answer.body.prefix($0)) } ?? answer.body
            guard Self.send(connection, Array(head.joined(separator: "\r\n").utf8) + body) else { return }
            // Without a length the end of the connection is the end of the body.
            let hasLength = answer.headers.contains { $0.lowercased().hasPrefix("content-length") }
            if answer.breaksAfter != nil || !hasLength { return }
        }
    }

    private static func request(_ connection: Int32) -> (String, [String: String])? {
        var text: [UInt8] = [], byte: UInt8 = 0
        while !text.suffix(4).elementsEqual([13, 10, 13, 10]) {
            guard text.count < 32_768, recv(connection, &byte, 1, 0) == 1 else { return nil }
            text.append(byte)
        }
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\r\n")
        let target = lines.first?.split(separator: " ").dropFirst().first.map(String.init) ?? "/"
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        return (target, headers)
    }

    private static func send(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// A file as most servers give it: whole, or from where it is asked for.
    static func ranged(_ file: [UInt8], _ headers: [String: String], breaksAfter: Int? = nil) -> Answer {
        let asked = headers["range"].flatMap { Int($0.dropFirst("bytes=".count).dropLast()) }
        guard let first = asked, first < file.count else {
            return Answer(headers: ["Content-Length: \(file.count)"], body: file, breaksAfter: breaksAfter)
        }
        let rest = Array(file[first...])
        return Answer(
            status: "206 Partial Content",
            headers: [
                "Content-Length: \(rest.count)", "Content-Range: bytes \(first)-\(file.count - 1)/\(file.count)",
                "Content-Type: audio/mpeg",
            ], body: rest, breaksAfter: breaksAfter)
    }
}
