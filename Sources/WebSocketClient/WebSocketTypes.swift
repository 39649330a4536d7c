/// Where and how to connect.
public struct WebSocketConfiguration: Sendable {
    /// `ws://` or `wss://` with host, optional port, path and query.
    public var url: String
    public var headers: [(name: String, value: String)] = []
    /// PEM file of roots trusted in addition to the system's.
    public var trustedCAFile: String?
    /// Time for TCP, TLS and the upgrade together.
    public var connectTimeout: Duration = .seconds(10)
    /// Longest message in bytes, fragments together.
    public var maximumMessageSize = 1 << 22
    /// Bytes that may wait for the consumer; beyond it the socket is not read until there is room again.
    public var inboundBufferSize = 1 << 20
    /// For one message to reach the kernel; a peer that reads nothing for so long is dropped.
    public var sendTimeout: Duration = .seconds(10)

    public init(url: String) { self.url = url }
}

public enum WebSocketMessage: Sendable, Equatable {
    case text(String)
    case binary([UInt8])
}

/// What a connection delivers: messages in order, then exactly one `closed`.
public enum WebSocketEvent: Sendable, Equatable {
    case message(WebSocketMessage)
    /// `code` is nil where the connection ended without a close frame.
    case closed(code: UInt16?, reason: String)
}

/// Why no connection came about, or why nothing can be sent.
public enum WebSocketError: Error, Equatable, Sendable, CustomStringConvertible {
    case badURL
    case timeout
    case refused(String)
    case closed

    public var description: String {
        switch self {
        case .badURL: "not a ws or wss address"
        case .timeout: "no connection in time"
        case .refused(let why): "connection failed: \(why)"
        case .closed: "the connection is closed"
        }
    }
}

/// One open connection; tests put an in-memory one in its place.
public protocol WebSocketTransport: AnyObject, Sendable {
    /// Read by one consumer.
    var events: AsyncStream<WebSocketEvent> { get }
    func send(_ message: WebSocketMessage) async throws
    /// Sends a close frame and closes.
    func close(code: UInt16) async
    /// Drops the connection at once, without a close frame: for peers that no longer answer.
    func abort()
}

struct WebSocketAddress: Equatable {
    let secure: Bool
    let host: String
    let port: Int
    let path: String

    init?(_ url: String) {
        let rest: Substring
        if url.hasPrefix("wss://") {
            (secure, rest) = (true, url.dropFirst(6))
        } else if url.hasPrefix("ws://") {
            (secure, rest) = (false, url.dropFirst(5))
        } else {
            return nil
        }
        let end = rest.firstIndex { "/?".contains($0) } ?? rest.endIndex
        let tail = rest[end...]
        path = tail.isEmpty ? "/" : tail.hasPrefix("/") ? String(tail) : "/" + tail
        let authority = rest[..<end]
        guard !authority.isEmpty, !authority.contains("@"), path.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            return nil
        }
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            guard let number = UInt16(authority[authority.index(after: colon)...]) else { return nil }
            let name = authority[..<colon]
            host = name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : String(name)
            port = Int(number)
        } else {
            host = authority.hasPrefix("[") ? String(authority.dropFirst().dropLast()) : String(authority)
            port = secure ? 443 : 80
        }
        guard !host.isEmpty else { return nil }
    }
}
