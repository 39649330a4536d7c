import CTimmyBot
import Foundation
import Glibc
import Logging
import Synchronization

/// One created plugin. Immortal: its code stays mapped, and the plugin may hold the host's pointer as long as it likes.
///
/// `@unchecked Sendable`: C tables are immutable; `created` is written on the lane before the first call can reach it.
final class PluginInstance: @unchecked Sendable {
    let id: String
    let manifest: PluginManifest
    /// Where its file was, and the hash of what was in it.
    let file, digest: String
    /// The copy of it that is mapped, and the configuration that it was created with, which may be secret.
    let copy, configuration: String
    let lane: Lane
    let tasks: TaskTable
    let services: PluginServices
    let ports: PluginPorts
    let sounds = OpenSounds()
    private let logger: Logger
    private let host: UnsafeMutablePointer<tb_host_v1>
    let table: UnsafePointer<tb_plugin_v1>
    private(set) var created: UnsafeMutableRawPointer?
    let breaker = Mutex(Breaker())
    let life = Mutex(PluginLife())
    /// Set while it is watched after it replaced another version.
    let trial = Mutex<Trial?>(nil)
    let isHungInMatch = Atomic(false)
    private let tables = Mutex<[String: Table]>([:])

    /// A plugin's own table of functions, which lives as long as the process; nil where it has none.
    private struct Table: @unchecked Sendable { let place: UnsafeRawPointer? }

    init(
        _ loaded: LoadedPlugin, lane: Lane, tasks: TaskTable, services: PluginServices, configuration: String,
        logger: Logger
    ) {
        id = loaded.manifest.id
        manifest = loaded.manifest
        file = loaded.file
        digest = loaded.digest
        copy = loaded.copy
        self.configuration = configuration
        table = loaded.table
        self.tasks = tasks
        self.services = services
        self.logger = logger
        self.lane = lane
        ports = PluginPorts(loaded.manifest, configuration: configuration, services: services) {
            job, drop in lane.submit("timer", drop: { _ in drop() }, job) != nil
        }
        host = .allocate(capacity: 1)
        host.initialize(
            to: tb_host_v1(
                magic: TB_HOST_MAGIC, size: UInt32(MemoryLayout<tb_host_v1>.size), host_data: nil,
                name: HostName.name, version: HostName.version,
                get_extension: { _, id in HostExtension.table(id) }))
        host.pointee.host_data = Unmanaged.passRetained(self).toOpaque()
    }

    func log(_ level: Int32, _ text: String) {
        let safe = String(text.map { $0.unicodeScalars.allSatisfy { $0.value >= 32 } ? $0 : " " })
        let severity: Logger.Level =
            level >= TB_LOG_ERROR ? .error : level == TB_LOG_WARNING ? .warning : level == TB_LOG_INFO ? .info : .debug
        logger.log(level: severity, "\(id): \(safe)")
    }

    /// Calls `create` on the lane; throws what it answers, or where it takes longer than `deadline`. Blocks.
    func create(configuration: String, deadline: Duration) throws(PluginRefusal) {
        guard let create = table.pointee.create else { throw PluginRefusal("it has no create function") }
        let answer = lane.wait("create", within: deadline) { [self] in
            let lent = Lent()
            var made: UnsafeMutableRawPointer?
            let answer = withExtendedLifetime(lent) { create(host, lent.string(configuration), &made) }
            created = made
            if answer == TB_OK { askTables() }
            return answer
        }
        guard let answer else { throw PluginRefusal("its create function does not return") }
        guard answer == TB_OK else {
            throw PluginRefusal("it refused to start (status \(answer)); its log line says why")
        }
        lane.widen(to: manifest.lanes ?? 1)
    }

    /// Asks once for every table that this host knows, so that no other thread ever runs the plugin for that.
    private func askTables() {
        let known = [TB_EXT_COMMANDS, TB_EXT_SOURCE, TB_EXT_OAUTH, TB_EXT_RECOMMEND, TB_EXT_LYRICS, TB_EXT_HEALTH]
        for id in known {
            let place = Table(place: table.pointee.get_extension?(id).map { UnsafeRawPointer($0) })
            tables.withLock { $0[id] = place }
        }
    }

    /// One of the plugin's tables, by its id.
    func extensionTable<Table>(_ id: String, as type: Table.Type) -> UnsafePointer<Table>? {
        if let known = tables.withLock({ $0[id] }) { return known.place?.assumingMemoryBound(to: type) }
        return table.pointee.get_extension?(id)?.assumingMemoryBound(to: type)
    }
}

/// The host's name in C memory that is never let go.
private enum HostName {
    static var name: tb_str { immortal("TimmyBot") }
    static var version: tb_str { immortal("0.1.0") }

    private static func immortal(_ text: StaticString) -> tb_str {
        text.withUTF8Buffer {
            tb_str(ptr: UnsafeRawPointer($0.baseAddress)?.assumingMemoryBound(to: CChar.self), len: $0.count)
        }
    }
}
