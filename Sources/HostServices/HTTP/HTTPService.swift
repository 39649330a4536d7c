import AsyncHTTPClient
import CTimmyBot
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import PluginHost

/// The host's one HTTP client: checks where a request goes, resolves and pins, follows redirects, and counts.
public final class HTTPService: HTTPFetching {
    static let maximumRedirects = 5
    static let maximumBody = 1 << 20
    /// Addresses of one name that are tried in turn where connecting fails.
    static let maximumAttempts = 3

    private let clients: PinnedClients
    private let resolver: any NameResolving
    private let addresses: AddressGuard
    private let counters = HTTPCounters()
    private let clock: any Clock<Duration>
    private let userAgent: String

    /// - Parameters:
    ///   - addresses: the guard; tests give one that lets loopback through.
    ///   - trustedCAFile: PEM of roots trusted beside the system's; for tests.
    public init(
        userAgent: String = "TimmyBot/0.1.0", resolver: any NameResolving = NameResolver(),
        addresses: AddressGuard = AddressGuard(), trustedCAFile: String? = nil,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.userAgent = userAgent
        self.resolver = resolver
        self.addresses = addresses
        self.clock = clock
        clients = PinnedClients(trustedCAFile: trustedCAFile)
    }

    /// Cuts off what is going on.
    public func shutdown() async { await clients.shutdown() }

    var clientCount: Int { clients.count }

    public func metrics() -> [String: HTTPMetrics] { counters.all }

    public func fetch(
        _ request: HTTPFetchRequest, for caller: HTTPCaller
    ) async throws(PluginFailure) -> HTTPFetchResponse {
        let began = ContinuousClock.now
        counters.began(caller.id, sent: request.body.count)
        let total = Expiry(after: request.totalTimeout, clock: clock)
        do throws(PluginFailure) {
            let opened = try await withinTime(request, total) { [self] in try await open(request, for: caller) }
            counters.answered(caller.id, after: began.duration(to: .now))
            return try respond(opened, request, caller, total)
        } catch {
            total.stop()
            counters.failed(caller.id, error)
            throw error
        }
    }

    /// Runs `body` in a task that the deadlines, or the caller's own cancellation, cut off.
    private func withinTime<Value: Sendable>(
        _ request: HTTPFetchRequest, _ total: Expiry, _ body: @escaping @Sendable () async throws -> Value
    ) async throws(PluginFailure) -> Value {
        let head = Expiry(after: request.headTimeout, clock: clock)
        defer { head.stop() }
        let task = Task { try await body() }
        head.onExpiry { task.cancel() }
        total.onExpiry { task.cancel() }
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        switch result {
        case .success(let value): return value
        case .failure(let error):
            if head.hasExpired || total.hasExpired {
                throw PluginFailure(code: TB_E_TIMEOUT, detail: "\(Self.origin(request.url)) did not answer in time")
            }
            if Task.isCancelled { throw PluginFailure(code: TB_E_CANCELLED, detail: "the request was cancelled") }
            throw Self.failure(error, at: Self.origin(request.url))
        }
    }

    // MARK: To the head

    struct Opened: Sendable {
        let response: HTTPClientResponse
        let url: HTTPURL
        let method: String
        let lease: ClientLease
    }

    private func open(_ request: HTTPFetchRequest, for caller: HTTPCaller) async throws -> Opened {
        try HeaderRules.check(request)
        guard HTTPFetchRequest.methods.contains(request.method), request.body.count <= Self.maximumBody else {
            throw PluginFailure(code: TB_E_INVALID, detail: "the request's method or body is not allowed")
        }
        guard let url = HTTPURL(request.url) else {
            throw PluginFailure(code: TB_E_INVALID, detail: "the request's URL is not one of http or https")
        }
        var step = RequestStep(request, url: url)
        for _ in 0...Self.maximumRedirects {
            let opened = try await perform(step, for: caller)
            guard request.followsRedirects, let next = try step.redirected(opened.response) else { return opened }
            step = next
        }
        throw PluginFailure(code: TB_E_IO, detail: "\(url.origin) redirects more than \(Self.maximumRedirects) times")
    }

