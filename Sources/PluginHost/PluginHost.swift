import CTimmyBot
import Foundation
import Logging
import Synchronization

/// What became of one file in the plugin folder.
public struct PluginReport: Sendable, Equatable {
    public let file: String
    public let manifest: PluginManifest?
    /// Nil where the plugin is loaded.
    public let refusal: String?
}

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

/// Loads plugins and calls them.
public final class PluginHost: Sendable {
    public struct Configuration: Sendable {
        public var directory: String
        public var cacheDirectory: String
        /// JSON for each plugin, by id.
        public var settings: [String: String]

        public init(directory: String, cacheDirectory: String, settings: [String: String] = [:]) {
            self.directory = directory
            self.cacheDirectory = cacheDirectory
            self.settings = settings
        }
    }

    static let commandDeadline = Duration.seconds(60)
    static let autocompleteDeadline = Duration.milliseconds(2_000)

    private let configuration: Configuration
    private let services: PluginServices
    private let tasks: TaskTable
    private let logger: Logger
    private let started = ContinuousClock.now

    private struct State: Sendable {
        var instances: [String: PluginInstance] = [:]
        var commands: [String: PluginCommand] = [:]
    }

    private let state = Mutex(State())

    public init(
        _ configuration: Configuration, services: PluginServices, logger: Logger,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.configuration = configuration
        self.services = services
        self.logger = logger
        tasks = TaskTable(clock: clock)
    }

    // MARK: Loading

    /// Plugin files of a folder, sorted; none where the folder is missing.
    public static func files(in directory: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { $0.hasSuffix(".so") }.sorted().map { "\(directory)/\($0)" }
    }

    /// Reads every manifest without running a plugin.
    public static func survey(_ directory: String) -> [PluginReport] {
        files(in: directory).map { path in
            do throws(PluginRefusal) {
                return PluginReport(file: path, manifest: try PluginLoader.manifest(of: path).manifest, refusal: nil)
            } catch {
                return PluginReport(file: path, manifest: nil, refusal: error.description)
            }
        }
    }

    /// Loads every plugin of the folder; a bad one costs only itself. Blocks; call it off the cooperative pool.
    public func loadAll() -> [PluginReport] {
        Self.files(in: configuration.directory).map { path in
            do throws(PluginRefusal) {
                let manifest = try load(path)
                logger.info("plugin \(manifest.id) \(manifest.version) loaded")
                return PluginReport(file: path, manifest: manifest, refusal: nil)
            } catch {
                logger.warning("plugin \((path as NSString).lastPathComponent) was refused: \(error)")
                return PluginReport(file: path, manifest: nil, refusal: error.description)
            }
        }
    }

    @discardableResult
    public func load(_ path: String) throws(PluginRefusal) -> PluginManifest {
        let loader = PluginLoader(cacheDirectory: configuration.cacheDirectory)
        let (manifest, table) = try loader.load(path)
        guard state.withLock({ $0.instances[manifest.id] == nil }) else {
            throw PluginRefusal("a plugin with the id \(manifest.id) is loaded already")
        }
        let instance = PluginInstance(
            manifest, table: table, tasks: tasks, services: services,
            configuration: configuration.settings[manifest.id] ?? "{}", logger: logger)
        _ = try instance.oauthFlows()
        try instance.create(configuration: configuration.settings[manifest.id] ?? "{}")
        let commands = try self.commands(of: instance)
        try state.withLock { state throws(PluginRefusal) in
            for command in commands where state.commands[command.name] != nil {
                throw PluginRefusal(
                    "its command /\(command.name) is taken by \(state.commands[command.name]?.plugin ?? "?")")
            }
            state.instances[manifest.id] = instance
            for command in commands { state.commands[command.name] = command }
        }
        return manifest
    }

    private func commands(of instance: PluginInstance) throws(PluginRefusal) -> [PluginCommand] {
        guard let table = instance.extensionTable(TB_EXT_COMMANDS, as: tb_commands_v1.self)?.pointee else { return [] }
        guard table.count <= 100, let items = table.items else {
            throw PluginRefusal("it has too many commands, or none")
        }
        var commands: [PluginCommand] = []
        for row in 0..<table.count { commands.append(try command(items[row], row, instance)) }
        return commands
    }

