import DiscordModel

/// What a user's client makes sure of before it sends a command: that its options are those of the registered command, of
/// their types and within their bounds. Source: Discord, "Application Commands".
enum OptionRules {
    /// - Parameters:
    ///   - options: as a client sends them: name, type, value, or options of a subcommand.
    ///   - command: as it is registered.
    ///   - isTyping: an autocomplete, in which the focused option may be anything and others may be missing yet.
    static func check(_ options: [JSONValue], of command: JSONValue, isTyping: Bool = false) throws(SandboxError) {
        let described = command["options"]?.present?.array ?? []
        var given: Set<String> = []
        for option in options {
            let name = option["name"]?.string ?? ""
            guard let known = described.first(where: { $0["name"]?.string == name }), given.insert(name).inserted else {
                throw SandboxError("invalid_option", "there is no option \(name), or it is there twice")
            }
            try check(option, known, name, isTyping: isTyping)
        }
        guard !isTyping else { return }
        for known in described where known["required"]?.bool == true {
            let name = known["name"]?.string ?? ""
            guard given.contains(name) else { throw SandboxError("missing_option", "\(name) is needed") }
        }
    }

    private static func check(
        _ option: JSONValue, _ known: JSONValue, _ name: String, isTyping: Bool
    ) throws(SandboxError) {
        guard let type = known["type"]?.int, option["type"]?.int == type else {
            throw SandboxError("invalid_option", "\(name) is of another type")
        }
        guard type > 2 else {
            return try check(option["options"]?.present?.array ?? [], of: known, isTyping: isTyping)
        }
        if isTyping, option["focused"]?.bool == true { return }
        guard let value = option["value"], isOf(type, value) else {
            throw SandboxError("invalid_option", "\(name): that does not fit")
        }
        let choices = known["choices"]?.present?.array ?? []
        guard choices.isEmpty || choices.contains(where: { $0["value"] == value }) else {
            throw SandboxError("invalid_option", "\(name): that is none of the choices")
        }
        try checkBounds(value, known, name)
    }

    private static func isOf(_ type: Int64, _ value: JSONValue) -> Bool {
        switch type {
        case 3: value.string != nil
        // Whole numbers that a double holds.
        case 4: value.int.map { (-(1 << 53)...(1 << 53)).contains($0) } ?? false
        case 5: value.bool != nil
        case 6...9, 11: value.snowflake != nil
        case 10: number(value).map { abs($0) <= 9_007_199_254_740_992 } ?? false
        default: false
        }
    }

    private static func checkBounds(_ value: JSONValue, _ known: JSONValue, _ name: String) throws(SandboxError) {
        let size: Double?, least: String, most: String
        if let text = value.string {
            (size, least, most) = (Double(text.utf16.count), "min_length", "max_length")
            guard text.utf16.count <= 6000 else { throw SandboxError("invalid_option", "\(name): that is too long") }
        } else {
            (size, least, most) = (number(value), "min_value", "max_value")
        }
        guard let size else { return }
        if let bound = known[least].flatMap(number), size < bound {
            throw SandboxError("invalid_option", "\(name): that is too little")
        }
        if let bound = known[most].flatMap(number), size > bound {
            throw SandboxError("invalid_option", "\(name): that is too much")
        }
    }

    private static func number(_ value: JSONValue) -> Double? {
        switch value {
        case .int(let whole): Double(whole)
        case .double(let broken): broken
        default: nil
        }
    }
}
