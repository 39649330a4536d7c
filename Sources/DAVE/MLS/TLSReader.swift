/// Reads the TLS presentation language with RFC 9420's variable-size vectors. Every length is checked against what is
/// left, so a hostile length can neither allocate nor read beyond the message.
struct TLSReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: some Collection<UInt8>) { rest = ArraySlice(Array(bytes)) }
    init(slice: ArraySlice<UInt8>) { rest = slice }

    var isAtEnd: Bool { rest.isEmpty }
    var offset: Int { rest.startIndex }

    mutating func take(_ count: Int) throws(MLSError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw .malformed("vector is longer than the remaining data") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func uint8() throws(MLSError) -> UInt8 {
        guard let byte = rest.first else { throw .malformed("data ended") }
        rest = rest.dropFirst()
        return byte
    }

    private mutating func integer(_ size: Int) throws(MLSError) -> UInt64 {
        try take(size).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func uint16() throws(MLSError) -> UInt16 { UInt16(try integer(2)) }
    mutating func uint32() throws(MLSError) -> UInt32 { UInt32(try integer(4)) }
    mutating func uint64() throws(MLSError) -> UInt64 { try integer(8) }

    /// RFC 9420, section 2.1.2: 1, 2 or 4 bytes, shortest form only.
    mutating func length() throws(MLSError) -> Int {
        guard let first = rest.first else { throw .malformed("data ended") }
        let size = 1 << Int(first >> 6)
        guard size < 8 else { throw .malformed("length prefix") }
        let value = try integer(size) & (1 << UInt64(8 * size - 2) - 1)
        guard size == 1 || value >= (size == 2 ? 1 << 6 : 1 << 14) else {
            throw .malformed("length not in shortest form")
        }
        return Int(value)
    }

    mutating func opaque() throws(MLSError) -> [UInt8] { Array(try take(try length())) }

    mutating func vector<Element>(
        _ element: (inout TLSReader) throws(MLSError) -> Element
    ) throws(MLSError) -> [Element] {
        var inner = TLSReader(slice: try take(try length()))
        var elements: [Element] = []
        while !inner.isAtEnd { elements.append(try element(&inner)) }
        return elements
    }

    mutating func optional<Value>(
        _ value: (inout TLSReader) throws(MLSError) -> Value
    ) throws(MLSError) -> Value? {
        switch try uint8() {
        case 0: nil
        case 1: try value(&self)
        default: throw .malformed("optional is neither absent nor present")
        }
    }

    func finish() throws(MLSError) {
        guard isAtEnd else { throw .malformed("\(rest.count) bytes too many") }
    }
}

/// A structure of RFC 9420 that can be read.
protocol TLSDecodable {
    init(from reader: inout TLSReader) throws(MLSError)
}

extension TLSDecodable {
    /// Reads `bytes` whole: what is left over is an error.
    init(whole bytes: some Collection<UInt8>) throws(MLSError) {
        var reader = TLSReader(bytes)
        try self.init(from: &reader)
        try reader.finish()
    }
}
