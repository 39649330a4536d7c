import AsyncHTTPClient
import DiscordModel
import Foundation
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOSSL

/// A file that goes along with a message.
public struct Attachment: Sendable, Equatable {
    public let name: String
    public let contentType: String
    public let bytes: [UInt8]

    public init(name: String, contentType: String, bytes: [UInt8]) {
        self.name = name
        self.contentType = contentType
        self.bytes = bytes
    }
}

/// Discord's REST API with its rate limits. One per bot.
public actor RESTClient {
    /// Longest answer that is read, in bytes.
    static let maximumResponse = 8 << 20
    /// 429 answers to one request after which it is given up.
    static let maximumLimited = 5
    /// Longest that one request waits for limits altogether, in seconds. Beyond it, an error helps more than silence.
    static let maximumWait = 60.0
    /// Requests that may wait for limits at once.
    static let maximumWaiting = 1_000

    private let base: String
    private let token: String
    private let client: HTTPClient
    private let logger: Logger
    private let clock: any Clock<Duration>
    private let retry: RetryPolicy
    private var limits = RateLimits()
    /// Seconds since the client was made, on `clock`.
    private let elapsed: @Sendable () -> Double
    private var waiting = 0
    /// The Date header of the last answer.
    public private(set) var serverDate: Date?

    /// - Parameters:
    ///   - base: including `/api/v10`.
    ///   - trustedCAFile: PEM of roots trusted in addition to the system's.
    public init(
        base: String, token: String, trustedCAFile: String? = nil, logger: Logger,
        clock: any Clock<Duration> = ContinuousClock(), retry: RetryPolicy = RetryPolicy()
    ) {
        self.base = base
        self.token = token
        self.logger = logger
        self.clock = clock
        elapsed = Self.stopwatch(clock)
        self.retry = retry
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5), read: .seconds(15)), decompression: .enabled(limit: .size(32 << 20)))
        if let trustedCAFile {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.file(trustedCAFile)]
            configuration.tlsConfiguration = tls
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    public func shutdown() async { try? await client.shutdown().get() }

    /// Sends one request; waits for limits, retries what may be retried.
    ///
    /// - Parameters:
    ///   - path: below the base, ids filled in.
    ///   - authorized: false for interaction endpoints, whose token is in the path.
    ///   - repeatable: whether doing it twice does no harm.
    /// - Returns: the answer's JSON, `.null` where it has none.
    public func send(
        _ route: Route, path: String, body: JSONValue? = nil, attachments: [Attachment] = [], authorized: Bool = true,
        repeatable: Bool = true
    ) async throws -> JSONValue {
        var failures = 0
        var limited = 0
        var waited = 0.0
        while true {
            waited += try await admission(route, waited: waited)
            let outcome = await attempt(route, path, body, attachments, authorized)
            switch outcome {
            case .success(let value): return value
            case .limited(let seconds):
                limited += 1
                guard limited < Self.maximumLimited else { throw rateLimited(route, retryAfter: seconds) }
            case .failure(let error, let transient):
                failures += 1
                guard transient, repeatable, let delay = retry.delay(attempt: failures, random: .random(in: 0..<1))
                else {
                    throw error
                }
                logger.info("rest: \(error), trying again")
                try await clock.sleep(for: .seconds(delay))
            }
        }
    }

    private enum Outcome {
        case success(JSONValue)
        case limited(retryAfter: Double)
        case failure(RESTError, transient: Bool)
    }

    private static func stopwatch<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Double {
        let start = clock.now
        return { start.duration(to: clock.now) / .seconds(1) }
    }

    /// Waits until the request may go, and returns the seconds that took. Bounded in time and in number.
    private func admission(_ route: Route, waited: Double) async throws -> Double {
        var total = 0.0
        while true {
            switch limits.admit(route, now: elapsed()) {
            case .go: return total
            case .wait(let seconds):
                guard waited + total + seconds <= Self.maximumWait, waiting < Self.maximumWaiting else {
                    throw rateLimited(route, retryAfter: seconds)
                }
                let pause = max(0.001, seconds)
                total += pause
                waiting += 1
                defer { waiting -= 1 }
                try await clock.sleep(for: .seconds(pause))
            case .refused(let seconds):
                throw RESTError(
                    kind: .invalidRequestBudget, route: name(route),
                    message:
                        "too many refused requests; quiet for \(Int(seconds)) s so that Discord does not ban this address"
                )
            }
        }
    }

    private func rateLimited(_ route: Route, retryAfter: Double) -> RESTError {
        RESTError(
            kind: .rateLimited(retryAfter: retryAfter), route: name(route),
            message: "rate limited, and free again only in \(Int(retryAfter.rounded(.up))) s")
    }

    private func name(_ route: Route) -> String { "\(route.method) \(route.template)" }

    private func attempt(
        _ route: Route, _ path: String, _ body: JSONValue?, _ attachments: [Attachment], _ authorized: Bool
    ) async -> Outcome {
        func failure(_ kind: RESTError.Kind, _ message: String, transient: Bool) -> Outcome {
            .failure(RESTError(kind: kind, route: name(route), message: message), transient: transient)
        }
        let response: HTTPClientResponse, bytes: ByteBuffer
        do {
            let request = try makeRequest(route, path, body, attachments, authorized)
            response = try await client.execute(request, timeout: .seconds(30))
            bytes = try await response.body.collect(upTo: Self.maximumResponse)
        } catch is NIOTooManyBytesError {
            return failure(.unreadable, "the answer is too long", transient: false)
        } catch {
            // The short description is a fixed phrase; the long one might quote the address, and with it a token.
            let reason = (error as? HTTPClientError)?.shortDescription ?? "\(type(of: error))"
            return failure(.unreachable, "no answer (\(reason))", transient: true)
        }
        let json = try? JSONDecoder().decode(JSONValue.self, from: Data(buffer: bytes))
        let status = Int(response.status.code)
        if let date = response.headers.first(name: "Date") { serverDate = Self.httpDate(date) }
        var found = Self.limitHeaders(response.headers, json)
        // Discord's own limits answer in JSON; a page comes from the proxy before it, which blocks the whole address.
        found.wholeAddress = status == 429 && json == nil
        limits.update(route, status: status, headers: found, now: elapsed())
        switch status {
        case 204: return .success(.null)
        case 200..<300:
            guard let json else { return failure(.unreadable, "the answer is not JSON", transient: false) }
            return .success(json)
        case 429:
            logger.info("rest: \(name(route)) is rate limited")
            return .limited(retryAfter: found.wait)
        default:
            let code = json?["code"]?.int.map(Int.init)
            let text = Self.redacted(Self.explain(json) ?? "status \(status)", token: token, path: path)
            return failure(.status(status, code: code), text, transient: RetryPolicy.isRetryable(status: status))
        }
    }

    private func makeRequest(
        _ route: Route, _ path: String, _ body: JSONValue?, _ attachments: [Attachment], _ authorized: Bool
    ) throws -> HTTPClientRequest {
        var request = HTTPClientRequest(url: base + path)
        request.method = HTTPMethod(rawValue: route.method)
        request.headers.add(name: "User-Agent", value: "DiscordBot (https://github.com/timmybot/timmybot, 0.1.0)")
        if authorized { request.headers.add(name: "Authorization", value: "Bot \(token)") }
        guard let body else { return request }
        let json = try JSONEncoder().encode(body)
        if attachments.isEmpty {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(data: json))
        } else {
            let form = Multipart(json: Array(json), attachments: attachments)
            request.headers.add(name: "Content-Type", value: form.contentType)
            request.body = .bytes(ByteBuffer(bytes: form.bytes))
        }
        return request
    }

    /// RFC 9110, section 5.6.7, in its preferred form.
    static func httpDate(_ text: String) -> Date? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter.date(from: text)
    }

    static func limitHeaders(_ headers: HTTPHeaders, _ json: JSONValue?) -> RateLimitHeaders {
        var found = RateLimitHeaders()
        func number(_ name: String) -> Double? {
            headers.first(name: name).flatMap(Double.init).flatMap { $0.isFinite && $0 >= 0 ? min($0, 86_400) : nil }
        }
        found.bucket = headers.first(name: "X-RateLimit-Bucket").map { String($0.prefix(100)) }
        found.limit = number("X-RateLimit-Limit").map { Int($0) }
        found.remaining = number("X-RateLimit-Remaining").map { Int($0) }
        found.resetAfter = number("X-RateLimit-Reset-After")
        found.scope = headers.first(name: "X-RateLimit-Scope")
        found.global = headers.first(name: "X-RateLimit-Global") != nil || json?["global"]?.bool == true
        if case .double(let seconds)? = json?["retry_after"] { found.retryAfter = min(max(0, seconds), 86_400) }
        if case .int(let seconds)? = json?["retry_after"] { found.retryAfter = Double(min(max(0, seconds), 86_400)) }
        found.retryAfter = found.retryAfter ?? number("Retry-After")
        return found
    }

    /// Discord's error object in one line: message, then the fields that it dislikes.
    static func explain(_ json: JSONValue?) -> String? {
        guard let message = json?["message"]?.string else { return nil }
        var fields: [String] = []
        func walk(_ value: JSONValue, _ path: String, depth: Int) {
            guard depth < 12, fields.count < 8, case .object(let members) = value else { return }
            for (key, member) in members.sorted(by: { $0.key < $1.key }) {
                if key == "_errors" {
                    fields += (member.array ?? []).prefix(3).compactMap {
                        $0["message"]?.string.map { "\(path): \($0)" }
                    }
                } else {
                    walk(member, path.isEmpty ? key : "\(path).\(key)", depth: depth + 1)
                }
            }
        }
        walk(json?["errors"] ?? .null, "", depth: 0)
        return String(([message] + fields).joined(separator: "; ").prefix(1_000))
    }
}

