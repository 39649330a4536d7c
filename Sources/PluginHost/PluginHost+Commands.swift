import CTimmyBot

/// Commands, components and autocomplete.
extension PluginHost {
    static let commandDeadline = Duration.seconds(60)
    static let autocompleteDeadline = Duration.milliseconds(2_000)

    /// Calls a slash command and waits for its answer.
    /// - Parameter channel: who waits, where that is Discord.
    public func invoke(
        _ name: String, _ call: PluginInvocation, _ arguments: [String: PluginValue],
        channel: (any AnswerChannel)? = nil
    ) async throws(PluginFailure) -> PluginAnswer {
        guard let command = command(name) else {
            throw PluginFailure(
                code: TB_E_NOT_FOUND, userText: "This command is gone.", detail: "no plugin has /\(name)")
        }
        // Discord goes on offering what it was told for a while after a command has changed: not the plugin's fault.
        if let odd = command.parameters.first(where: { !$0.takes(arguments[$0.name]) }) {
            throw PluginFailure(
                code: TB_E_INVALID, userText: "This command has changed. Please try again in a moment.",
                detail: "/\(name): \(odd.name) is missing or of another kind")
        }
        let outcome = await ask(command.instance, channel) { instance, task in
            command.run(instance, task, call, arguments)
        }
        if cameTooLate(outcome, for: command.instance) {
            return try await invoke(name, call, arguments, channel: channel)
        }
        return try Self.answer(outcome)
    }

    /// A button or select; `customID` is without the host's prefix.
    public func component(
        plugin: String, customID: String, values: [String], _ call: PluginInvocation,
        channel: (any AnswerChannel)? = nil
    ) async throws(PluginFailure) -> PluginAnswer {
        guard let instance = current(plugin), let handler = instance.commandTable?.component else {
            throw PluginFailure(
                code: TB_E_NOT_FOUND, userText: "This button does nothing any more.", detail: "no component handler")
        }
        let outcome = await ask(instance, channel) { instance, task in
            let lent = Lent()
            var raw = lent.invocation(call, command: customID)
            return withExtendedLifetime(lent) {
                handler(instance, task, &raw, lent.array(values.map { lent.string($0) }), values.count)
            }
        }
        return try Self.answer(outcome)
    }

    /// A modal that was sent off; `customID` is without the host's prefix.
    public func modal(
        plugin: String, customID: String, fields: [PluginField], _ call: PluginInvocation,
        channel: (any AnswerChannel)? = nil
    ) async throws(PluginFailure) -> PluginAnswer {
        guard let instance = current(plugin), let handler = instance.commandTable?.modal else {
            throw PluginFailure(
                code: TB_E_NOT_FOUND, userText: "This form does nothing any more.", detail: "no modal handler")
        }
        let outcome = await ask(instance, channel) { instance, task in
            let lent = Lent()
            var raw = lent.invocation(call, command: customID)
            let list = fields.map {
                tb_field_v1(custom_id: lent.string($0.customID), value: lent.string($0.value))
            }
            return withExtendedLifetime(lent) { handler(instance, task, &raw, lent.array(list), list.count) }
        }
        return try Self.answer(outcome)
    }

    private func ask(
        _ instance: PluginInstance, _ channel: (any AnswerChannel)?,
        _ body: @escaping @Sendable (UnsafeMutableRawPointer?, tb_task) -> tb_status
    ) async -> TaskOutcome {
        await run(
            instance, .command, deadline: Self.commandDeadline, channel: channel, hint: instance.commandHint, body)
    }

    /// Suggestions for a focused option; empty where the plugin has none or is late.
    public func autocomplete(
        _ name: String, option: String, text: String, _ call: PluginInvocation
    ) async -> [PluginChoice] {
        guard let command = command(name), let handler = command.instance.commandTable?.autocomplete else { return [] }
        let outcome = await run(
            command.instance, .autocomplete, deadline: Self.autocompleteDeadline, hint: command.instance.commandHint
        ) { instance, task in
            let lent = Lent()
            var raw = lent.invocation(call, command: name)
            return withExtendedLifetime(lent) { handler(instance, task, &raw, lent.string(option), lent.string(text)) }
        }
        if case .choices(let choices) = outcome { return choices }
        return []
    }

    private static func answer(_ outcome: TaskOutcome) throws(PluginFailure) -> PluginAnswer {
        switch outcome {
        case .reply(let reply): return .message(reply)
        case .modal(let json): return .modal(json: json)
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "the plugin settled a command with something else")
        }
    }
}

extension PluginInstance {
    var commandTable: tb_commands_v1? { extensionTable(TB_EXT_COMMANDS, as: tb_commands_v1.self)?.pointee }

    fileprivate var commandHint: InstanceHint? { instanceHint(commandTable?.cancel ?? nil) }
}

extension PluginCommand {
    /// On the lane.
    func run(
        _ instance: UnsafeMutableRawPointer?, _ task: tb_task, _ call: PluginInvocation,
        _ arguments: [String: PluginValue]
    ) -> tb_status {
        guard let raw = self.instance.commandTable?.items?[row]
        else {
            return TB_E_INTERNAL
        }
        Breadcrumb.detail("/\(name)")
        let lent = Lent()
        let values = parameters.map { Self.value(arguments[$0.name], $0, lent) }
        var invocation = lent.invocation(call, command: name)
        return withExtendedLifetime(lent) {
            if let handler = raw.handler, let typed { return typed.call(handler, instance, task, &invocation, values) }
            return raw.invoke?(instance, task, &invocation, lent.array(values), values.count) ?? TB_E_UNSUPPORTED
        }
    }

    /// Of what the parameter takes.
    private static func value(_ given: PluginValue?, _ parameter: Parameter, _ lent: Lent) -> tb_value_v1 {
        var value = tb_value_v1(type: parameter.type, present: 0, i: 0, f: 0, s: tb_str(ptr: nil, len: 0))
        guard let given else { return value }
        value.present = 1
        switch given {
        case .string(let text): value.s = lent.string(text)
        case .number(let number): value.f = number
        case .integer(let number) where parameter.type == TB_T_NUM: value.f = Double(number)
        case .integer(let number): value.i = number
        }
        return value
    }
}

extension PluginCommand.Parameter {
    /// False where a required value is missing, or one is of the wrong kind.
    fileprivate func takes(_ value: PluginValue?) -> Bool {
        switch value {
        case nil: isOptional
        case .string: type == TB_T_STR
        case .number: type == TB_T_NUM
        case .integer: type != TB_T_STR
        }
    }
}