    private func perform(_ step: RequestStep, for caller: HTTPCaller) async throws -> Opened {
        guard caller.hosts.allows(step.url) else {
            throw PluginFailure(
                code: TB_E_UNAVAILABLE, detail: "\(step.url.origin) is not among the hosts of \(caller.id)'s manifest")
        }
        if step.authorization != nil, step.url.scheme != .https {
            throw PluginFailure(code: TB_E_INVALID, detail: "an account's token is not sent without TLS")
        }
        let usable = try await resolver.addresses(of: step.url.host).filter {
            addresses.allows($0, port: step.url.port)
        }
        guard !usable.isEmpty else {
            throw PluginFailure(
                code: TB_E_UNAVAILABLE, detail: "\(step.url.origin) is not at a public address, so it is not connected")
        }
        var last: any Error = PluginFailure(code: TB_E_IO, detail: "\(step.url.origin) cannot be reached")
        for address in usable.prefix(Self.maximumAttempts) {
            do {
                return try await execute(step, at: address)
            } catch  where Self.isBeforeSending(error) && !Task.isCancelled {
                last = error
            }
        }
        throw last
    }

    private func execute(_ step: RequestStep, at address: IPAddress) async throws -> Opened {
        let lease = try ClientLease(clients, PinnedClients.Pin(host: step.url.host, address: address))
        let response = try await lease.client.execute(
            step.clientRequest(userAgent: userAgent), deadline: .distantFuture)
        guard response.headers.count <= HeaderRules.maximumAnswerCount,
            response.headers.reduce(0, { $0 + $1.name.utf8.count + $1.value.utf8.count })
                <= HeaderRules.maximumAnswerBytes
        else { throw PluginFailure(code: TB_E_IO, detail: "\(step.url.origin) answers with too many headers") }
        return Opened(response: response, url: step.url, method: step.method, lease: lease)
    }

    // MARK: The body

    private func respond(
        _ opened: Opened, _ request: HTTPFetchRequest, _ caller: HTTPCaller, _ total: Expiry
    ) throws(PluginFailure) -> HTTPFetchResponse {
        let origin = opened.url.origin
        if opened.method != "HEAD",
            let length = opened.response.headers.first(name: "content-length").flatMap(UInt64.init),
            length > request.limit
        {
            throw PluginFailure(
                code: TB_E_IO, detail: "\(origin) answers with \(length) bytes, \(request.limit) are allowed")
        }
        let pipe = BytePipe()
        let counters = counters
        BodyPump(pipe: pipe, origin: origin, limit: request.limit, idle: request.idleTimeout, clock: clock) {
            counters.received(caller.id, $0)
        }.start(opened, total)
        return HTTPFetchResponse(
            status: Int(opened.response.status.code), url: opened.url.description,
            headers: opened.response.headers.map { HTTPHeader($0.name.lowercased(), $0.value) }, body: ByteStream(pipe))
    }

    // MARK: Errors

    private static func origin(_ url: String) -> String { HTTPURL(url)?.origin ?? "the request" }

    /// Nothing of the request can have arrived, so that it may be sent to another address.
    private static func isBeforeSending(_ error: any Error) -> Bool {
        if let error = error as? HTTPClientError { return error == .connectTimeout }
        if let error = error as? IOError {
            return [ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT].contains(error.errnoCode)
        }
        return error is NIOConnectionError
    }

    static func failure(_ error: any Error, at origin: String) -> PluginFailure {
        switch error {
        case let failure as PluginFailure: return failure
        case is PinnedClients.ShutDown: return PluginFailure(code: TB_E_CANCELLED, detail: "the host is stopping")
        case is CancellationError:
            return PluginFailure(code: TB_E_CANCELLED, detail: "the request was cancelled")
        case let error as HTTPClientError:
            let code = error == .connectTimeout ? TB_E_TIMEOUT : error == .cancelled ? TB_E_CANCELLED : TB_E_IO
            return PluginFailure(code: code, detail: "\(origin): \(error.shortDescription)")
        case let error as IOError:
            return PluginFailure(code: TB_E_IO, detail: "\(origin): \(String(cString: strerror(error.errnoCode)))")
        default: return PluginFailure(code: TB_E_IO, detail: "\(origin): \(type(of: error))")
        }
    }
}