extension RESTClient {
    /// Takes out the bot's token and whatever in the path may be one, in case an answer repeats them.
    static func redacted(_ text: String, token: String, path: String) -> String {
        let segments = path.split(whereSeparator: { "/?".contains($0) }).filter { $0.utf8.count >= 20 }
            .flatMap { [String($0), $0.removingPercentEncoding ?? String($0)] }
            .filter { !$0.allSatisfy(\.isNumber) }
        return ([token] + segments).filter { !$0.isEmpty }.reduce(text) {
            $0.replacingOccurrences(of: $1, with: "<token>")
        }
    }
}

/// multipart/form-data as Discord takes it: `payload_json`, then `files[n]`.
struct Multipart {
    let contentType: String
    let bytes: [UInt8]

    init(json: [UInt8], attachments: [Attachment], boundary: String = "timmybot-\(UInt64.random(in: 0...(.max)))") {
        contentType = "multipart/form-data; boundary=\(boundary)"
        var body: [UInt8] = []
        func part(_ disposition: String, _ type: String, _ content: [UInt8]) {
            body += Array(
                "--\(boundary)\r\nContent-Disposition: form-data; \(disposition)\r\nContent-Type: \(type)\r\n\r\n".utf8)
            body += content
            body += Array("\r\n".utf8)
        }
        part("name=\"payload_json\"", "application/json", json)
        for (index, attachment) in attachments.enumerated() {
            let name = attachment.name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
            // A type comes from tags of foreign files: nothing in it may end the header.
            let plain = attachment.contentType.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            let type =
                plain && attachment.contentType.contains("/") ? attachment.contentType : "application/octet-stream"
            part(
                "name=\"files[\(index)]\"; filename=\"\(name.isEmpty ? "file\(index)" : name)\"", type, attachment.bytes
            )
        }
        body += Array("--\(boundary)--\r\n".utf8)
        bytes = body
    }
}
