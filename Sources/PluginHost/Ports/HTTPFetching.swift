import CTimmyBot

public struct HTTPHeader: Sendable, Equatable {
    public let name, value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// On whose behalf a request is made: decides where it may go and whose counters it moves.
public struct HTTPCaller: Sendable {
    /// A plugin's id.
    public let id: String
    public let hosts: AllowedHosts

    public init(id: String, hosts: AllowedHosts) {
        self.id = id
        self.hosts = hosts
    }
}

public struct HTTPFetchRequest: Sendable {
    public static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

    /// One of `methods`.
    public var method = "GET"
    public var url: String
    public var headers: [HTTPHeader] = []
    public var body: [UInt8] = []
    /// Bytes of the answer's body; more than that is `TB_E_IO`.
    public var limit = UInt64.max
    /// Until the head of the last answer is there: resolving, connecting and redirects included.
    public var headTimeout = Duration.seconds(15)
    /// For everything, the body included; nil for a stream that may go on for hours.
    public var totalTimeout: Duration?
    /// Between two pieces of the body, while the pipe has room for them.
    public var idleTimeout = Duration.seconds(30)
    public var followsRedirects = true
    /// Value of the Authorization header that the host itself adds. Sent by https only and to the first origin only.
    public var authorization: String?

    public init(url: String) { self.url = url }
}

public struct HTTPFetchResponse: Sendable {
    public let status: Int
    /// After redirects.
    public let url: String
    /// Names in lower case.
    public let headers: [HTTPHeader]
    /// Lost where nobody holds it any more.
    public let body: ByteStream

    public init(status: Int, url: String, headers: [HTTPHeader], body: ByteStream) {
        self.status = status
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// The first header of that name, which is given in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// What requests of one plugin did since the start.
public struct HTTPMetrics: Sendable, Equatable {
    /// Upper bounds of the latency buckets in milliseconds: from the request to the head of its last answer.
    public static let latencyBounds = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000]

    public var requests = 0
    /// Of these, those that got no answer.
    public var failures = 0
    /// Of the failures, those that the rules forbid.
    public var refused = 0
    /// Bodies only.
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    public var latencyMilliseconds: UInt64 = 0
    public var latencyCounts = [Int](repeating: 0, count: latencyBounds.count + 1)

    public init() {}
}

/// The host's one way to the web: allow-list, address guard, redirects, limits and counters.
public protocol HTTPFetching: Sendable {
    /// Answers when the head is there; the body comes through the pipe. Throws `TB_E_INVALID` for a request that is none,
    /// `TB_E_UNAVAILABLE` where the rules forbid it, `TB_E_TIMEOUT`, `TB_E_CANCELLED` and `TB_E_IO`. Errors name the
    /// origin and never the path, the headers or the body.
    func fetch(_ request: HTTPFetchRequest, for caller: HTTPCaller) async throws(PluginFailure) -> HTTPFetchResponse

    /// By plugin id.
    func metrics() -> [String: HTTPMetrics]
}

extension HTTPFetching {
    /// With the whole body.
    public func fetchAll(
        _ request: HTTPFetchRequest, for caller: HTTPCaller
    ) async throws(PluginFailure) -> (head: HTTPFetchResponse, body: [UInt8]) {
        let response = try await fetch(request, for: caller)
        var body: [UInt8] = []
        while let chunk = try await response.body.next() { body += chunk }
        return (response, body)
    }
}

/// Where the host was given no network.
public struct NoHTTP: HTTPFetching {
    public init() {}
    public func fetch(_ request: HTTPFetchRequest, for caller: HTTPCaller) async throws(PluginFailure)
        -> HTTPFetchResponse
    { throw PluginFailure(code: TB_E_UNSUPPORTED, detail: "this host has no network for plugins") }
    public func metrics() -> [String: HTTPMetrics] { [:] }
}
