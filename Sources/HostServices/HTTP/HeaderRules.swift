import CTimmyBot
import PluginHost

/// Which request headers a plugin may send, and how many response headers it is given.
enum HeaderRules {
    static let maximumCount = 64
    static let maximumBytes = 32 << 10
    static let maximumAnswerCount = 128
    static let maximumAnswerBytes = 64 << 10

    /// Those that frame the message or speak about the connection are the host's own (RFC 9110, section 7.6.1; RFC 9112).
    private static let hostsOwn: Set<String> = [
        "host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "expect",
        "proxy-connection", "proxy-authorization", "proxy-authenticate", "http2-settings", "via", "forwarded",
    ]

    /// Sent to the origin that they were meant for, and to no other.
    static let credentials: Set<String> = ["authorization", "cookie"]

    static func check(_ request: HTTPFetchRequest) throws(PluginFailure) {
        guard request.headers.count <= maximumCount else { throw invalid("more than \(maximumCount) headers") }
        var size = 0
        for header in request.headers {
            let name = header.name.lowercased()
            guard !name.isEmpty, name.utf8.allSatisfy(isToken) else { throw invalid("a header name that is none") }
            guard !hostsOwn.contains(name) else { throw invalid("the header \(name) is the host's own") }
            guard header.value.utf8.allSatisfy({ $0 == 9 || $0 >= 32 && $0 != 127 }) else {
                throw invalid("the header \(name) has a control character")
            }
            if name == "authorization", request.authorization != nil {
                throw invalid("both an account and an Authorization header")
            }
            size += name.utf8.count + header.value.utf8.count
        }
        guard size <= maximumBytes else { throw invalid("more than \(maximumBytes) bytes of headers") }
    }

    private static func invalid(_ text: String) -> PluginFailure {
        PluginFailure(code: TB_E_INVALID, detail: "the request has \(text)")
    }

    /// RFC 9110, section 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (48...57).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
