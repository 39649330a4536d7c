extension JSON {
    /// What a text may cost at most.
    public struct Limits: Sendable {
        public var bytes: Int
        /// Arrays and objects within each other.
        public var depth: Int
        /// Values in all, each member and element counted.
        public var values: Int

        public init(bytes: Int = 4 << 20, depth: Int = 64, values: Int = 250_000) {
            self.bytes = bytes
            self.depth = depth
            self.values = values
        }
    }

    /// Reads one value, strictly by RFC 8259; nothing but white space may follow it.
    ///
    /// - Throws: `.invalid`, with the place in bytes.
    public init(parsing bytes: [UInt8], limits: Limits = Limits()) throws(Failure) {
        guard bytes.count <= limits.bytes else {
            throw Failure(code: .invalid, detail: "JSON of more than \(limits.bytes) bytes")
        }
        var parser = JSONParser(bytes: bytes, limits: limits)
        self = try parser.document()
    }

    public init(parsing text: String, limits: Limits = Limits()) throws(Failure) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    let limits: JSON.Limits
    private var place = 0
    private var values = 0

    init(bytes: [UInt8], limits: JSON.Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func document() throws(Failure) -> JSON {
        skipSpace()
        let value = try self.value(depth: 0)
        skipSpace()
        guard place == bytes.count else { throw wrong("something after the value") }
        return value
    }

    private func wrong(_ what: String) -> Failure { Failure(code: .invalid, detail: "JSON at \(place): \(what)") }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
    }

    private mutating func value(depth: Int) throws(Failure) -> JSON {
        values += 1
        guard values <= limits.values else { throw wrong("more than \(limits.values) values") }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(Failure) -> JSON {
        let matches = word.withUTF8Buffer { bytes[place...].starts(with: $0) }
        guard matches else { throw wrong("no value") }
        place += word.utf8CodeUnitCount
        return value
    }

    private mutating func array(depth: Int) throws(Failure) -> JSON {
        guard depth <= limits.depth else { throw wrong("deeper than \(limits.depth)") }
        place += 1
        var elements: [JSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            skipSpace()
            elements.append(try value(depth: depth))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            guard take(UInt8(ascii: ",")) else { throw wrong("no , or ]") }
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSON {
        guard depth <= limits.depth else { throw wrong("deeper than \(limits.depth)") }
        place += 1
        var members: [String: JSON] = [:]
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw wrong("no name") }
            let name = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw wrong("no :") }
            skipSpace()
            members[name] = try value(depth: depth)
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw wrong("no , or }") }
        }
    }

    private mutating func digits() -> Int {
        let start = place
        while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
        return place - start
    }

    private mutating func number() throws(Failure) -> JSON {
        let start = place
        var isWhole = true
        _ = take(UInt8(ascii: "-"))
        let leadingZero = next == UInt8(ascii: "0")
        let count = digits()
        guard count > 0, !leadingZero || count == 1 else { throw wrong("no value") }
        if take(UInt8(ascii: ".")) {
            isWhole = false
            guard digits() > 0 else { throw wrong("no digit after .") }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
            guard digits() > 0 else { throw wrong("no exponent") }
        }
        guard place - start <= 400 else { throw wrong("a number of more than 400 characters") }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if isWhole, text != "-0", let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw wrong("a number out of range") }
        return .number(value)
    }

    private mutating func string() throws(Failure) -> String {
        place += 1
        var result: [UInt8] = []
        while true {
            let start = place
            while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { place += 1 }
            result += bytes[start..<place]
            switch next {
            case UInt8(ascii: "\""):
                place += 1
                guard let text = String(validating: result, as: UTF8.self) else { throw wrong("not UTF-8") }
                return text
            case UInt8(ascii: "\\"):
                place += 1
                result += Array(String(try escape()).utf8)
            default: throw wrong("a string without an end")
            }
        }
    }

    private mutating func escape() throws(Failure) -> Unicode.Scalar {
        guard let byte = next else { throw wrong("a string without an end") }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicode()
        default: throw wrong("an unknown escape")
        }
    }

    private mutating func hex() throws(Failure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 128 else {
                throw wrong("no four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            place += 1
        }
        return value
    }

    /// Half a surrogate pair alone stands for no character: it becomes U+FFFD, as in a text that somebody cut.
    private mutating func unicode() throws(Failure) -> Unicode.Scalar {
        let first = try hex()
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
        let before = place
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            place = before
            return "\u{FFFD}"
        }
        let second = try hex()
        guard (0xDC00..<0xE000).contains(second) else {
            place = before
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
    }
}
