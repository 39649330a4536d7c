import CTimmyBot
import Glibc
import Synchronization

/// What an author writes: an id, a version, and commands or a source.
public protocol Plugin: Sendable {
    /// Equal to the manifest's.
    static var id: String { get }
    static var version: String { get }
    static var commands: [Command] { get }
    /// Buttons and selects of this plugin's messages; `call.name` is the custom_id.
    static func component(_ call: Call) async throws
    /// - Parameter configuration: the plugin's settings as JSON.
    static func makeSource(_ host: Host, configuration: String) throws -> (any Source)?
}

extension Plugin {
    public static var commands: [Command] { [] }
    public static func component(_ call: Call) async throws {
        throw Failure(userText: "This button does nothing any more.")
    }
    public static func makeSource(_ host: Host, configuration: String) throws -> (any Source)? { nil }
}

/// What the entry symbol answers: `@_cdecl("timmybot_plugin_v1") public func entry() -> PluginTable { pluginTable(Mine.self) }`
public typealias PluginTable = UnsafePointer<tb_plugin_v1>

/// The plugin's table: made once, the same every time, alive as long as the process.
public func pluginTable(_ type: any Plugin.Type) -> PluginTable { Runtime.shared.table(type) }

/// The C side of a Swift plugin. One per `.so`, because every plugin carries its own copy of this kit.
///
/// `@unchecked Sendable`: written once under `lock`, before the host can call anything, and only read afterwards.
final class Runtime: @unchecked Sendable {
    static let shared = Runtime()

    private let lock = Mutex(false)
    private(set) var type: (any Plugin.Type)?
    private(set) var host: Host?
    private(set) var source: (any Source)?
    private(set) var commands: [String: Command] = [:]
    private var plugin: UnsafeMutablePointer<tb_plugin_v1>?
    private(set) var commandTable: UnsafeMutablePointer<tb_commands_v1>?
    private(set) var sourceTable: UnsafeMutablePointer<tb_source_v1>?
    /// Lends the strings of the static tables; never let go.
    private let lender = Lender()

    func table(_ type: any Plugin.Type) -> PluginTable {
        lock.withLock { _ in
            if let plugin { return PluginTable(plugin) }
            self.type = type
            let made = UnsafeMutablePointer<tb_plugin_v1>.allocate(capacity: 1)
            made.initialize(
                to: tb_plugin_v1(
                    magic: TB_PLUGIN_MAGIC, size: UInt32(MemoryLayout<tb_plugin_v1>.size), id: lender.lend(type.id),
                    version: lender.lend(type.version), create: runtimeCreate, stop: { _ in }, destroy: { _ in },
                    get_extension: runtimeExtension))
            makeTables(type)
            plugin = made
            return PluginTable(made)
        }
    }

