/// The hosts that a plugin may reach: its manifest's `hosts`.
///
///     "api.example.org"            https, port 443
///     "*.example.org"              every name below it, not itself
///     "api.example.org:8443"       https, that port
///     "http://radio.example.org"   http at port 80 as well as https at port 443
///     "http://*:*"                 every public host and port: for directories of streams that others run
///
/// A `*` for the port leaves out those below 1024 other than 80 and 443, where no web server listens.
public struct AllowedHosts: Sendable, Equatable {
    static let maximumCount = 64

    private struct Entry: Sendable, Equatable {
        enum Name: Sendable, Equatable { case exactly(String), below(String), any }
        enum Port: Sendable, Equatable { case standard, exactly(Int), any }

        let name: Name
        let port: Port
        let isPlain: Bool
    }

    private let entries: [Entry]

    /// Nothing is allowed.
    public static let none = AllowedHosts(entries: [])

    private init(entries: [Entry]) { self.entries = entries }

    public init(_ texts: [String]) throws(PluginRefusal) {
        guard texts.count <= Self.maximumCount else {
            throw PluginRefusal("its manifest lists more than \(Self.maximumCount) hosts")
        }
        var entries: [Entry] = []
        for text in texts {
            guard let entry = Self.entry(text) else {
                throw PluginRefusal("its manifest lists a host that is none: \(text.prefix(80).debugDescription)")
            }
            entries.append(entry)
        }
        self.entries = entries
    }

    public func allows(_ url: HTTPURL) -> Bool {
        entries.contains { Self.matches($0, url) }
    }

    private static func matches(_ entry: Entry, _ url: HTTPURL) -> Bool {
        guard entry.isPlain || url.scheme == .https else { return false }
        switch entry.port {
        case .standard: guard url.port == HTTPURL.defaultPort(url.scheme) else { return false }
        case .exactly(let port): guard url.port == port else { return false }
        case .any: guard url.port >= 1_024 || url.port == 80 || url.port == 443 else { return false }
        }
        switch entry.name {
        case .exactly(let name): return url.host == name
        case .below(let suffix): return url.host.hasSuffix(suffix) && url.host.utf8.count > suffix.utf8.count
        case .any: return true
        }
    }

    private static func entry(_ text: String) -> Entry? {
        var rest = text[...]
        var isPlain = false
        if rest.hasPrefix("http://") {
            isPlain = true
            rest = rest.dropFirst(7)
        } else if rest.hasPrefix("https://") {
            rest = rest.dropFirst(8)
        }
        guard let (host, port) = hostAndPort(rest), let name = name(host) else { return nil }
        return Entry(name: name, port: port, isPlain: isPlain)
    }

    private static func hostAndPort(_ text: Substring) -> (host: Substring, port: Entry.Port)? {
        var host = text
        var suffix = Substring()
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            (host, suffix) = (text[...end], text[text.index(after: end)...])
        } else if let colon = text.firstIndex(of: ":") {
            (host, suffix) = (text[..<colon], text[colon...])
        }
        switch suffix {
        case "": return (host, .standard)
        case ":*": return (host, .any)
        default:
            guard suffix.first == ":", let port = HTTPURL.port(suffix.dropFirst()) else { return nil }
            return (host, .exactly(port))
        }
    }

    private static func name(_ host: Substring) -> Entry.Name? {
        if host == "*" { return .any }
        if host.hasPrefix("*.") {
            let base = host.dropFirst(2)
            // "*.org" would be half the world: `*` says that openly.
            guard HTTPURL.isHostName(String(base)), base.contains(".") else { return nil }
            return .below("." + base)
        }
        // Read by the same eyes as the address that is compared with it.
        guard let url = HTTPURL("https://\(host)/"), host == (url.isIPv6 ? "[\(url.host)]" : url.host) else {
            return nil
        }
        return .exactly(url.host)
    }
}
