import Foundation
import Glibc

/// An IPv4 or IPv6 address, in network order.
public enum IPAddress: Sendable, Hashable, CustomStringConvertible {
    case v4([UInt8])
    case v6([UInt8])

    /// Nil for anything but a plain literal; a scope (`%eth0`) is none.
    public init?(_ text: String) {
        var four = in_addr(), six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self = .v4(withUnsafeBytes(of: four) { Array($0) })
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self = .v6(withUnsafeBytes(of: six) { Array($0) })
        } else {
            return nil
        }
    }

    init?(_ address: UnsafePointer<sockaddr>?) {
        guard let address else { return nil }
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            self = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { raw in
                .v4(withUnsafeBytes(of: raw.pointee.sin_addr) { Array($0) })
            }
        case AF_INET6:
            self = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { raw in
                .v6(withUnsafeBytes(of: raw.pointee.sin6_addr) { Array($0) })
            }
        default: return nil
        }
    }

    /// As `inet_ntop` writes it.
    public var description: String {
        let (family, bytes): (Int32, [UInt8]) =
            switch self {
            case .v4(let bytes): (AF_INET, bytes)
            case .v6(let bytes): (AF_INET6, bytes)
            }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    public var isLoopback: Bool {
        switch self {
        case .v4(let bytes): bytes[0] == 127
        case .v6(let bytes): bytes == [UInt8](repeating: 0, count: 15) + [1]
        }
    }

    /// Whether it is somewhere on the public internet, and not a way around: RFC 6890's registries, as of 2026.
    public var isPublic: Bool {
        switch self {
        case .v4(let bytes): !Self.special4.contains { $0.contains(bytes) }
        // Only 2000::/3 is given out. That leaves out loopback, unspecified, link-local, unique local, multicast,
        // IPv4-mapped (::ffff:0:0/96) and both NAT64 prefixes (64:ff9b::/96, 64:ff9b:1::/48).
        case .v6(let bytes): bytes[0] & 0xE0 == 0x20 && !Self.special6.contains { $0.contains(bytes) }
        }
    }

    private struct Prefix {
        let bytes: [UInt8]
        let bits: Int

        init(_ text: String) {
            let parts = text.split(separator: "/")
            bits = Int(parts[1]) ?? 0
            switch IPAddress(String(parts[0])) {
            case .v4(let bytes), .v6(let bytes): self.bytes = bytes
            case nil: preconditionFailure("not an address: \(text)")
            }
        }

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            let whole = bits / 8, rest = bits % 8
            guard address[..<whole].elementsEqual(bytes[..<whole]) else { return false }
            guard rest > 0 else { return true }
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
            return address[whole] & mask == bytes[whole] & mask
        }
    }

    private static let special4 = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    ].map { Prefix($0) }

    /// Protocol assignments with Teredo, documentation, 6to4.
    private static let special6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"].map { Prefix($0) }
}
