import CTimmyBot
import DiscordModel
import PluginHost

extension PluginCommand {
    /// The command as Discord's bulk overwrite takes it.
    var registration: JSONValue {
        let required = parameters.filter { !$0.isOptional }, optional = parameters.filter(\.isOptional)
        var members: [String: JSONValue] = [
            "name": .string(name), "description": .string(text), "type": 1,
            "options": .array((required + optional).map(\.registration)),
            // Guilds only: a queue belongs to a guild.
            "contexts": [0], "integration_types": [0],
        ]
        // What only the bot's owner may call is not shown to everybody. A number in requests, a string in answers.
        if permissions != 0 || isOwnerOnly {
            members["default_member_permissions"] = .int(Int64(clamping: permissions))
        }
        return .object(members)
    }
}

extension PluginCommand.Parameter {
    /// Discord's option types.
    private var discordType: Int64 {
        switch (type, entity) {
        case (TB_T_INT, _): 4
        case (TB_T_BOOL, _): 5
        case (TB_T_ID, .user): 6
        case (TB_T_ID, .channel): 7
        case (TB_T_ID, .role): 8
        case (TB_T_ID, .userOrRole): 9
        case (TB_T_NUM, _): 10
        default: 3
        }
    }

    fileprivate var registration: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name), "description": .string(text), "type": .int(discordType),
            "required": .bool(!isOptional),
        ]
        if hasAutocomplete { members["autocomplete"] = true }
        if let bounds, type == TB_T_STR {
            members["min_length"] = .int(bounds.lowerBound)
            members["max_length"] = .int(bounds.upperBound)
        } else if let bounds {
            members["min_value"] = .int(bounds.lowerBound)
            members["max_value"] = .int(bounds.upperBound)
        }
        if !choices.isEmpty { members["choices"] = .array(choices.compactMap { $0.wire(type) }) }
        return .object(members)
    }
}

extension PluginChoice {
    /// Discord takes no empty choice values; a blank stands for one on the wire.
    static let empty = "-"

    /// The choice as Discord takes it for an option of a `TB_T_*`; nil for a number that is none.
    func wire(_ type: Int32) -> JSONValue? {
        let value: JSONValue? =
            switch type {
            case TB_T_INT: integer.map(JSONValue.int)
            case TB_T_NUM: number.map(JSONValue.double)
            default: .string(self.value.isEmpty ? Self.empty : self.value)
            }
        return value.map { ["name": .string(name), "value": $0] }
    }
}
