import CTimmyBot

/// A slash command that a plugin offers, with all that its registration needs.
public struct PluginCommand: Sendable {
    /// What an id stands for.
    public enum Entity: Sendable, Equatable { case user, role, userOrRole, channel }

    public struct Parameter: Sendable, Equatable {
        public let name, text: String
        /// A `TB_T_*` without the optional bit.
        public let type: Int32
        /// Of ids only.
        public let entity: Entity
        public let isOptional, hasAutocomplete: Bool
        /// Of a number, or of a text's length in characters.
        public let bounds: ClosedRange<Int64>?
        public let choices: [PluginChoice]
    }

    public let plugin, name, text: String
    public let permissions: UInt64
    /// Only the caller sees the answer, also while it is deferred.
    public let isPrivate: Bool
    /// Only who runs the bot may call it.
    public let isOwnerOnly: Bool
    public let parameters: [Parameter]
    let instance: PluginInstance
    /// Index of the row in the plugin's table, which lives as long as the process.
    let row: Int
    let types: [Int32]
    let typed: TypedCall?
}

/// A plugin's table of commands, checked against Discord's rules before anybody can call them.
extension PluginHost {
    /// Commands of the host itself, which no plugin may offer.
    public static let reservedCommands: Set<String> = ["plugins"]
    /// Names, descriptions and choices of one command together.
    static let maximumText = 8_000
    /// The bits that Discord's description of commands allows.
    static let permissions: UInt64 = (1 << 54) - 1

    func commands(of instance: PluginInstance) throws(PluginRefusal) -> [PluginCommand] {
        guard let table = instance.commandTable else { return [] }
        guard (0...100).contains(table.count), let items = table.items else {
            throw PluginRefusal("it has too many commands, or none")
        }
        var commands: [PluginCommand] = []
        for row in 0..<table.count {
            let command = try checked(items[row], row, instance)
            guard !Self.reservedCommands.contains(command.name) else {
                throw PluginRefusal("/\(command.name) is a command of the host")
            }
            guard !commands.contains(where: { $0.name == command.name }) else {
                throw PluginRefusal("it has /\(command.name) twice")
            }
            commands.append(command)
        }
        return commands
    }

    private func checked(_ raw: tb_command_v1, _ row: Int, _ instance: PluginInstance) throws(PluginRefusal)
        -> PluginCommand
    {
        guard let name = raw.name.copied(limit: 128), Self.isName(name) else {
            throw PluginRefusal("command \(row + 1) has a name that Discord does not take")
        }
        guard let text = raw.text.copied(limit: 400), (1...100).contains(text.utf16.count) else {
            throw PluginRefusal("/\(name) needs a description of 1 to 100 characters")
        }
        guard raw.permissions <= Self.permissions else {
            throw PluginRefusal("/\(name) asks for permissions that Discord does not have")
        }
        guard raw.param_count <= 25 else { throw PluginRefusal("/\(name) has more than 25 options") }
        guard raw.handler != nil || raw.invoke != nil else { throw PluginRefusal("/\(name) has nothing to call") }
        var parameters: [PluginCommand.Parameter] = [], types: [Int32] = []
        for index in 0..<Int(raw.param_count) {
            guard let parameter = raw.params.map({ $0[index] }) else {
                throw PluginRefusal("/\(name) lacks its options")
            }
            parameters.append(try ParameterCheck(command: name).parameter(parameter))
            types.append(parameter.type)
        }
        guard Set(parameters.map(\.name)).count == parameters.count else {
            throw PluginRefusal("/\(name) has an option twice")
        }
        let size = parameters.reduce(name.count + text.count) { $0 + $1.size }
        guard size <= Self.maximumText else {
            throw PluginRefusal("/\(name) has more than \(Self.maximumText) characters of text")
        }
        return PluginCommand(
            plugin: instance.id, name: name, text: text, permissions: raw.permissions,
            isPrivate: raw.flags & TB_COMMAND_PRIVATE != 0, isOwnerOnly: raw.flags & TB_COMMAND_OWNER != 0,
            parameters: parameters, instance: instance, row: row, types: types,
            typed: raw.handler == nil ? nil : TypedCall(types))
    }

    /// Discord's rule for names of commands and options, narrowed to ASCII.
    static func isName(_ name: String) -> Bool {
        (1...32).contains(name.utf8.count)
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
    }
}

extension PluginCommand.Parameter {
    fileprivate var size: Int { choices.reduce(name.count + text.count) { $0 + $1.name.count + $1.value.count } }
}

