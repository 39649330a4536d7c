import CLinux
import Foundation
import Glibc
import Synchronization

/// A line to the running bot and a line back, over a Unix socket in the data folder. Only who runs the bot (or root) is
/// answered, one at a time.
///
///     reload <id>    -> ok <what was done> | error <why not>
///     status         -> ok <JSON>
///     health         -> ok <JSON>
public enum ControlSocket {
    static let maximumRequest = 256
    static let maximumAnswer = 256 << 10
    /// For a client to say what it wants.
    static let patience = 5

    /// Runs until `Listener.stop`.
    public final class Listener: Sendable {
        private let descriptor: Int32
        private let directory: String
        private let isStopped = Atomic(false)

        /// - Parameters:
        ///   - dataDirectory: where the socket is made; an old one there is taken away.
        ///   - handler: answers a request; called on a thread of its own, one request after the other, and may block.
        public init(
            dataDirectory: String, handler: @escaping @Sendable (String) -> String
        ) throws(PluginStoreError) {
            directory = dataDirectory
            descriptor = try ControlSocket.withAddress(dataDirectory) { address, length, path in
                let made = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                guard made >= 0 else { return nil }
                unlink(path)
                // Before it has a name, so that nobody else may ever connect.
                guard fchmod(made, 0o600) == 0, bind(made, address, length) == 0, listen(made, 4) == 0 else {
                    close(made)
                    return nil
                }
                return made
            }
            Thread.detachNewThread { [self] in serve(handler) }
        }

        public func stop() {
            guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
            shutdown(descriptor, Int32(SHUT_RDWR))
            unlink("\(directory)/\(ControlSocket.name)")
        }

        private func serve(_ handler: (String) -> String) {
            defer { close(descriptor) }
            while !isStopped.load(ordering: .acquiring) {
                let client = tb_accept(descriptor)
                guard client >= 0 else {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    return
                }
                defer { close(client) }
                guard ControlSocket.isOwn(client), let request = Self.request(client) else { continue }
                ControlSocket.send(handler(request), to: client)
            }
        }

        private static func request(_ client: Int32) -> String? {
            ControlSocket.limit(client, seconds: ControlSocket.patience)
            guard let line = ControlSocket.line(client, limit: ControlSocket.maximumRequest) else { return nil }
            return line
        }
    }

    static let name = "control.sock"

    /// Asks the bot that runs with this data folder. Blocks, `seconds` at most.
    ///
    /// - Throws: where none runs, or it does not answer.
    public static func ask(
        _ request: String, dataDirectory: String, seconds: Int = 60
    ) throws(PluginStoreError) -> String {
        let descriptor = try withAddress(dataDirectory) { address, length, _ in
            let made = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard made >= 0, connect(made, address, length) == 0 else {
                if made >= 0 { close(made) }
                return nil
            }
            return made
        }
        defer { close(descriptor) }
        limit(descriptor, seconds: seconds)
        send(request, to: descriptor)
        guard let answer = line(descriptor, limit: maximumAnswer) else {
            throw PluginStoreError("the bot does not answer")
        }
        return answer
    }

    // MARK: Plumbing

    /// The path of a Unix socket has room for 107 bytes, a data folder may be deeper: it is named by its descriptor.
    private static func withAddress(
        _ directory: String, _ body: (UnsafePointer<sockaddr>, socklen_t, String) -> Int32?
    ) throws(PluginStoreError) -> Int32 {
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw PluginStoreError("there is no data folder \(directory)") }
        defer { close(folder) }
        let path = "/proc/self/fd/\(folder)/\(name)"
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size), path)
            }
        }
        guard let descriptor else {
            let cause = errno
            guard cause != ENOENT, cause != ECONNREFUSED else {
                throw PluginStoreError("no bot runs with the data folder \(directory)")
            }
            throw PluginStoreError("\(directory)/\(name): \(String(cString: strerror(cause)))")
        }
        return descriptor
    }

    /// Whether the other side runs as the same user as this process, or as root.
    private static func isOwn(_ client: Int32) -> Bool {
        let peer = tb_peer_uid(client)
        return peer == Int64(geteuid()) || peer == 0
    }

    private static func limit(_ descriptor: Int32, seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, length)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, length)
    }

    private static func line(_ descriptor: Int32, limit: Int) -> String? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while bytes.count <= limit {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            bytes += buffer.prefix(count)
            if let end = bytes.firstIndex(of: 10) {
                return end <= limit ? String(validating: bytes[..<end], as: UTF8.self) : nil
            }
        }
        return nil
    }

    private static func send(_ text: String, to descriptor: Int32) {
        let line = Array(text.map { $0.isNewline ? " " : $0 }.map(String.init).joined().utf8) + [10]
        var sent = 0
        while sent < line.count {
            let count = line.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            sent += count
        }
    }
}
