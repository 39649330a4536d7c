/// Writes the TLS presentation language with RFC 9420's variable-size vectors.
struct TLSWriter {
    private(set) var bytes: [UInt8] = []

    mutating func raw(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
    mutating func uint8(_ value: UInt8) { bytes.append(value) }

    private mutating func integer(_ value: UInt64, _ size: Int) {
        for shift in stride(from: 8 * (size - 1), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    mutating func uint16(_ value: UInt16) { integer(UInt64(value), 2) }
    mutating func uint32(_ value: UInt32) { integer(UInt64(value), 4) }
    mutating func uint64(_ value: UInt64) { integer(value, 8) }

    /// RFC 9420, section 2.1.2. Nothing that we write comes near 2^30 bytes.
    mutating func length(_ count: Int) {
        switch count {
        case ..<(1 << 6): integer(UInt64(count), 1)
        case ..<(1 << 14): integer(UInt64(count) | 1 << 14, 2)
        default: integer(UInt64(count) | 2 << 30, 4)
        }
    }

    mutating func opaque(_ value: some Collection<UInt8>) {
        length(value.count)
        raw(value)
    }

    mutating func vector<Element>(_ elements: some Sequence<Element>, _ write: (inout TLSWriter, Element) -> Void) {
        var inner = TLSWriter()
        for element in elements { write(&inner, element) }
        opaque(inner.bytes)
    }

    mutating func optional<Value>(_ value: Value?, _ write: (inout TLSWriter, Value) -> Void) {
        uint8(value == nil ? 0 : 1)
        if let value { write(&self, value) }
    }

    static func build(_ body: (inout TLSWriter) -> Void) -> [UInt8] {
        var writer = TLSWriter()
        body(&writer)
        return writer.bytes
    }
}

/// A structure of RFC 9420 that can be written.
protocol TLSEncodable {
    func encode(to writer: inout TLSWriter)
}

extension TLSEncodable {
    var encoded: [UInt8] { TLSWriter.build { encode(to: &$0) } }
}

typealias TLSCodable = TLSDecodable & TLSEncodable