/// One option against Discord's rules.
private struct ParameterCheck {
    let command: String

    /// Integers that JSON readers everywhere agree on.
    private static let integers: ClosedRange<Int64> = -(1 << 53)...(1 << 53)
    private static let lengths: ClosedRange<Int64> = 0...6_000

    func parameter(_ raw: tb_param_v1) throws(PluginRefusal) -> PluginCommand.Parameter {
        guard let name = raw.name.copied(limit: 128), PluginHost.isName(name), let text = raw.text.copied(limit: 400),
            (1...100).contains(text.utf16.count)
        else { throw PluginRefusal("/\(command) has an option whose name or description Discord does not take") }
        func refused(_ why: String) -> PluginRefusal { PluginRefusal("/\(command) \(name) \(why)") }
        let type = raw.type & ~TB_T_OPT
        guard (TB_T_STR...TB_T_ID).contains(type) else { throw refused("has an unknown type") }
        guard raw.type != TB_T_STR | TB_T_OPT else { throw refused("is a text, and those say TB_PARAM_OPTIONAL") }
        guard let entity = entity(raw.flags, type) else { throw refused("says oddly whose id it is") }
        let choices = try choices(raw, type, refused)
        let isTyped = raw.flags & TB_PARAM_AUTOCOMPLETE != 0
        guard !isTyped || (type <= TB_T_NUM && choices.isEmpty) else { throw refused("cannot have autocomplete") }
        return PluginCommand.Parameter(
            name: name, text: text, type: type, entity: entity,
            isOptional: raw.type & TB_T_OPT != 0 || raw.flags & TB_PARAM_OPTIONAL != 0, hasAutocomplete: isTyped,
            bounds: try bounds(raw, type, refused), choices: choices)
    }

    private func entity(_ flags: UInt32, _ type: Int32) -> PluginCommand.Entity? {
        let given = flags & (TB_PARAM_USER | TB_PARAM_ROLE | TB_PARAM_CHANNEL)
        guard given == 0 || type == TB_T_ID else { return nil }
        switch given {
        case 0, TB_PARAM_USER | TB_PARAM_ROLE: return .userOrRole
        case TB_PARAM_USER: return .user
        case TB_PARAM_ROLE: return .role
        case TB_PARAM_CHANNEL: return .channel
        default: return nil
        }
    }

    private func bounds(_ raw: tb_param_v1, _ type: Int32, _ refused: (String) -> PluginRefusal) throws(PluginRefusal)
        -> ClosedRange<Int64>?
    {
        guard raw.flags & TB_PARAM_BOUNDED != 0 else { return nil }
        let legal = type == TB_T_STR ? Self.lengths : Self.integers
        guard raw.min <= raw.max, legal.contains(raw.min), legal.contains(raw.max), type <= TB_T_NUM,
            type != TB_T_STR || raw.max > 0
        else { throw refused("has bounds that Discord does not take") }
        return raw.min...raw.max
    }

    private func choices(_ raw: tb_param_v1, _ type: Int32, _ refused: (String) -> PluginRefusal) throws(PluginRefusal)
        -> [PluginChoice]
    {
        guard (0...25).contains(raw.choice_count) else { throw refused("has more than 25 choices") }
        guard let start = raw.choices, raw.choice_count > 0 else { return [] }
        guard type <= TB_T_NUM else { throw refused("cannot have choices") }
        var choices: [PluginChoice] = []
        for choice in UnsafeBufferPointer(start: start, count: raw.choice_count) {
            guard let name = choice.name.copied(limit: 400), let value = choice.value.copied(limit: 400) else {
                throw refused("has a choice that is not text")
            }
            guard (1...100).contains(name.utf16.count), value.utf16.count <= 100,
                !choices.contains(where: { $0.name == name })
            else { throw refused("has a choice that Discord does not take: \(name.prefix(40))") }
            let choice = PluginChoice(name: name, value: value)
            guard choice.fits(type) else { throw refused("has a choice that is no number: \(name.prefix(40))") }
            choices.append(choice)
        }
        return choices
    }
}

extension PluginChoice {
    /// The value as a number that Discord takes, nil where it is none.
    public var integer: Int64? { Int64(value).flatMap { (-(1 << 53)...(1 << 53)).contains($0) ? $0 : nil } }
    public var number: Double? { Double(value).flatMap { $0.isFinite && abs($0) <= 0x1p53 ? $0 : nil } }

    fileprivate func fits(_ type: Int32) -> Bool {
        type == TB_T_STR || (type == TB_T_INT ? integer != nil : number != nil)
    }
}
