import CTimmyBot

/// One field of a request or an answer.
public struct Header: Sendable, Hashable {
    public var name, value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// Requests through the host's one client. Only hosts that the manifest lists can be reached.
public struct HTTP: Sendable {
    let host: Host

    public struct Request: Sendable {
        public var method = "GET"
        /// Up to 4096 bytes.
        public var url: String
        /// Up to 64; Host, Connection, Content-Length and the like are the host's own.
        public var headers: [Header] = []
        /// Up to 1 MiB.
        public var body: [UInt8] = []
        /// Bytes of the answer's body; nil for 4 MiB. A longer body is `.io`.
        public var limit: UInt64?
        /// The host adds its Authorization.
        public var account: Account?
        /// For the head and, with `fetch`, the body; nil for 15 s, at most 60 s.
        public var timeoutMilliseconds: UInt32?
        public var followsRedirects = true

        public init(_ url: String) { self.url = url }
    }

    /// What a server answered, whatever it answered.
    public struct Response: Sendable {
        /// After redirects.
        public let url: String
        public let status: Int
        /// Names in lower case.
        public let headers: [Header]
        /// Empty of a stream.
        public let body: [UInt8]

        /// The first field of this name, which is in lower case.
        public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

        public func json(limits: JSON.Limits = JSON.Limits()) throws(Failure) -> JSON {
            try JSON(parsing: body, limits: limits)
        }

        /// Throws what the status means to a plugin, unless it is 2xx.
        @discardableResult
        public func ok() throws(Failure) -> Response {
            if (200..<300).contains(status) { return self }
            let code: Failure.Code =
                switch status {
                case 401, 403: .auth
                case 404, 410: .notFound
                case 429: .rateLimit
                case 451: .unavailable
                default: .io
                }
            let seconds = header("retry-after").flatMap { UInt32($0) } ?? 0
            throw Failure(
                code: code, detail: "HTTP status \(status)", retryAfterMilliseconds: min(seconds, 86_400) * 1_000)
        }
    }

    public func get(_ url: String, headers: [Header] = []) async throws(Failure) -> Response {
        var request = Request(url)
        request.headers = headers
        return try await fetch(request)
    }

    /// The whole answer.
    public func fetch(_ request: Request) async throws(Failure) -> Response {
        guard let fetch = host.tables.http?.pointee.fetch else { throw .missing("HTTP") }
        let lender = Lender()
        return try await Completion<HTTPAnswer>.wait("http") { waiting in
            var raw = request.raw(lender)
            return fetch(host.raw, &raw, httpDone, waiting)
        }.response
    }

    /// The head of the answer; the body is read by and by. At most 16 streams are open at once for each plugin.
    public func stream(_ request: Request) async throws(Failure) -> HTTPStream {
        guard let table = host.tables.http, let start = table.pointee.stream else { throw .missing("HTTP") }
        let lender = Lender()
        let host = host
        let answer = try await Completion<HTTPAnswer>.wait(
            "http", discard: { late in HTTPStream.close(host, late.stream) }
        ) { waiting in
            var raw = request.raw(lender)
            return start(host.raw, &raw, httpDone, waiting)
        }
        return HTTPStream(host: host, head: answer.response, number: answer.stream)
    }
}

extension Host {
    public var http: HTTP { HTTP(host: self) }
}

private struct HTTPAnswer: Sendable {
    let response: HTTP.Response
    let stream: UInt64
}

extension HTTP.Request {
    fileprivate func raw(_ lender: Lender) -> tb_http_request_v1 {
        tb_http_request_v1(
            method: lender.lend(method == "GET" ? "" : method), url: lender.lend(url), headers: lender.headers(headers),
            header_count: headers.count, body: lender.bytes(body), limit: limit ?? 0, account: account?.handle ?? 0,
            timeout_ms: timeoutMilliseconds ?? 0, flags: followsRedirects ? 0 : TB_HTTP_NO_REDIRECT)
    }
}

private let httpDone: tb_http_done = { context, response in
    guard let response = response?.pointee else { return }
    if let error = response.error { return Completion<HTTPAnswer>.finish(context, .failure(Failure(error.pointee))) }
    let headers = UnsafeBufferPointer(
        start: response.headers, count: response.headers == nil ? 0 : response.header_count)
    let answer = HTTP.Response(
        url: response.url.string, status: Int(response.status),
        headers: headers.map { Header($0.name.string, $0.value.string) }, body: response.body.array)
    Completion.finish(context, .success(HTTPAnswer(response: answer, stream: response.stream)))
}
