import CTimmyBot
import DiscordModel
import PluginHost

extension PluginCommand {
    /// The command as Discord's bulk overwrite takes it.
    var registration: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name), "description": .string(text), "type": 1,
            "options": .array(parameters.sorted { !$0.isOptional && $1.isOptional }.map(\.registration)),
            // Guilds only: a queue belongs to a guild.
            "contexts": [0], "integration_types": [0],
        ]
        if permissions != 0 { members["default_member_permissions"] = .string(String(permissions)) }
        return .object(members)
    }
}

extension PluginCommand.Parameter {
    /// Discord's option types.
    private var discordType: Int64 {
        switch type {
        case TB_T_INT: 4
        case TB_T_BOOL: 5
        case TB_T_NUM: 10
        case TB_T_ID: 9
        default: 3
        }
    }

    fileprivate var registration: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name), "description": .string(text), "type": .int(discordType),
            "required": .bool(!isOptional),
        ]
        if hasAutocomplete { members["autocomplete"] = true }
        if let bounds, discordType == 4 || discordType == 10 {
            members["min_value"] = .int(bounds.lowerBound)
            members["max_value"] = .int(bounds.upperBound)
        }
        if !choices.isEmpty {
            members["choices"] = .array(
                choices.map { choice in
                    let value: JSONValue = discordType == 4 ? .int(Int64(choice.value) ?? 0) : .string(choice.wireValue)
                    return ["name": .string(choice.name), "value": value]
                })
        }
        return .object(members)
    }
}

extension PluginChoice {
    /// Discord takes no empty choice values; a blank stands for one on the wire.
    static let empty = "-"
    var wireValue: String { value.isEmpty ? Self.empty : value }
}
