/// A JSON value (RFC 8259).
public enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits.
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    public var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }

    /// Whole numbers, also where they were written as 3.0 or 3e0.
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        default: nil
        }
    }

    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// A member of an object; nil for anything else.
    public subscript(_ key: String) -> JSON? { if case .object(let members) = self { members[key] } else { nil } }

    /// An element of an array; nil for anything else and past its end.
    public subscript(_ index: Int) -> JSON? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// The last of two members of one name counts.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
}

extension JSON: CustomStringConvertible {
    /// Compact JSON, members sorted by name: equal values have equal texts.
    public var text: String {
        var result = ""
        write(to: &result)
        return result
    }

    public var description: String { text }
    public var bytes: [UInt8] { Array(text.utf8) }

    private func write(to result: inout String) {
        switch self {
        case .null: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .integer(let value): result += String(value)
        // JSON has no infinity and no NaN.
        case .number(let value): result += value.isFinite ? String(value) : "null"
        case .string(let value): Self.quote(value, to: &result)
        case .array(let elements):
            Self.join("[", "]", elements, to: &result) { element, result in element.write(to: &result) }
        case .object(let members):
            Self.join("{", "}", members.sorted { $0.key < $1.key }, to: &result) { member, result in
                Self.quote(member.key, to: &result)
                result += ":"
                member.value.write(to: &result)
            }
        }
    }

    private static func join<Element>(
        _ opening: String, _ closing: String, _ elements: [Element], to result: inout String,
        _ write: (Element, inout String) -> Void
    ) {
        result += opening
        for (index, element) in elements.enumerated() {
            if index > 0 { result += "," }
            write(element, &result)
        }
        result += closing
    }

    private static func quote(_ text: String, to result: inout String) {
        result += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case let other where other.value < 32:
                result += "\\u00" + (other.value < 16 ? "0" : "") + String(other.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        result += "\""
    }
}