    private func makeTables(_ type: any Plugin.Type) {
        let list = type.commands
        commands = Dictionary(list.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        let table = UnsafeMutablePointer<tb_commands_v1>.allocate(capacity: 1)
        table.initialize(
            to: tb_commands_v1(
                items: lender.lend(list.map { $0.row(lender) }), count: list.count, autocomplete: runtimeAutocomplete,
                component: runtimeComponent, modal: nil, cancel: nil))
        commandTable = table
        let sources = UnsafeMutablePointer<tb_source_v1>.allocate(capacity: 1)
        sources.initialize(
            to: tb_source_v1(
                match: runtimeMatch, resolve: runtimeResolve, open: runtimeOpen, artwork: runtimeArtwork, cancel: nil))
        sourceTable = sources
    }

    func create(_ host: Host, _ configuration: String) throws {
        self.host = host
        source = try type?.makeSource(host, configuration: configuration)
    }
}

// MARK: Plugin table

private let runtimeCreate:
    @convention(c) (
        UnsafePointer<tb_host_v1>?, tb_str, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> tb_status = { raw, configuration, out in
        guard let raw else { return TB_E_INVALID }
        let host = Host(raw)
        guard host.isComplete else { return TB_E_UNSUPPORTED }
        do {
            try Runtime.shared.create(host, configuration.string)
        } catch {
            host.log(.error, "\(error)")
            return (error as? Failure)?.code ?? TB_E_INTERNAL
        }
        out?.pointee = Unmanaged.passUnretained(Runtime.shared).toOpaque()
        return TB_OK
    }

private let runtimeExtension: @convention(c) (UnsafePointer<CChar>?) -> UnsafeRawPointer? = { id in
    guard let id else { return nil }
    if strcmp(id, TB_EXT_COMMANDS) == 0, !Runtime.shared.commands.isEmpty {
        return UnsafeRawPointer(Runtime.shared.commandTable)
    }
    if strcmp(id, TB_EXT_SOURCE) == 0, Runtime.shared.hasSource { return UnsafeRawPointer(Runtime.shared.sourceTable) }
    return nil
}

extension Runtime {
    /// Before `create` it is not known whether there is a source; a plugin without commands is one.
    var hasSource: Bool { source != nil || commands.isEmpty }
}

// MARK: Commands

extension Command {
    /// Shapes that the host calls as plain C functions through libffi; others go through `invoke`.
    private var typedHandler: tb_fn? {
        switch parameters.map(\.kind) {
        case []: unsafeBitCast(runtimeRun0, to: tb_fn.self)
        case [.string]: unsafeBitCast(runtimeRunString, to: tb_fn.self)
        case [.integer] where !parameters[0].isOptional: unsafeBitCast(runtimeRunInteger, to: tb_fn.self)
        case [.integer, .integer] where !parameters.contains { $0.isOptional }:
            unsafeBitCast(runtimeRunIntegers, to: tb_fn.self)
        default: nil
        }
    }

    func row(_ lender: Lender) -> tb_command_v1 {
        tb_command_v1(
            name: lender.lend(name), text: lender.lend(text), permissions: 0, flags: 0,
            param_count: UInt32(parameters.count), params: lender.lend(parameters.map { $0.row(lender) }),
            handler: typedHandler, invoke: runtimeInvoke)
    }
}

extension Parameter {
    fileprivate func row(_ lender: Lender) -> tb_param_v1 {
        var type: Int32
        switch kind {
        case .string: type = TB_T_STR
        case .integer: type = TB_T_INT
        case .number: type = TB_T_NUM
        case .boolean: type = TB_T_BOOL
        }
        if isOptional, kind != .string { type |= TB_T_OPT }
        let flags =
            (hasAutocomplete ? TB_PARAM_AUTOCOMPLETE : 0) | (isOptional && kind == .string ? TB_PARAM_OPTIONAL : 0)
            | (bounds == nil ? 0 : TB_PARAM_BOUNDED)
        return tb_param_v1(
            name: lender.lend(name), text: lender.lend(text), type: type, flags: flags, min: bounds?.lowerBound ?? 0,
            max: bounds?.upperBound ?? 0,
            choices: lender.lend(
                choices.map { tb_choice_v1(name: lender.lend($0.name), value: lender.lend($0.value)) }),
            choice_count: choices.count)
    }
}

/// Takes a call over from the lane: copies, starts the author's code, returns at once.
private func start(
    _ task: tb_task, _ raw: UnsafePointer<tb_invocation_v1>?, _ values: [Call.Value?], selected: [String] = [],
    _ body: @escaping @Sendable (Call, Command?) async throws -> Void
) -> tb_status {
    guard let raw, let host = Runtime.shared.host else { return TB_E_INVALID }
    let context = CallContext(raw.pointee)
    let command = Runtime.shared.commands[context.command]
    var named: [String: Call.Value] = [:]
    for (parameter, value) in zip(command?.parameters ?? [], values) { named[parameter.name] = value }
    let call = Call(host: host, context: context, id: task, values: named, selected: selected)
    Task {
        do { try await body(call, command) } catch { call.fail(error) }
    }
    return TB_OK
}

private func run(_ task: tb_task, _ raw: UnsafePointer<tb_invocation_v1>?, _ values: [Call.Value?]) -> tb_status {
    start(task, raw, values) { call, command in
        guard let command else { throw Failure(code: TB_E_NOT_FOUND, userText: "", detail: "no such command") }
        try await command.run(call)
    }
}

private typealias Invocation = UnsafePointer<tb_invocation_v1>?

private let runtimeRun0: @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation) -> tb_status = { _, task, raw in
    run(task, raw, [])
}
private let runtimeRunString:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, UnsafePointer<tb_str>?) -> tb_status = {
        _, task, raw, text in run(task, raw, [text.map { .string($0.pointee.string) }])
    }
