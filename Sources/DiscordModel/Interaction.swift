/// An interaction as the gateway delivers it, reduced to what a bot acts on. Source: Discord, "Interaction Object".
public struct Interaction: Sendable, Equatable {
    public let id: Snowflake
    public let applicationID: Snowflake
    public let type: Int
    /// Good for 15 minutes; never log it.
    public let token: String
    public let guildID: Snowflake?
    public let channelID: Snowflake?
    public let userID: Snowflake
    public let locale: String
    /// Name of a command, for commands and autocomplete.
    public let command: String?
    public let options: [Option]
    /// Of a component or a modal.
    public let customID: String?
    /// Chosen values of a select.
    public let values: [String]
    /// Fields of a modal in its order.
    public let fields: [Field]
    /// What the user may do in the channel, overwrites counted; none outside of guilds.
    public let permissions: Permissions

    /// One option as the user filled it in.
    public struct Option: Sendable, Equatable {
        public let name: String
        public let type: Int
        public let value: JSONValue
        public let focused: Bool
    }

    /// One field of a modal as the user filled it in.
    public struct Field: Sendable, Equatable {
        public let customID: String
        /// What was typed; of fields with several answers the chosen values, a line each.
        public let value: String

        public init(customID: String, value: String) {
            self.customID = customID
            self.value = value
        }
    }

    /// Nil where something that every interaction has is missing.
    public init?(_ data: JSONValue) {
        guard let id = data["id"]?.snowflake, let application = data["application_id"]?.snowflake,
            let type = data["type"]?.int, let token = data["token"]?.string, token.utf8.count <= 1024,
            let user = (data["member"]?["user"] ?? data["user"])?["id"]?.snowflake
        else { return nil }
        self.id = id
        applicationID = application
        self.type = Int(type)
        self.token = token
        guildID = data["guild_id"]?.snowflake
        channelID = data["channel_id"]?.snowflake ?? data["channel"]?["id"]?.snowflake
        userID = user
        locale = String((data["locale"]?.string ?? "en-US").prefix(16))
        let body = data["data"] ?? [:]
        command = body["name"]?.string.map { String($0.prefix(32)) }
        options = (body["options"]?.array ?? []).prefix(25).compactMap(Option.init)
        customID = body["custom_id"]?.string.map { String($0.prefix(Limits.customID)) }
        values = (body["values"]?.array ?? []).prefix(25).compactMap(\.string)
        fields = (body["components"]?.array ?? []).prefix(10).flatMap { part in
            (part["component"].map { [$0] } ?? part["components"]?.array ?? []).prefix(5).compactMap(Field.init)
        }
        permissions = Permissions(data["member"]?["permissions"]?.string) ?? []
    }
}

extension Interaction.Option {
    init?(_ data: JSONValue) {
        guard let name = data["name"]?.string, let type = data["type"]?.int else { return nil }
        self.name = name
        self.type = Int(type)
        value = data["value"] ?? .null
        focused = data["focused"]?.bool ?? false
    }
}

extension Interaction.Field {
    /// Longest text that a modal can carry, with room for a list of values.
    static let maximumValue = 4_000

    /// Text inputs and radio groups have a value, selects, files and checkbox groups values, a checkbox true or false.
    init?(_ data: JSONValue) {
        guard let id = data["custom_id"]?.string, id.utf16.count <= Limits.customID else { return nil }
        customID = id
        let several = data["values"]?.array?.prefix(25).compactMap(\.string).joined(separator: "\n")
        let flag = data["value"]?.bool.map { $0 ? "true" : "false" }
        value = String((data["value"]?.string ?? several ?? flag ?? "").prefix(Self.maximumValue))
    }
}
