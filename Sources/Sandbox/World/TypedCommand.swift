import DiscordModel

/// A slash command as somebody types it: `/roll sides:6 text:two words`.
///
/// An option's value goes on to the next option of that command. An option that is not named takes the text before the
/// first one: `/play some song`.
public struct TypedCommand: Sendable, Equatable {
    public let name: String
    /// As Discord sends them: name, type, value.
    public let options: [JSONValue]

    /// Characters that are read.
    public static let maximumLength = 8_000

    /// - Parameters:
    ///   - text: with or without the slash.
    ///   - commands: what is registered, as Discord gives it.
    /// - Throws: `SandboxError` with a sentence about what does not fit.
    public init(_ text: String, among commands: [JSONValue]) throws {
        let line = text.prefix(Self.maximumLength).drop { $0 == "/" || $0.isWhitespace }
        name = String(line.prefix { !$0.isWhitespace })
        let known = commands.first { [name] in $0["name"]?.string == name && $0["type"]?.int ?? 1 == 1 }
        guard let known else { throw SandboxError("unknown_command", "there is no command /\(name)") }
        let described = known["options"]?.array ?? []
        var options: [JSONValue] = []
        for (key, value) in Self.split(line.dropFirst(name.count), described.compactMap { $0["name"]?.string }) {
            guard let option = key.isEmpty ? described.first : described.first(where: { $0["name"]?.string == key })
            else { throw SandboxError("unknown_option", "/\(name) has no options") }
            let title = option["name"]?.string ?? "", type = option["type"]?.int ?? 3
            guard let value = Self.value(value, type) else {
                throw SandboxError("invalid_option", "\(title): '\(value.prefix(60))' does not fit")
            }
            options.append(["name": .string(title), "type": .int(type), "value": value])
        }
        let given = Set(options.compactMap { $0["name"]?.string })
        guard given.count == options.count else { throw SandboxError("invalid_option", "an option is there twice") }
        for option in described where option["required"]?.bool == true {
            let name = option["name"]?.string ?? ""
            guard given.contains(name) else { throw SandboxError("missing_option", "/\(self.name) needs \(name):") }
        }
        self.options = options
    }

    /// Pairs of name and value; the name is empty for what comes before the first one.
    private static func split(_ text: Substring, _ names: [String]) -> [(String, String)] {
        var found: [(String, String)] = [("", "")]
        for word in text.split(whereSeparator: \.isWhitespace) {
            if let colon = word.firstIndex(of: ":"), names.contains(String(word[..<colon])) {
                found.append((String(word[..<colon]), String(word[word.index(after: colon)...])))
            } else {
                let before = found[found.count - 1].1
                found[found.count - 1].1 = before.isEmpty ? String(word) : "\(before) \(word)"
            }
        }
        return found.filter { !($0.0.isEmpty && $0.1.isEmpty) }
    }

    /// Types as of Discord's application command options; nil where the text is none of that type.
    private static func value(_ text: String, _ type: Int64) -> JSONValue? {
        switch type {
        case 3: .string(text)
        case 4: Int64(text).map { .int($0) }
        case 5: ["true": .bool(true), "false": .bool(false)][text.lowercased()]
        case 6...9: Snowflake(text).map { .id($0) }
        case 10: Double(text).flatMap { $0.isFinite ? .double($0) : nil }
        default: nil
        }
    }
}
