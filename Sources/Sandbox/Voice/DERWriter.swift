/// Just enough of X.690 DER for a certificate.
enum DER {
    static func node(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        switch count {
        case 0..<128: return [tag, UInt8(count)] + content
        case 128..<256: return [tag, 0x81, UInt8(count)] + content
        default: return [tag, 0x82, UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)] + content
        }
    }

    static func sequence(_ parts: [UInt8]...) -> [UInt8] { node(0x30, parts.flatMap(\.self)) }
    static func set(_ parts: [UInt8]...) -> [UInt8] { node(0x31, parts.flatMap(\.self)) }
    static func integer(_ bytes: [UInt8]) -> [UInt8] { node(0x02, (bytes.first ?? 0) >= 0x80 ? [0] + bytes : bytes) }
    static func octets(_ bytes: [UInt8]) -> [UInt8] { node(0x04, bytes) }
    static func bits(_ bytes: [UInt8], unused: UInt8 = 0) -> [UInt8] { node(0x03, [unused] + bytes) }
    static func text(_ text: String) -> [UInt8] { node(0x0c, Array(text.utf8)) }
    static func oid(_ bytes: UInt8...) -> [UInt8] { node(0x06, bytes) }
    static let yes: [UInt8] = [0x01, 0x01, 0xff]
}
