import TimmyKit

/// A reader of XML as feeds use it: elements, attributes, texts, CDATA, the five entities and character references.
/// Bounded, without recursion, and without DTDs: a document that brings entities of its own is refused.
struct XMLReader {
    enum Event: Equatable {
        case start(String, [String: String])
        case end(String)
        case text(String)
    }

    static let maximumBytes = 8 << 20
    static let maximumDepth = 32
    /// Longer texts, names and attributes are refused: bytes between one `<` and the next.
    static let maximumPart = 256 << 10
    static let maximumAttributes = 32

    private let bytes: [UInt8]
    private var place = 0
    private var open: [String] = []
    /// The second half of `<a/>`.
    private var pending: Event?

    init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count <= Self.maximumBytes else { throw Self.wrong("more than 8 MiB", at: 0) }
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { place = 3 }
    }

    /// How many elements are open.
    var depth: Int { open.count }

    /// Nil at the end of the document.
    mutating func next() throws(Failure) -> Event? {
        if let event = pending {
            pending = nil
            open.removeLast()
            return event
        }
        while place < bytes.count {
            if bytes[place] != UInt8(ascii: "<") { return .text(try text()) }
            if let event = try markup() { return event }
        }
        guard open.isEmpty else { throw wrong("the document ends within <\(open.last ?? "")>") }
        return nil
    }

    private static func wrong(_ what: String, at place: Int) -> Failure {
        Failure(code: .invalid, detail: "XML at \(place): \(what)")
    }

    private func wrong(_ what: String) -> Failure { Self.wrong(what, at: place) }

    private func starts(with text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes[place...].starts(with: $0) }
    }

    /// The bytes up to `end`; the place is after it then.
    private mutating func upTo(_ end: StaticString) throws(Failure) -> ArraySlice<UInt8> {
        let start = place
        let limit = min(bytes.count, start + Self.maximumPart)
        while place < limit {
            if starts(with: end) {
                defer { place += end.utf8CodeUnitCount }
                return bytes[start..<place]
            }
            place += 1
        }
        throw wrong("no \(end)")
    }

    private mutating func text() throws(Failure) -> String {
        let start = place
        while place < bytes.count, bytes[place] != UInt8(ascii: "<") { place += 1 }
        guard place - start <= Self.maximumPart else { throw wrong("a text that is too long") }
        return Self.decoded(bytes[start..<place])
    }

    /// Nil for what says nothing: comments, instructions, a plain DOCTYPE.
    private mutating func markup() throws(Failure) -> Event? {
        if starts(with: "<![CDATA[") {
            place += 9
            return .text(String(decoding: try upTo("]]>"), as: UTF8.self))
        }
        if starts(with: "<!--") {
            place += 4
            _ = try upTo("-->")
            return nil
        }
        if starts(with: "<?") {
            _ = try upTo("?>")
            return nil
        }
        if starts(with: "<!") {
            let declaration = try upTo(">")
            guard !declaration.contains(UInt8(ascii: "[")) else { throw wrong("a document type of its own") }
            return nil
        }
        place += 1
        return try tag()
    }

    private mutating func tag() throws(Failure) -> Event {
        if place < bytes.count, bytes[place] == UInt8(ascii: "/") {
            place += 1
            let name = String(decoding: try upTo(">"), as: UTF8.self).trimmed
            guard open.popLast() == name else { throw wrong("</\(name)> closes something else") }
            return .end(name)
        }
        let name = self.name()
        guard !name.isEmpty, open.count < Self.maximumDepth else { throw wrong("no element, or too deep") }
        let attributes = try self.attributes()
        open.append(name)
        if bytes[place] == UInt8(ascii: "/") {
            place += 1
            pending = .end(name)
        }
        guard place < bytes.count, bytes[place] == UInt8(ascii: ">") else { throw wrong("no >") }
        place += 1
        return .start(name, attributes)
    }

    private mutating func name() -> String {
        let start = place
        while place < bytes.count, !Self.endsName(bytes[place]), place - start < 128 { place += 1 }
        return String(decoding: bytes[start..<place], as: UTF8.self)
    }

    private static func endsName(_ byte: UInt8) -> Bool {
        isSpace(byte) || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "=")
            || byte == UInt8(ascii: "<")
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private mutating func skipSpace() throws(Failure) {
        while place < bytes.count, Self.isSpace(bytes[place]) { place += 1 }
        guard place < bytes.count else { throw wrong("a tag without an end") }
    }

    /// The place is at `>` or `/` then.
    private mutating func attributes() throws(Failure) -> [String: String] {
        var attributes: [String: String] = [:]
        while true {
            try skipSpace()
            if bytes[place] == UInt8(ascii: ">") || bytes[place] == UInt8(ascii: "/") { return attributes }
            let name = self.name()
            try skipSpace()
            guard !name.isEmpty, attributes.count < Self.maximumAttributes, bytes[place] == UInt8(ascii: "=") else {
                throw wrong("no attribute")
            }
            place += 1
            try skipSpace()
            let quote = bytes[place]
            place += 1
            switch quote {
            case UInt8(ascii: "\""): attributes[name] = Self.decoded(try upTo("\""))
            case UInt8(ascii: "'"): attributes[name] = Self.decoded(try upTo("'"))
            default: throw wrong("an attribute without quotes")
            }
        }
    }

    /// `&amp;` and the like as what they stand for; what is no reference stays as it is.
    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String {
        var result = ""
        var rest = bytes
        while let ampersand = rest.firstIndex(of: UInt8(ascii: "&")) {
            result += String(decoding: rest[..<ampersand], as: UTF8.self)
            rest = rest[(ampersand + 1)...]
            guard let end = rest.prefix(12).firstIndex(of: UInt8(ascii: ";")),
                let scalar = reference(String(decoding: rest[..<end], as: UTF8.self))
            else {
                result += "&"
                continue
            }
            result.unicodeScalars.append(scalar)
            rest = rest[(end + 1)...]
        }
        return result + String(decoding: rest, as: UTF8.self)
    }

    private static func reference(_ name: String) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        case "nbsp": return " "
        default:
            guard name.hasPrefix("#") else { return nil }
            let isHex = name.hasPrefix("#x") || name.hasPrefix("#X")
            return UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10).flatMap(Unicode.Scalar.init)
        }
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
