import AsyncHTTPClient
import CTimmyBot
import NIOCore
import NIOHTTP1
import PluginHost

/// One request on its way through redirects. Pure.
struct RequestStep: Sendable {
    private(set) var url: HTTPURL
    private(set) var method: String
    private(set) var authorization: String?
    private var headers: [HTTPHeader]
    private var body: [UInt8]

    init(_ request: HTTPFetchRequest, url: HTTPURL) {
        self.url = url
        method = request.method
        authorization = request.authorization
        headers = request.headers
        body = request.body
    }

    /// The next request where the answer is a redirect (RFC 9110, section 15.4), nil where it is not.
    func redirected(status: Int, location: String?) throws(PluginFailure) -> RequestStep? {
        guard [301, 302, 303, 307, 308].contains(status), let location else { return nil }
        guard let target = url.resolving(location) else {
            throw PluginFailure(code: TB_E_UNAVAILABLE, detail: "\(url.origin) redirects to what is no http address")
        }
        var next = self
        next.url = target
        if status == 303 && method != "HEAD" || status < 303 && method == "POST" {
            next.method = "GET"
            next.body = []
            next.headers.removeAll { $0.name.lowercased().hasPrefix("content-") }
        }
        if !target.isSameOrigin(as: url) {
            next.authorization = nil
            next.headers.removeAll { HeaderRules.credentials.contains($0.name.lowercased()) }
        }
        return next
    }

    func redirected(_ response: HTTPClientResponse) throws(PluginFailure) -> RequestStep? {
        try redirected(status: Int(response.status.code), location: response.headers.first(name: "location"))
    }

    func clientRequest(userAgent: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url.description)
        request.method = HTTPMethod(rawValue: method)
        for header in headers { request.headers.add(name: header.name, value: header.value) }
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        if !request.headers.contains(name: "User-Agent") { request.headers.add(name: "User-Agent", value: userAgent) }
        // Nothing is decompressed here, so that no small answer becomes a large one.
        if !request.headers.contains(name: "Accept-Encoding") {
            request.headers.add(name: "Accept-Encoding", value: "identity")
        }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        return request
    }
}

/// Keeps a pinned client from being shut down while a request uses it.
final class ClientLease: Sendable {
    let client: HTTPClient
    private let clients: PinnedClients
    private let pin: PinnedClients.Pin

    init(_ clients: PinnedClients, _ pin: PinnedClients.Pin) throws {
        client = try clients.take(pin)
        self.clients = clients
        self.pin = pin
    }

    deinit { clients.release(pin) }
}
