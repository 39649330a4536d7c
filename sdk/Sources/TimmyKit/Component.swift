/// Discord's message components (V2), as far as cards need them.
public indirect enum Component: Sendable {
    public enum Style: Int, Sendable { case primary = 1, secondary, success, danger }

    /// Markdown.
    case text(String)
    /// Text with a picture beside it.
    case section(text: String, picture: String)
    case separator
    case container(accent: Int?, [Component])
    case row([Component])
    case button(id: String, label: String, style: Style = .secondary, emoji: String? = nil, disabled: Bool = false)

    static func json(_ components: [Component]) -> String { "[" + components.map(\.json).joined(separator: ",") + "]" }

    private var json: String {
        switch self {
        case .text(let text): #"{"type":10,"content":\#(Self.quoted(text))}"#
        case .section(let text, let picture):
            #"{"type":9,"components":[{"type":10,"content":\#(Self.quoted(text))}],"accessory":{"type":11,"media":{"url":\#(Self.quoted(picture))}}}"#
        case .separator: #"{"type":14,"divider":true,"spacing":1}"#
        case .container(let accent, let parts):
            #"{"type":17,\#(accent.map { #""accent_color":\#($0),"# } ?? "")"components":\#(Self.json(parts))}"#
        case .row(let parts): #"{"type":1,"components":\#(Self.json(parts))}"#
        case .button(let id, let label, let style, let emoji, let disabled):
            #"{"type":2,"style":\#(style.rawValue),"custom_id":\#(Self.quoted(id)),"label":\#(Self.quoted(label)),"disabled":\#(disabled)\#(emoji.map { #","emoji":{"name":\#(Self.quoted($0))}"# } ?? "")}"#
        }
    }

    /// RFC 8259 string.
    static func quoted(_ text: String) -> String {
        var result = "\""
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
        return result + "\""
    }

    /// `text` with what markdown would take for its own made harmless: for titles that strangers wrote.
    public static func plain(_ text: String) -> String {
        String(text.flatMap { "\\*_~`|>#[]()<@-:".contains($0) ? ["\\", $0] : [$0] })
    }
}
