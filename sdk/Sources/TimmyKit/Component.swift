/// Discord's message components (V2). Custom ids (up to 100 characters) are the plugin's own: what is pressed or chosen
/// comes to the plugin's `component`.
public indirect enum Component: Sendable {
    public enum Style: Int64, Sendable { case primary = 1, secondary, success, danger }

    /// Markdown.
    case text(String)
    /// Text with a picture beside it.
    case section(text: String, picture: String)
    /// Text with a button beside it.
    case sectionWithButton(text: String, button: Component)
    case separator
    case container(accent: Int?, [Component])
    /// Up to five buttons, or one select.
    case row([Component])
    case button(id: String, label: String, style: Style = .secondary, emoji: String? = nil, disabled: Bool = false)
    /// Opens an address.
    case link(url: String, label: String)
    case select(Select)
    /// One to ten pictures.
    case gallery([String])
    /// Anything else that Discord takes.
    case raw(JSON)

    public var json: JSON {
        switch self {
        case .text(let text): ["type": 10, "content": .string(text)]
        case .section(let text, let picture):
            [
                "type": 9, "components": [Component.text(text).json],
                "accessory": ["type": 11, "media": ["url": .string(picture)]],
            ]
        case .sectionWithButton(let text, let button):
            ["type": 9, "components": [Component.text(text).json], "accessory": button.json]
        case .separator: ["type": 14, "divider": true, "spacing": 1]
        case .container(let accent, let parts):
            JSON.members(
                ["type": 17, "components": .array(parts.map(\.json))], "accent_color",
                accent.map { .integer(Int64($0)) })
        case .row(let parts): ["type": 1, "components": .array(parts.map(\.json))]
        case .button(let id, let label, let style, let emoji, let disabled):
            JSON.members(
                [
                    "type": 2, "style": .integer(style.rawValue), "custom_id": .string(id), "label": .string(label),
                    "disabled": .bool(disabled),
                ], "emoji", emoji.map { ["name": .string($0)] })
        case .link(let url, let label): ["type": 2, "style": 5, "url": .string(url), "label": .string(label)]
        case .select(let select): select.json
        case .gallery(let pictures):
            ["type": 12, "items": .array(pictures.map { ["media": ["url": .string($0)]] })]
        case .raw(let json): json
        }
    }

    /// `text` with what markdown would take for its own made harmless: for titles that strangers wrote.
    public static func plain(_ text: String) -> String {
        String(text.flatMap { "\\*_~`|>#[]()<@-:".contains($0) ? ["\\", $0] : [$0] })
    }
}

extension JSON {
    /// `members`, and one more where it has a value.
    static func members(_ members: [String: JSON], _ name: String, _ value: JSON?) -> JSON {
        var members = members
        members[name] = value
        return .object(members)
    }
}

/// A drop-down list.
public struct Select: Sendable {
    public enum Kind: Sendable {
        /// Up to 25.
        case choices([Choice])
        case users, roles, mentionables, channels
    }

    public let id: String
    public let kind: Kind
    /// Shown while nothing is chosen.
    public var placeholder: String?
    /// How many may be chosen.
    public var count: ClosedRange<Int>

    public init(id: String, _ kind: Kind, placeholder: String? = nil, count: ClosedRange<Int> = 1...1) {
        self.id = id
        self.kind = kind
        self.placeholder = placeholder
        self.count = count
    }

    var json: JSON {
        let type: Int64
        var options: JSON?
        switch kind {
        case .choices(let choices):
            type = 3
            options = .array(choices.map { ["label": .string($0.name), "value": .string($0.value)] })
        case .users: type = 5
        case .roles: type = 6
        case .mentionables: type = 7
        case .channels: type = 8
        }
        var members: [String: JSON] = [
            "type": .integer(type), "custom_id": .string(id), "min_values": .integer(Int64(count.lowerBound)),
            "max_values": .integer(Int64(count.upperBound)),
        ]
        members["options"] = options
        members["placeholder"] = placeholder.map(JSON.string)
        return .object(members)
    }
}
