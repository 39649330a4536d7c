import DiscordModel

/// What Discord checks of application commands. Source: Discord, "Application Commands".
enum CommandRules {
    static func check(_ commands: [JSONValue]) -> FormErrors {
        var errors = FormErrors()
        if commands.count > 100 {
            errors.add([], "APPLICATION_COMMANDS_MAX", "Maximum number of application commands reached (100).")
        }
        var names: Set<JSONValue> = []
        for (index, command) in commands.prefix(200).enumerated() {
            let path = [String(index)]
            check(command, path, &errors)
            let name: JSONValue = [command["name"] ?? nil, command["type"] ?? 1]
            if !names.insert(name).inserted {
                errors.add(
                    path + ["name"], "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
            }
        }
        return errors
    }

    static func check(_ command: JSONValue, _ path: [String], _ errors: inout FormErrors) {
        let type = command["type"]?.present?.int ?? 1
        errors.length(path + ["name"], command["name"]?.string, 1...32)
        guard type == 1 else {
            if let text = command["description"]?.string, !text.isEmpty {
                errors.add(
                    path + ["description"], "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_CANNOT_BE_SET",
                    "Context menu commands cannot have description")
            }
            return
        }
        checkName(command["name"]?.string, path, &errors)
        errors.length(path + ["description"], command["description"]?.string, 1...100)
        checkOptions(command["options"]?.present?.array ?? [], path + ["options"], &errors)
        if size(command) > 8000 {
            errors.add(path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)")
        }
    }

    private static func checkName(_ name: String?, _ path: [String], _ errors: inout FormErrors) {
        guard let name, !name.isEmpty else { return }
        let legal = name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == "'" }
        if !legal || name != name.lowercased() {
            errors.add(
                path + ["name"], "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        }
    }

    private static func checkOptions(_ options: [JSONValue], _ path: [String], _ errors: inout FormErrors) {
        errors.count(path, options.count, 0...25)
        var optionalSeen = false
        var names: Set<String> = []
        for (index, option) in options.prefix(30).enumerated() {
            let here = path + [String(index)]
            errors.length(here + ["name"], option["name"]?.string, 1...32)
            checkName(option["name"]?.string, here, &errors)
            errors.length(here + ["description"], option["description"]?.string, 1...100)
            if let name = option["name"]?.string, !names.insert(name).inserted {
                errors.add(here + ["name"], "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique")
            }
            let required = option["required"]?.bool ?? false
            if required && optionalSeen {
                errors.add(
                    here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                    "Required options must be placed before non-required options")
            }
            optionalSeen = optionalSeen || !required
            checkOption(option, here, &errors)
        }
    }

    private static func checkOption(_ option: JSONValue, _ path: [String], _ errors: inout FormErrors) {
        guard let type = option["type"]?.int, (1...11).contains(type) else {
            return errors.add(
                path + ["type"], "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}.")
        }
        let choices = option["choices"]?.present?.array ?? []
        errors.count(path + ["choices"], choices.count, 0...25)
        for (index, choice) in choices.prefix(30).enumerated() {
            errors.length(path + ["choices", String(index), "name"], choice["name"]?.string, 1...100)
            if type == 3 {
                errors.length(path + ["choices", String(index), "value"], choice["value"]?.string, 1...100)
            }
        }
        if option["autocomplete"]?.bool == true, !choices.isEmpty || ![3, 4, 10].contains(type) {
            errors.add(
                path + ["autocomplete"], "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID",
                "Autocomplete needs a text or number option without choices")
        }
        if type <= 2 { checkOptions(option["options"]?.present?.array ?? [], path + ["options"], &errors) }
    }

    /// Names, descriptions and values together may hold 8000 characters.
    private static func size(_ value: JSONValue) -> Int {
        let own = ["name", "description", "value"].reduce(0) { $0 + (value[$1]?.string?.count ?? 0) }
        return own
            + ["options", "choices"].reduce(0) { sum, key in
                sum + (value[key]?.present?.array ?? []).reduce(0) { $0 + size($1) }
            }
    }
}
