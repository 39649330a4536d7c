/// An http or https address, taken apart strictly: what this refuses, no other parser gets to read differently.
public struct HTTPURL: Sendable, Equatable, CustomStringConvertible {
    public enum Scheme: String, Sendable { case http, https }

    static let maximumLength = 4_096

    public let scheme: Scheme
    /// Lower case; a name, an IPv4 address or an IPv6 address without its brackets.
    public let host: String
    public let port: Int
    /// Path and query, never empty.
    public let target: String

    /// Nil for anything but `http(s)://host[:port][/path][?query][#fragment]` in visible ASCII without user information.
    /// The fragment is dropped.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maximumLength,
            bytes.allSatisfy({ (33...126).contains($0) && !Self.forbidden.contains($0) }),
            let mark = text.range(of: "://"), let scheme = Scheme(rawValue: text[..<mark.lowerBound].lowercased())
        else { return nil }
        let rest = text[mark.upperBound...].prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard let (host, port) = Self.authority(authority) else { return nil }
        let target = rest[authority.endIndex...]
        self.scheme = scheme
        self.host = host
        self.port = port ?? Self.defaultPort(scheme)
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
    }

    /// `"<>\^`{|}`: no part of a URL (RFC 3986), and read differently by different parsers.
    private static let forbidden = Set("\"<>\\^`{|}".utf8)

    static func defaultPort(_ scheme: Scheme) -> Int { scheme == .https ? 443 : 80 }

    public var isIPv6: Bool { host.contains(":") }

    /// Scheme, host and port, which together decide who reads what is sent (RFC 6454).
    public func isSameOrigin(as other: HTTPURL) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }

    public var description: String {
        let shown = isIPv6 ? "[\(host)]" : host
        let suffix = port == Self.defaultPort(scheme) ? "" : ":\(port)"
        return "\(scheme.rawValue)://\(shown)\(suffix)\(target)"
    }

    /// Without path and query, which may hold a secret: for logs and errors.
    public var origin: String {
        "\(scheme.rawValue)://\(isIPv6 ? "[\(host)]" : host)\(port == Self.defaultPort(scheme) ? "" : ":\(port)")"
    }

    private static func authority(_ text: Substring) -> (host: String, port: Int?)? {
        var rest = text
        let host: String
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end].lowercased()
            rest = text[text.index(after: end)...]
            guard host.contains(":"), host.utf8.count <= 45,
                host.utf8.allSatisfy({ isHex($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
            else { return nil }
        } else {
            host = text.prefix { $0 != ":" }.lowercased()
            rest = text.dropFirst(host.utf8.count)
            guard isHostName(host) else { return nil }
        }
        guard !rest.isEmpty else { return (host, nil) }
        guard rest.first == ":", let port = port(rest.dropFirst()) else { return nil }
        return (host, port)
    }

    static func port(_ text: Substring) -> Int? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(text),
            (1...65_535).contains(port)
        else { return nil }
        return port
    }

    /// Labels of letters, digits, hyphens and underscores; no empty one, so no dot at the end.
    static func isHostName(_ host: String) -> Bool {
        guard (1...253).contains(host.utf8.count) else { return false }
        return host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count)
                && label.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
        }
    }

    private static func isHex(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }

    // MARK: Redirects

    /// Where a `Location` leads from here; nil where it is not an address of http or https (RFC 3986, section 5.2).
    public func resolving(_ location: String) -> HTTPURL? {
        let reference = String(location.prefix { $0 != "#" })
        if reference.isEmpty { return self }
        if let colon = reference.firstIndex(of: ":"), reference[..<colon].allSatisfy({ $0.isLetter || $0.isNumber }) {
            return HTTPURL(reference)
        }
        if reference.hasPrefix("//") { return HTTPURL("\(scheme.rawValue):\(reference)") }
        if reference.hasPrefix("/") { return HTTPURL(origin + Self.withoutDots(reference)) }
        let path = target.prefix { $0 != "?" }
        if reference.hasPrefix("?") { return HTTPURL(origin + path + reference) }
        let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
        return HTTPURL(origin + Self.withoutDots(folder + reference))
    }

    private static func withoutDots(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        var kept: [Substring] = []
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/") + target[path.endIndex...]
    }
}
