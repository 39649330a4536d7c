/// A form that `Call.show` opens. What the user sends off comes to the plugin's `modal`, with `call.fields` by custom_id.
public struct Modal: Sendable {
    public struct Field: Sendable {
        let label: String
        let description: String?
        let content: JSON

        /// A line of text, or several.
        ///
        /// - Parameters:
        ///   - label: up to 45 characters.
        ///   - length: in characters, within 0...4000.
        public static func text(
            id: String, _ label: String, description: String? = nil, placeholder: String? = nil, value: String? = nil,
            multiline: Bool = false, required: Bool = true, length: ClosedRange<Int> = 0...4000
        ) -> Field {
            var members: [String: JSON] = [
                "type": 4, "custom_id": .string(id), "style": multiline ? 2 : 1, "required": .bool(required),
                "min_length": .integer(Int64(length.lowerBound)),
                "max_length": .integer(Int64(max(1, length.upperBound))),
            ]
            members["placeholder"] = placeholder.map(JSON.string)
            members["value"] = value.map(JSON.string)
            return Field(label: label, description: description, content: .object(members))
        }

        /// A drop-down list; of several chosen values the field has a line each.
        public static func select(_ select: Select, _ label: String, description: String? = nil) -> Field {
            Field(label: label, description: description, content: select.json)
        }

        /// Labels are Discord's type 18; text inputs in plain rows are deprecated.
        var json: JSON {
            JSON.members(
                ["type": 18, "label": .string(label), "component": content], "description", description.map(JSON.string)
            )
        }
    }

    public let id, title: String
    public let fields: [Field]

    /// - Parameters:
    ///   - title: up to 45 characters.
    ///   - fields: one to five.
    public init(id: String, title: String, _ fields: Field...) {
        self.id = id
        self.title = title
        self.fields = fields
    }

    var json: JSON {
        ["custom_id": .string(id), "title": .string(title), "components": .array(fields.map(\.json))]
    }
}