    private func command(_ raw: tb_command_v1, _ row: Int, _ instance: PluginInstance) throws(PluginRefusal)
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

    // MARK: Calling

    func instance(_ id: String) -> PluginInstance? { state.withLock { $0.instances[id] } }
    var accounts: any AccountService { services.accounts }
    /// What the requests of each plugin did, by its id.
    public var httpMetrics: [String: HTTPMetrics] { services.http.metrics() }

    public var commands: [PluginCommand] { state.withLock { $0.commands.values.sorted { $0.name < $1.name } } }

    public var sources: [SourceHandle] {
        state.withLock { state in
            state.instances.values.sorted { $0.id < $1.id }.compactMap { instance in
                instance.extensionTable(TB_EXT_SOURCE, as: tb_source_v1.self).map { table in
                    SourceHandle(instance: instance, table: table, host: self)
                }
            }
        }
    }

    private var now: Double { started.duration(to: .now) / .seconds(1) }

    /// Runs one call on a plugin's lane behind its breaker.
    func run(
        _ instance: PluginInstance, _ kind: TaskKind, deadline: Duration,
        _ body: @escaping @Sendable (UnsafeMutableRawPointer?, tb_task) -> tb_status
    ) async -> TaskOutcome {
        guard !instance.breaker.withLock({ $0.isOpen(now: now) }) else {
            return .failed(
                PluginFailure(code: TB_E_UNAVAILABLE, detail: "\(instance.id) is resting after repeated failures"))
        }
        let outcome = await tasks.run(kind, owner: instance.id, deadline: deadline) { task in
            instance.call(task) { body($0, task) }
        }
        if case .failed(let failure) = outcome, [TB_E_TIMEOUT, TB_E_INTERNAL, TB_E_INVALID].contains(failure.code) {
            instance.breaker.withLock { $0.failed(now: now) }
            instance.log(TB_LOG_WARNING, failure.detail)
        } else {
            instance.breaker.withLock { $0.succeeded() }
        }
        return outcome
    }

    /// Calls a slash command and waits for its answer.
    public func invoke(
        _ name: String, _ call: PluginInvocation, _ arguments: [String: PluginValue]
    ) async throws(PluginFailure) -> PluginAnswer {
        guard let command = state.withLock({ $0.commands[name] }) else {
            throw PluginFailure(
                code: TB_E_NOT_FOUND, userText: "This command is gone.", detail: "no plugin has /\(name)")
        }
        let outcome = await run(command.instance, .command, deadline: Self.commandDeadline) { instance, task in
            command.run(instance, task, call, arguments)
        }
        return try Self.answer(outcome)
    }

    /// A button or select; `customID` is without the host's prefix.
    public func component(
        plugin: String, customID: String, values: [String], _ call: PluginInvocation
    ) async throws(PluginFailure) -> PluginAnswer {
        guard let instance = state.withLock({ $0.instances[plugin] }),
            let handler = instance.extensionTable(TB_EXT_COMMANDS, as: tb_commands_v1.self)?.pointee.component
        else {
            throw PluginFailure(
                code: TB_E_NOT_FOUND, userText: "This button does nothing any more.", detail: "no component handler")
        }
        let outcome = await run(instance, .command, deadline: Self.commandDeadline) { instance, task in
            let lent = Lent()
            var raw = lent.invocation(call, command: customID)
            return withExtendedLifetime(lent) {
                handler(instance, task, &raw, lent.array(values.map { lent.string($0) }), values.count)
            }
        }
        return try Self.answer(outcome)
    }

