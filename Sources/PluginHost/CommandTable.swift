import CTimmyBot

/// A slash command that a plugin offers, with all that its registration needs.
public struct PluginCommand: Sendable {
    public struct Parameter: Sendable, Equatable {
        public let name, text: String
        /// A `TB_T_*` without the optional bit.
        public let type: Int32
        public let isOptional, hasAutocomplete: Bool
        public let bounds: ClosedRange<Int64>?
        public let choices: [PluginChoice]
    }

    public let plugin, name, text: String
    public let permissions: UInt64
    public let parameters: [Parameter]
    let instance: PluginInstance
    /// Index of the row in the plugin's table, which lives as long as the process.
    let row: Int
    let types: [Int32]
    let typed: TypedCall?
}

/// A plugin's table of commands, checked against Discord's rules before anybody can call them.
extension PluginHost {
    func commands(of instance: PluginInstance) throws(PluginRefusal) -> [PluginCommand] {
        guard let table = instance.extensionTable(TB_EXT_COMMANDS, as: tb_commands_v1.self)?.pointee else { return [] }
        guard table.count <= 100, let items = table.items else {
            throw PluginRefusal("it has too many commands, or none")
        }
        var commands: [PluginCommand] = []
        for row in 0..<table.count { commands.append(try checked(items[row], row, instance)) }
        return commands
    }

    private func checked(_ raw: tb_command_v1, _ row: Int, _ instance: PluginInstance) throws(PluginRefusal)
        -> PluginCommand
    {
        guard let name = raw.name.copied(limit: 128), Self.isName(name) else {
            throw PluginRefusal("command \(row + 1) has a name that Discord does not take")
        }
        guard let text = raw.text.copied(limit: 400), (1...100).contains(text.count) else {
            throw PluginRefusal("/\(name) needs a description of 1 to 100 characters")
        }
        guard raw.param_count <= 25 else { throw PluginRefusal("/\(name) has more than 25 options") }
        guard raw.handler != nil || raw.invoke != nil else { throw PluginRefusal("/\(name) has nothing to call") }
        var parameters: [PluginCommand.Parameter] = [], types: [Int32] = []
        for index in 0..<Int(raw.param_count) {
            guard let parameter = raw.params.map({ $0[index] }) else {
                throw PluginRefusal("/\(name) lacks its options")
            }
            parameters.append(try self.parameter(parameter, of: name))
            types.append(parameter.type)
        }
        return PluginCommand(
            plugin: instance.id, name: name, text: text, permissions: raw.permissions, parameters: parameters,
            instance: instance, row: row, types: types, typed: raw.handler == nil ? nil : TypedCall(types))
    }

    private func parameter(_ raw: tb_param_v1, of command: String) throws(PluginRefusal) -> PluginCommand.Parameter {
        guard let name = raw.name.copied(limit: 128), Self.isName(name), let text = raw.text.copied(limit: 400),
            (1...100).contains(text.count)
        else { throw PluginRefusal("/\(command) has an option whose name or description Discord does not take") }
        let type = raw.type & ~TB_T_OPT
        guard (TB_T_STR...TB_T_ID).contains(type) else {
            throw PluginRefusal("/\(command) \(name) has an unknown type")
        }
        guard raw.choice_count <= 25 else { throw PluginRefusal("/\(command) \(name) has more than 25 choices") }
        let choices = UnsafeBufferPointer(start: raw.choices, count: raw.choices == nil ? 0 : raw.choice_count)
            .compactMap { choice -> PluginChoice? in
                guard let name = choice.name.copied(limit: 400), let value = choice.value.copied(limit: 400) else {
                    return nil
                }
                return PluginChoice(name: name, value: value)
            }
        guard choices.count == raw.choice_count || raw.choices == nil else {
            throw PluginRefusal("/\(command) \(name) has a choice that is not text")
        }
        let isOptional = raw.type & TB_T_OPT != 0 || raw.flags & TB_PARAM_OPTIONAL != 0
        let bounded = raw.flags & TB_PARAM_BOUNDED != 0 && raw.min <= raw.max
        return PluginCommand.Parameter(
            name: name, text: text, type: type, isOptional: isOptional,
            hasAutocomplete: raw.flags & TB_PARAM_AUTOCOMPLETE != 0, bounds: bounded ? raw.min...raw.max : nil,
            choices: choices)
    }

    /// Discord's rule for names of commands and options, narrowed to ASCII.
    static func isName(_ name: String) -> Bool {
        (1...32).contains(name.utf8.count)
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
    }
}
