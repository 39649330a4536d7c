import CTimmyBot

func commandTable(_ list: [Command], _ lender: Lender) -> tb_commands_v1 {
    tb_commands_v1(
        items: lender.lend(list.map { $0.row(lender) }), count: list.count, autocomplete: runtimeAutocomplete,
        component: runtimeComponent, modal: runtimeModal, cancel: runtimeCancel)
}

/// For every extension: the task is still settled, by what the cancelled Swift task throws.
let runtimeCancel: @convention(c) (UnsafeMutableRawPointer?, tb_task) -> Void = { context, task in
    Instance.of(context)?.host.ledger.cancel(task: task)
}

extension Command {
    /// Shapes that the host calls as plain C functions through libffi; others go through `invoke`.
    private var typedHandler: tb_fn? {
        switch parameters.map(\.type) {
        case []: unsafeBitCast(runtimeRun0, to: tb_fn.self)
        case [TB_T_STR]: unsafeBitCast(runtimeRunString, to: tb_fn.self)
        case [TB_T_INT]: unsafeBitCast(runtimeRunInteger, to: tb_fn.self)
        case [TB_T_INT, TB_T_INT]: unsafeBitCast(runtimeRunIntegers, to: tb_fn.self)
        default: nil
        }
    }

    fileprivate func row(_ lender: Lender) -> tb_command_v1 {
        tb_command_v1(
            name: lender.lend(name), text: lender.lend(text), permissions: permissions.rawValue,
            flags: (isPrivate ? TB_COMMAND_PRIVATE : 0) | (isForOwner ? TB_COMMAND_OWNER : 0),
            param_count: UInt32(parameters.count), params: lender.lend(parameters.map { $0.row(lender) }),
            handler: typedHandler, invoke: runtimeInvoke)
    }
}

private typealias Invocation = UnsafePointer<tb_invocation_v1>?

/// Copies what the host lent and starts `body`.
private func start(
    _ context: UnsafeMutableRawPointer?, _ task: tb_task, _ raw: Invocation, selected: [String] = [],
    fields: [String: String] = [:], _ body: @escaping @Sendable (Call) async throws -> Void
) -> tb_status {
    guard let instance = Instance.of(context), let raw else { return TB_E_INVALID }
    let place = CallContext(raw.pointee)
    return instance.start(task) { open in
        try await body(Call(instance: instance, context: place, task: open, selected: selected, fields: fields))
    }
}

private func run(
    _ context: UnsafeMutableRawPointer?, _ task: tb_task, _ raw: Invocation, _ values: [RawValue?]
) -> tb_status {
    start(context, task, raw) { call in
        guard let command = call.instance.tables.command(call.name) else {
            throw Failure(code: .notFound, detail: "no command \(call.name)")
        }
        try await command.run(call, values)
    }
}

private let runtimeRun0: @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation) -> tb_status = {
    context, task, raw in run(context, task, raw, [])
}
private let runtimeRunString:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, UnsafePointer<tb_str>?) -> tb_status = {
        context, task, raw, text in run(context, task, raw, [text.map { .string($0.pointee.string) }])
    }
private let runtimeRunInteger: @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, Int64) -> tb_status = {
    context, task, raw, value in run(context, task, raw, [.integer(value)])
}
private let runtimeRunIntegers:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, Int64, Int64) -> tb_status = {
        context, task, raw, first, second in run(context, task, raw, [.integer(first), .integer(second)])
    }
private let runtimeInvoke:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, UnsafePointer<tb_value_v1>?, Int) -> tb_status = {
        context, task, raw, values, count in
        run(
            context, task, raw,
            UnsafeBufferPointer(start: values, count: values == nil ? 0 : count).map { value in
                guard value.present != 0 else { return nil }
                switch value.type & ~TB_T_OPT {
                case TB_T_STR: return .string(value.s.string)
                case TB_T_NUM: return .number(value.f)
                default: return .integer(value.i)
                }
            })
    }

private let runtimeAutocomplete:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, tb_str, tb_str) -> tb_status = {
        context, task, raw, option, text in
        let option = option.string, typed = text.string
        return start(context, task, raw) { call in
            let parameters = call.instance.tables.command(call.name)?.parameters ?? []
            let suggest = parameters.first { $0.name == option }?.suggest
            try call.suggest(try await suggest?(call, typed) ?? [])
        }
    }

private let runtimeComponent:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, UnsafePointer<tb_str>?, Int) -> tb_status = {
        context, task, raw, values, count in
        let selected = UnsafeBufferPointer(start: values, count: values == nil ? 0 : count).map(\.string)
        return start(context, task, raw, selected: selected) { try await $0.instance.plugin.component($0) }
    }

private let runtimeModal:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, UnsafePointer<tb_field_v1>?, Int) -> tb_status = {
        context, task, raw, fields, count in
        let pairs = UnsafeBufferPointer(start: fields, count: fields == nil ? 0 : count).map { field in
            (field.custom_id.string, field.value.string)
        }
        let fields = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        return start(context, task, raw, fields: fields) { try await $0.instance.plugin.modal($0) }
    }