    /// Suggestions for a focused option; empty where the plugin has none or is late.
    public func autocomplete(
        _ name: String, option: String, text: String, _ call: PluginInvocation
    ) async -> [PluginChoice] {
        guard let command = state.withLock({ $0.commands[name] }),
            let handler = command.instance.extensionTable(TB_EXT_COMMANDS, as: tb_commands_v1.self)?.pointee
                .autocomplete
        else { return [] }
        let outcome = await run(command.instance, .autocomplete, deadline: Self.autocompleteDeadline) {
            instance, task in
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

    /// Asks every plugin to stop. Their code stays mapped.
    public func shutdown() {
        for instance in state.withLock({ Array($0.instances.values) }) {
            instance.ports.stop()
            _ = instance.lane.submit { [instance] in
                instance.table.pointee.stop?(instance.created)
                instance.ports.drain()
                instance.table.pointee.destroy?(instance.created)
            }
            instance.lane.close()
        }
    }
}

extension PluginCommand {
    /// On the lane.
    func run(
        _ instance: UnsafeMutableRawPointer?, _ task: tb_task, _ call: PluginInvocation,
        _ arguments: [String: PluginValue]
    ) -> tb_status {
        guard let raw = self.instance.extensionTable(TB_EXT_COMMANDS, as: tb_commands_v1.self)?.pointee.items?[row]
        else {
            return TB_E_INTERNAL
        }
        let lent = Lent()
        var values: [tb_value_v1] = []
        for parameter in parameters {
            guard let value = Self.value(arguments[parameter.name], parameter, lent) else { return TB_E_INVALID }
            values.append(value)
        }
        var invocation = lent.invocation(call, command: name)
        return withExtendedLifetime(lent) {
            if let handler = raw.handler, let typed { return typed.call(handler, instance, task, &invocation, values) }
            return raw.invoke?(instance, task, &invocation, lent.array(values), values.count) ?? TB_E_UNSUPPORTED
        }
    }

    /// Nil where a required value is missing or of the wrong kind.
    private static func value(_ given: PluginValue?, _ parameter: Parameter, _ lent: Lent) -> tb_value_v1? {
        var value = tb_value_v1(type: parameter.type, present: 0, i: 0, f: 0, s: tb_str(ptr: nil, len: 0))
        guard let given else { return parameter.isOptional ? value : nil }
        value.present = 1
        switch (parameter.type, given) {
        case (TB_T_STR, .string(let text)): value.s = lent.string(text)
        case (TB_T_NUM, .number(let number)): value.f = number
        case (TB_T_NUM, .integer(let number)): value.f = Double(number)
        case (TB_T_INT, .integer(let number)), (TB_T_BOOL, .integer(let number)), (TB_T_ID, .integer(let number)):
            value.i = number
        default: return nil
        }
        return value
    }
}

/// A music source, ready to be asked.
public struct SourceHandle: Sendable {
    static let resolveDeadline = Duration.seconds(15)
    static let openDeadline = Duration.seconds(20)

    let instance: PluginInstance
    nonisolated(unsafe) let table: UnsafePointer<tb_source_v1>
    let host: PluginHost

    public var id: String { instance.id }

    /// 0 for not mine to 100 for surely mine.
    public func match(_ input: String) -> Int {
        let lent = Lent()
        return withExtendedLifetime(lent) {
            Int(min(100, table.pointee.match?(instance.created, lent.string(input)) ?? 0))
        }
    }

    public func resolve(_ input: String, limit: Int) async throws(PluginFailure) -> [PluginTrack] {
        nonisolated(unsafe) let table = table
        let outcome = await host.run(instance, .resolve, deadline: Self.resolveDeadline) { instance, task in
            let lent = Lent()
            return withExtendedLifetime(lent) {
                table.pointee.resolve?(instance, task, lent.string(input), UInt32(clamping: limit)) ?? TB_E_UNSUPPORTED
            }
        }
        switch outcome {
        case .tracks(let tracks): return Array(tracks.prefix(limit))
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "\(id) settled a search with something else")
        }
    }

    public func open(_ key: String, startMilliseconds: UInt64) async throws(PluginFailure) -> PluginMedia {
        nonisolated(unsafe) let table = table
        let outcome = await host.run(instance, .open, deadline: Self.openDeadline) { instance, task in
            let lent = Lent()
            return withExtendedLifetime(lent) {
                table.pointee.open?(instance, task, lent.string(key), startMilliseconds) ?? TB_E_UNSUPPORTED
            }
        }
        switch outcome {
        case .media(let media): return media
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "\(id) settled an open with something else")
        }
    }

    /// The track's picture, nil where there is none.
    public func artwork(_ key: String) async -> (type: String, bytes: [UInt8])? {
        guard let artwork = table.pointee.artwork else { return nil }
        nonisolated(unsafe) let call = artwork
        let outcome = await host.run(instance, .artwork, deadline: Self.resolveDeadline) { instance, task in
            let lent = Lent()
            return withExtendedLifetime(lent) { call(instance, task, lent.string(key)) }
        }
        if case .artwork(let type, let bytes) = outcome { return (type, bytes) }
        return nil
    }
}
