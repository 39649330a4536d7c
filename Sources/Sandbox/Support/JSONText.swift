import DiscordModel
import Foundation

/// JSON on the wire.
enum JSONText {
    static func encode(_ value: JSONValue) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        // A JSONValue holds nothing that JSON cannot say, save for infinite numbers, which nobody puts in.
        return (try? encoder.encode(value)).map(Array.init) ?? Array("null".utf8)
    }

    /// Nil where `bytes` are not JSON.
    static func decode(_ bytes: [UInt8]) -> JSONValue? {
        try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))
    }
}

extension JSONValue {
    static func id(_ id: Snowflake) -> JSONValue { .string(id.description) }
    static func id(_ id: Snowflake?) -> JSONValue { id.map { .string($0.description) } ?? .null }
    static func number(_ value: some BinaryInteger) -> JSONValue { .int(Int64(clamping: value)) }
    static func permissions(_ value: Permissions) -> JSONValue { .string(String(value.rawValue)) }

    /// Members of an object; empty for anything else.
    var members: [String: JSONValue] {
        guard case .object(let members) = self else { return [:] }
        return members
    }

    /// The value unless it is null.
    var present: JSONValue? { self == .null ? nil : self }

    /// The object with `members` put in.
    func merging(_ members: [String: JSONValue]) -> JSONValue {
        .object(self.members.merging(members) { $1 })
    }
}

/// Wall-clock times as Discord writes them.
enum Timestamp {
    static func now() -> String {
        Date().formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true)) + "Z"
    }

    static func of(_ id: Snowflake) -> String {
        let seconds = Double((id.rawValue >> 22) + 1_420_070_400_000) / 1000
        return Date(timeIntervalSince1970: seconds)
            .formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true)) + "Z"
    }
}

/// Makes ids as Discord does: milliseconds since 2015 and a counter.
struct SnowflakeSource {
    private var last: UInt64 = 0

    mutating func next() -> Snowflake {
        let milliseconds = UInt64(max(0, Date().timeIntervalSince1970 * 1000 - 1_420_070_400_000))
        last = max(last + 1, milliseconds << 22)
        return Snowflake(rawValue: last)
    }
}

enum RandomText {
    /// `count` characters of a-z and 0-9 from the system's random source.
    static func token(_ count: Int) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<count).map { _ in letters[Int.random(in: 0..<letters.count)] })
    }
}
