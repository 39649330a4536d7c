import CTimmyBot
import Glibc
import Synchronization

/// The C side of a Swift plugin. One per `.so`, because every plugin carries its own copy of this kit. The host's calls
/// come with the instance that they are for; only `create` and `get_extension` have to know the type.
final class Runtime: Sendable {
    static let shared = Runtime()

    private struct State: Sendable {
        var known: [ObjectIdentifier: StaticTables] = [:]
        var current: StaticTables?
    }

    private let state = Mutex(State())

    func table(_ type: any Plugin.Type) -> PluginTable {
        state.withLock { state in
            let tables = state.known[ObjectIdentifier(type)] ?? StaticTables(type)
            state.known[ObjectIdentifier(type)] = tables
            state.current = tables
            return tables.plugin
        }
    }

    fileprivate var current: StaticTables? { state.withLock { $0.current } }
}

/// One start of a plugin, from `create` to `destroy`.
final class Instance: Sendable {
    let host: Host
    let plugin: any Plugin
    let tables: StaticTables

    init(_ host: Host, _ plugin: any Plugin, _ tables: StaticTables) {
        self.host = host
        self.plugin = plugin
        self.tables = tables
    }

    /// Takes a task over from the lane: starts the author's code and returns at once.
    func start(_ task: tb_task, _ body: @escaping @Sendable (OpenTask) async throws -> Void) -> tb_status {
        let open = OpenTask(id: task, host: host)
        let number = host.ledger.start(open) { try await body(open) }
        return number == nil ? TB_E_UNAVAILABLE : TB_OK
    }

    static func of(_ context: UnsafeMutableRawPointer?) -> Instance? {
        context.map { Unmanaged<Instance>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// The tables of one plugin type, made once and never let go.
///
/// `@unchecked Sendable`: written in `init`, and only read afterwards.
final class StaticTables: @unchecked Sendable {
    let type: any Plugin.Type
    let plugin: PluginTable
    private let lender = Lender()

    struct Extensions: @unchecked Sendable {
        var commands: [String: Command] = [:]
        var tables: [String: UnsafeRawPointer] = [:]
    }
    /// The author's lists are asked for when the host first asks for them: the entry does no work.
    private let extensions = Mutex(Extensions?.none)

    init(_ type: any Plugin.Type) {
        self.type = type
        plugin = lender.table(
            tb_plugin_v1(
                magic: TB_PLUGIN_MAGIC, size: UInt32(MemoryLayout<tb_plugin_v1>.size), id: lender.lend(type.id),
                version: lender.lend(type.version), create: runtimeCreate, stop: runtimeStop, destroy: runtimeDestroy,
                get_extension: runtimeExtension))
    }

    private func made() -> Extensions {
        extensions.withLock { extensions in
            if let extensions { return extensions }
            let list = type.commands
            var made = Extensions()
            made.commands = Dictionary(list.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            if !list.isEmpty {
                made.tables[TB_EXT_COMMANDS] = UnsafeRawPointer(lender.table(commandTable(list, lender)))
            }
            let flows = type.oauth
            if !flows.isEmpty {
                let raw = tb_oauth_v1(flows: lender.lend(flows.map { $0.raw(lender) }), count: flows.count)
                made.tables[TB_EXT_OAUTH] = UnsafeRawPointer(lender.table(raw))
            }
            if type is any Source.Type { made.tables[TB_EXT_SOURCE] = UnsafeRawPointer(lender.table(sourceTable)) }
            if type is any LyricsSource.Type {
                made.tables[TB_EXT_LYRICS] = UnsafeRawPointer(lender.table(lyricsTable))
            }
            if type is any Recommender.Type {
                made.tables[TB_EXT_RECOMMEND] = UnsafeRawPointer(lender.table(recommendTable))
            }
            if type is any HealthCheck.Type { made.tables[TB_EXT_HEALTH] = UnsafeRawPointer(lender.table(healthTable)) }
            extensions = made
            return made
        }
    }

    func command(_ name: String) -> Command? { made().commands[name] }
    func table(_ id: String) -> UnsafeRawPointer? { made().tables[id] }

    /// What answering needs, and what the author says.
    private var requirements: Set<HostExtension> {
        var needed = type.requirements.union([.log, .task])
        if table(TB_EXT_COMMANDS) != nil { needed.insert(.reply) }
        if type is any Source.Type || type is any Recommender.Type { needed.insert(.source) }
        if type is any LyricsSource.Type { needed.insert(.lyrics) }
        if type is any HealthCheck.Type { needed.insert(.health) }
        return needed
    }

    func create(_ raw: UnsafePointer<tb_host_v1>, _ configuration: tb_str) throws -> Instance {
        let offered = HostTables(raw)
        let missing = requirements.filter { !$0.isOffered(by: offered) }.map(\.rawValue).sorted()
        guard missing.isEmpty else {
            throw Failure(code: .unsupported, detail: "the host lacks \(missing.joined(separator: ", "))")
        }
        let text = configuration.string
        let host = Host(raw, configuration: text.isEmpty ? [:] : try JSON(parsing: text))
        return Instance(host, try type.init(host: host), self)
    }
}

extension Lender {
    func table<Table: BitwiseCopyable>(_ table: Table) -> UnsafePointer<Table> { lend([table]) }
}

private let runtimeCreate:
    @convention(c) (UnsafePointer<tb_host_v1>?, tb_str, UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> tb_status =
        {
            raw, configuration, out in
            guard let raw, let out, let tables = Runtime.shared.current, raw.pointee.magic == TB_HOST_MAGIC,
                raw.pointee.size == UInt32(MemoryLayout<tb_host_v1>.size)
            else { return TB_E_INVALID }
            do {
                out.pointee = Unmanaged.passRetained(try tables.create(raw, configuration)).toOpaque()
                return TB_OK
            } catch {
                let failure = Failure(error)
                Host(raw, configuration: .null).log(.error, "cannot start: \(failure)")
                return failure.status
            }
        }

private let runtimeStop: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
    guard let instance = Instance.of(context) else { return }
    instance.plugin.stop()
    instance.host.ledger.stop()
}

private let runtimeDestroy: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
    guard let context else { return }
    Unmanaged<Instance>.fromOpaque(context).takeRetainedValue().host.tables.leave()
}

private let runtimeExtension: @convention(c) (UnsafePointer<CChar>?) -> UnsafeRawPointer? = { id in
    guard let id else { return nil }
    return Runtime.shared.current?.table(String(cString: id))
}