private let runtimeRunInteger: @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, Int64) -> tb_status = {
    _, task, raw, value in run(task, raw, [.integer(value)])
}
private let runtimeRunIntegers:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, Int64, Int64) -> tb_status = {
        _, task, raw, first, second in run(task, raw, [.integer(first), .integer(second)])
    }
private let runtimeInvoke:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, UnsafePointer<tb_value_v1>?, Int) -> tb_status = {
        _, task, raw, values, count in
        run(
            task, raw,
            UnsafeBufferPointer(start: values, count: count).map { value in
                guard value.present != 0 else { return nil }
                switch value.type {
                case TB_T_STR: return .string(value.s.string)
                case TB_T_NUM: return .number(value.f)
                default: return .integer(value.i)
                }
            })
    }
private let runtimeAutocomplete:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, tb_str, tb_str) -> tb_status = {
        _, task, raw, _, text in
        let typed = text.string
        return start(task, raw, []) { call, command in
            guard let suggest = command?.suggest else { return call.suggest([]) }
            call.suggest(try await suggest(call, typed))
        }
    }
private let runtimeComponent:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, Invocation, UnsafePointer<tb_str>?, Int) -> tb_status = {
        _, task, raw, values, count in
        let selected = UnsafeBufferPointer(start: values, count: count).map(\.string)
        return start(task, raw, [], selected: selected) { call, _ in try await Runtime.shared.type?.component(call) }
    }

// MARK: Source

private let runtimeMatch: @convention(c) (UnsafeMutableRawPointer?, tb_str) -> UInt32 = { _, input in
    UInt32(clamping: Runtime.shared.source?.match(input.string) ?? 0)
}

/// Runs a source call; what it throws settles the task.
private func serve(_ task: tb_task, _ body: @escaping @Sendable (Host, any Source) async throws -> Void) -> tb_status {
    guard let host = Runtime.shared.host, let source = Runtime.shared.source else { return TB_E_UNSUPPORTED }
    Task {
        do {
            try await body(host, source)
        } catch {
            host.fail(task, error as? Failure ?? Failure(userText: "", detail: "\(error)"))
        }
    }
    return TB_OK
}

private let runtimeResolve: @convention(c) (UnsafeMutableRawPointer?, tb_task, tb_str, UInt32) -> tb_status = {
    _, task, input, limit in
    let input = input.string
    return serve(task) { host, source in
        let tracks = try await source.resolve(input, limit: Int(limit))
        let lender = Lender()
        let raw = tracks.prefix(Int(limit)).map { $0.raw(lender) }
        withExtendedLifetime(lender) {
            _ = host.source?.pointee.resolved?(host.raw, task, lender.lend(raw), raw.count)
        }
    }
}

private let runtimeOpen: @convention(c) (UnsafeMutableRawPointer?, tb_task, tb_str, UInt64) -> tb_status = {
    _, task, key, start in
    let key = key.string
    return serve(task) { host, source in
        let opened = try await source.open(key, startMilliseconds: start)
        let lender = Lender()
        var media = tb_media_v1()
        switch opened {
        case .file(let descriptor):
            media.kind = TB_MEDIA_FD
            media.handle = UInt64(descriptor)
            media.byte_length = -1
        case .url(let url):
            media.kind = TB_MEDIA_URL
            media.url = lender.lend(url)
            media.byte_length = -1
        }
        let status = withExtendedLifetime(lender) {
            host.source?.pointee.opened?(host.raw, task, &media) ?? TB_E_UNSUPPORTED
        }
        if case .file(let descriptor) = opened, status != TB_OK { close(descriptor) }
    }
}

private let runtimeArtwork: @convention(c) (UnsafeMutableRawPointer?, tb_task, tb_str) -> tb_status = { _, task, key in
    let key = key.string
    return serve(task) { host, source in
        guard let picture = try await source.artwork(key) else {
            throw Failure(code: TB_E_NOT_FOUND, userText: "", detail: "no artwork")
        }
        let lender = Lender()
        withExtendedLifetime(lender) {
            _ = host.source?.pointee.artwork?(
                host.raw, task, lender.lend(picture.type), lender.lend(picture.bytes), picture.bytes.count)
        }
    }
}
