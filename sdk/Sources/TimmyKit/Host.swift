import CTimmyBot
import Synchronization

/// The host, as a plugin sees it. Every function may be called from anywhere.
public struct Host: Sendable {
    let tables: HostTables
    let ledger: Ledger
    let storeTurn = Turn()
    /// The plugin's configuration, as the operator wrote it; an empty object where there is none.
    public let configuration: JSON

    init(_ raw: UnsafePointer<tb_host_v1>, configuration: JSON) {
        tables = HostTables(raw)
        ledger = Ledger()
        self.configuration = configuration
        name = raw.pointee.name.string
        version = raw.pointee.version.string
    }

    var raw: UnsafePointer<tb_host_v1> { tables.raw }

    /// Levels of the operator's log.
    public enum Level: Int32, Sendable { case debug = 1, info, warning, error }

    public func log(_ level: Level, _ message: String) {
        let lender = Lender()
        withExtendedLifetime(lender) { tables.log?.pointee.log?(raw, level.rawValue, lender.lend(message)) }
    }

    /// The host's own.
    public let name, version: String

    /// Work that no call waits for. It is cancelled when the plugin stops; what it throws goes into the log.
    @discardableResult
    public func background(_ body: @escaping @Sendable () async throws -> Void) -> Background {
        let number = ledger.start(nil) {
            do { try await body() } catch {
                let failure = Failure(error)
                if failure.code != .cancelled { log(.warning, "in the background: \(failure)") }
            }
        }
        return Background(ledger: ledger, number: number)
    }
}

/// A handle of work in the background. Dropping it lets the work go on.
public struct Background: Sendable {
    let ledger: Ledger
    let number: UInt64?
    /// False where the plugin was stopped before.
    public var hasBegun: Bool { number != nil }
    public func cancel() { number.map(ledger.cancel(number:)) }
}

/// What the host offers, looked up once. After `destroy` it offers nothing any more: work that did not heed its cancellation
/// cannot touch a host that may be gone.
///
/// `@unchecked Sendable`: the tables are immutable, live as long as the process, and every function in them may be called
/// from any thread.
@dynamicMemberLookup
final class HostTables: @unchecked Sendable {
    struct Pointers {
        var account: UnsafePointer<tb_host_account_v1>?
        var clock: UnsafePointer<tb_host_clock_v1>?
        var health: UnsafePointer<tb_host_health_v1>?
        var history: UnsafePointer<tb_host_history_v1>?
        var http: UnsafePointer<tb_host_http_v1>?
        var log: UnsafePointer<tb_host_log_v1>?
        var lyrics: UnsafePointer<tb_host_lyrics_v1>?
        var metrics: UnsafePointer<tb_host_metrics_v1>?
        var pipe: UnsafePointer<tb_host_pipe_v1>?
        var player: UnsafePointer<tb_host_player_v1>?
        var probe: UnsafePointer<tb_host_probe_v1>?
        var reply: UnsafePointer<tb_host_reply_v1>?
        var search: UnsafePointer<tb_host_search_v1>?
        var settings: UnsafePointer<tb_host_settings_v1>?
        var source: UnsafePointer<tb_host_source_v1>?
        var store: UnsafePointer<tb_host_store_v1>?
        var task: UnsafePointer<tb_host_task_v1>?
    }

    let raw: UnsafePointer<tb_host_v1>
    private let pointers: Pointers
    private let isGone = Atomic(false)

    init(_ raw: UnsafePointer<tb_host_v1>) {
        self.raw = raw
        func table<Table>(_ id: String, _ type: Table.Type = Table.self) -> UnsafePointer<Table>? {
            raw.pointee.get_extension?(raw, id)?.assumingMemoryBound(to: type)
        }
        pointers = Pointers(
            account: table(TB_EXT_ACCOUNT), clock: table(TB_EXT_CLOCK), health: table(TB_EXT_HEALTH_HOST),
            history: table(TB_EXT_HISTORY), http: table(TB_EXT_HTTP), log: table(TB_EXT_LOG),
            lyrics: table(TB_EXT_LYRICS_HOST), metrics: table(TB_EXT_METRICS), pipe: table(TB_EXT_PIPE),
            player: table(TB_EXT_PLAYER), probe: table(TB_EXT_PROBE), reply: table(TB_EXT_REPLY),
            search: table(TB_EXT_SEARCH), settings: table(TB_EXT_SETTINGS), source: table(TB_EXT_SOURCE_HOST),
            store: table(TB_EXT_STORE), task: table(TB_EXT_TASK))
    }

    subscript<Table>(dynamicMember member: KeyPath<Pointers, UnsafePointer<Table>?>) -> UnsafePointer<Table>? {
        isGone.load(ordering: .acquiring) ? nil : pointers[keyPath: member]
    }

    func leave() { isGone.store(true, ordering: .releasing) }
}

/// What a plugin may say that it cannot do without; see `Plugin.requirements`.
public enum HostExtension: String, Sendable, CaseIterable {
    case account, clock, history, http, metrics, pipe, player, probe, reply, search, settings, store, task, log
    case source, lyrics, health

    func isOffered(by tables: HostTables) -> Bool {
        switch self {
        case .account: tables.account != nil
        case .clock: tables.clock != nil
        case .history: tables.history != nil
        case .http: tables.http != nil
        case .metrics: tables.metrics != nil
        case .pipe: tables.pipe != nil
        case .player: tables.player != nil
        case .probe: tables.probe != nil
        case .reply: tables.reply != nil
        case .search: tables.search != nil
        case .settings: tables.settings != nil
        case .store: tables.store != nil
        case .task: tables.task != nil
        case .log: tables.log != nil
        case .source: tables.source != nil
        case .lyrics: tables.lyrics != nil
        case .health: tables.health != nil
        }
    }
}
