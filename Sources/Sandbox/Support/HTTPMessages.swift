import DiscordModel
import Foundation
import NIOCore
import NIOHTTP1

/// A whole request.
struct SandboxRequest: Sendable {
    var method: String
    /// Percent-decoded segments of the path.
    var path: [String]
    var query: [String: String]
    var headers: HTTPHeaders
    var body: [UInt8]

    /// The body as JSON, or as the `payload_json` part of a multipart body.
    var json: JSONValue? {
        guard let form = multipart else { return JSONText.decode(body) }
        return form.first { $0.name == "payload_json" }.flatMap { JSONText.decode($0.body) }
    }

    /// Parts of a multipart/form-data body; nil for other bodies.
    var multipart: [MultipartPart]? {
        headers.first(name: "content-type").flatMap { MultipartPart.parse(body, contentType: $0) }
    }
}

/// What goes back.
enum SandboxResponse: Sendable {
    case json(Int, JSONValue, [String: String] = [:])
    case empty(Int, [String: String] = [:])
    case bytes(Int, type: String, [UInt8])
    /// An endless body: `start` is given the sink once the head is out.
    case stream(type: String, start: @Sendable (StreamSink) async -> Void)
    /// The connection is reset, as a fault.
    case reset

    static func error(_ status: Int, _ code: Int, _ message: String) -> SandboxResponse {
        .json(status, ["code": .number(code), "message": .string(message)])
    }

    static let unauthorized = SandboxResponse.json(401, ["message": "401: Unauthorized", "code": 0])
    static let notFound = SandboxResponse.json(404, ["message": "404: Not Found", "code": 0])

    func adding(_ headers: [String: String]) -> SandboxResponse {
        switch self {
        case .json(let status, let value, let own): .json(status, value, own.merging(headers) { old, _ in old })
        case .empty(let status, let own): .empty(status, own.merging(headers) { old, _ in old })
        default: self
        }
    }
}

/// A moment as RFC 9110, section 5.6.7, wants it.
enum HTTPDate {
    static func text(_ date: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter.string(from: date)
    }
}

/// The body of an endless response. May be used from any thread.
struct StreamSink: Sendable {
    let channel: any Channel

    /// Sends `bytes`, or drops them where the client does not keep up (it hears live or not at all).
    func write(_ bytes: [UInt8]) {
        guard channel.isActive, channel.isWritable else { return }
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes))), promise: nil)
    }

    func onClose(_ run: @escaping @Sendable () -> Void) { channel.closeFuture.whenComplete { _ in run() } }
}

/// A target such as `/a/b?c=d`, taken apart.
enum RequestTarget {
    static func parse(_ target: String) -> (path: [String], query: [String: String]) {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = (halves.first ?? "").split(separator: "/").map { decode($0) }
        var query: [String: String] = [:]
        if halves.count == 2 {
            for pair in halves[1].split(separator: "&").prefix(64) {
                let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                query[decode(sides[0])] = sides.count == 2 ? decode(sides[1]) : ""
            }
        }
        return (path, query)
    }

    static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
