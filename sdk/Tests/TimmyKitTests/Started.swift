import CTimmyBot
import Synchronization

@testable import TimmyKit

/// `create` and `get_extension` know no instance: in a plugin file there is one type, in these tests there are many.
private let entry = Mutex(())

/// The entry's table, without getting between another test's `create` and `get_extension`.
func entryTable(_ type: any Plugin.Type) -> PluginTable { entry.withLock { _ in pluginTable(type) } }

/// One plugin between `create` and `destroy`, driven through its C tables.
///
/// `@unchecked Sendable`: the tables are immutable, and the instance may be called from any thread.
final class Started: @unchecked Sendable {
    let host: FakeHost
    private let table: UnsafePointer<tb_plugin_v1>
    private let context: UnsafeMutableRawPointer?
    let commands: tb_commands_v1?
    let source: tb_source_v1?
    let lyrics: tb_lyrics_v1?
    let recommend: tb_recommend_v1?
    let health: tb_health_v1?
    let oauth: tb_oauth_v1?
    private let isOver = Mutex(false)

    /// - Throws: the status that `create` answered.
    init(_ type: any Plugin.Type, _ host: FakeHost = FakeHost(), configuration: String = "{}") throws {
        self.host = host
        let made = try entry.withLock { _ in
            let table = pluginTable(type)
            func find<Table>(_ id: String, _ type: Table.Type = Table.self) -> Table? {
                table.pointee.get_extension(id)?.assumingMemoryBound(to: type).pointee
            }
            let lender = Lender()
            var out: UnsafeMutableRawPointer?
            let status = withExtendedLifetime(lender) {
                table.pointee.create(host.raw, lender.lend(configuration), &out)
            }
            guard status == TB_OK else { throw Failure(status: status, "create") }
            return Tables(
                table: table, context: out, commands: find(TB_EXT_COMMANDS), source: find(TB_EXT_SOURCE),
                lyrics: find(TB_EXT_LYRICS), recommend: find(TB_EXT_RECOMMEND), health: find(TB_EXT_HEALTH),
                oauth: find(TB_EXT_OAUTH))
        }
        (table, context) = (made.table, made.context)
        (commands, source, lyrics) = (made.commands, made.source, made.lyrics)
        (recommend, health, oauth) = (made.recommend, made.health, made.oauth)
    }

    private struct Tables: @unchecked Sendable {
        let table: UnsafePointer<tb_plugin_v1>
        let context: UnsafeMutableRawPointer?
        let commands: tb_commands_v1?
        let source: tb_source_v1?
        let lyrics: tb_lyrics_v1?
        let recommend: tb_recommend_v1?
        let health: tb_health_v1?
        let oauth: tb_oauth_v1?
    }

    func stop() { table.pointee.stop(context) }

    /// Stops and frees the instance; once.
    func end() {
        let mine = isOver.withLock { isOver in
            defer { isOver = true }
            return !isOver
        }
        guard mine else { return }
        stop()
        table.pointee.destroy(context)
    }

    deinit { end() }

    var rows: [tb_command_v1] { commands.map { table in (0..<table.count).map { table.items[$0] } } ?? [] }
    func row(_ name: String) -> tb_command_v1? { rows.first { $0.name.string == name } }

    // MARK: Calls

    /// Makes a task and hands it to `body` with the instance; the answer must be TB_OK.
    func call(_ body: (UnsafeMutableRawPointer?, tb_task) -> tb_status) throws -> tb_task {
        let task = host.newTask()
        let status = body(context, task)
        guard status == TB_OK else { throw Failure(status: status, "call") }
        return task
    }

    private func invocation<Result>(_ name: String, _ body: (UnsafePointer<tb_invocation_v1>) -> Result) -> Result {
        let lender = Lender()
        var call = tb_invocation_v1(
            guild: 10, channel: 20, user: 30, voice_channel: 40, permissions: 1 << 5, flags: TB_CALL_OWNER, zero: 0,
            locale: lender.lend("en-GB"), command: lender.lend(name))
        return withExtendedLifetime(lender) { body(&call) }
    }

    func invoke(_ name: String, _ values: [tb_value_v1] = []) throws -> tb_task {
        guard let invoke = row(name)?.invoke else { throw Failure(code: .notFound, detail: "no command \(name)") }
        return try call { context, task in
            invocation(name) { invoke(context, task, $0, values, values.count) }
        }
    }

    /// The plain C function of a command, in the shape that its options have.
    func typed<Function>(_ name: String, as type: Function.Type) -> Function? {
        row(name)?.handler.map { unsafeBitCast($0, to: type) }
    }

    func withInvocation(
        _ name: String, _ body: (UnsafeMutableRawPointer?, tb_task, UnsafePointer<tb_invocation_v1>) -> tb_status
    ) throws -> tb_task {
        try call { context, task in invocation(name) { body(context, task, $0) } }
    }

    func autocomplete(_ name: String, _ option: String, _ text: String) throws -> tb_task {
        let lender = Lender()
        return try withExtendedLifetime(lender) {
            try withInvocation(name) { commands!.autocomplete($0, $1, $2, lender.lend(option), lender.lend(text)) }
        }
    }

    func component(_ id: String, _ values: [String] = []) throws -> tb_task {
        let lender = Lender()
        let raw = values.map { lender.lend($0) }
        return try withExtendedLifetime(lender) {
            try withInvocation(id) { commands!.component($0, $1, $2, raw, raw.count) }
        }
    }

    func modal(_ id: String, _ fields: [String: String]) throws -> tb_task {
        let lender = Lender()
        let raw = fields.map { tb_field_v1(custom_id: lender.lend($0.key), value: lender.lend($0.value)) }
        return try withExtendedLifetime(lender) {
            try withInvocation(id) { commands!.modal($0, $1, $2, raw, raw.count) }
        }
    }

    func cancel(_ task: tb_task) { (commands?.cancel ?? source?.cancel)?(context, task) }

    func open(_ key: String, at milliseconds: UInt64 = 0) throws -> tb_task {
        let lender = Lender()
        return try withExtendedLifetime(lender) {
            try call { source!.open($0, $1, lender.lend(key), milliseconds) }
        }
    }

    func match(_ input: String) -> UInt32 {
        let lender = Lender()
        return withExtendedLifetime(lender) { source!.match(context, lender.lend(input)) }
    }

    func resolve(_ input: String, _ limit: UInt32) throws -> tb_task {
        let lender = Lender()
        return try withExtendedLifetime(lender) { try call { source!.resolve($0, $1, lender.lend(input), limit) } }
    }

    func artwork(_ key: String) throws -> tb_task {
        let lender = Lender()
        return try withExtendedLifetime(lender) { try call { source!.artwork($0, $1, lender.lend(key)) } }
    }
}

/// Values as `invoke` gets them.
extension tb_value_v1 {
    static func text(_ text: String, _ lender: Lender) -> tb_value_v1 {
        tb_value_v1(type: TB_T_STR, present: 1, i: 0, f: 0, s: lender.lend(text))
    }
    static func integer(_ value: Int64, type: Int32 = TB_T_INT) -> tb_value_v1 {
        tb_value_v1(type: type, present: 1, i: value, f: 0, s: tb_str())
    }
    static func number(_ value: Double) -> tb_value_v1 {
        tb_value_v1(type: TB_T_NUM, present: 1, i: 0, f: value, s: tb_str())
    }
    static func absent(_ type: Int32) -> tb_value_v1 { tb_value_v1(type: type, present: 0, i: 0, f: 0, s: tb_str()) }
}
