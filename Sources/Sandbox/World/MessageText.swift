import DiscordModel

/// What a person reads in a message, as plain lines: content, texts and buttons of its components, attached files.
public enum MessageText {
    private static let maximumDepth = 8

    /// - Parameter message: a message, or a modal, as Discord has it.
    public static func lines(_ message: JSONValue) -> [String] {
        let texts = [message["content"]?.string, message["title"]?.string].compactMap { $0 }.filter { !$0.isEmpty }
        let files = (message["attachments"]?.array ?? []).compactMap { $0["filename"]?.string }.map { "(file \($0))" }
        return (texts + components(message["components"], 0) + files)
            .flatMap { $0.split(separator: "\n").map(String.init) }
    }

    private static func components(_ value: JSONValue?, _ depth: Int) -> [String] {
        guard depth < maximumDepth else { return [] }
        return (value?.array ?? []).flatMap { component -> [String] in
            var lines: [String] = []
            if let text = component["content"]?.string { lines.append(text) }
            lines += components(component["components"], depth + 1)
            lines += components(component["component"].map { .array([$0]) }, depth + 1)
            lines += components(component["accessory"].map { .array([$0]) }, depth + 1)
            if let label = component["label"]?.string { lines.append("[\(label)]") }
            return row(component, lines)
        }
    }

    /// Buttons of a row (type 1) are beside each other.
    private static func row(_ component: JSONValue, _ lines: [String]) -> [String] {
        component["type"]?.int == 1 && !lines.isEmpty ? [lines.joined(separator: " ")] : lines
    }
}
