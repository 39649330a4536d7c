import CTimmyBot
import Foundation
import Glibc
import Logging
import Synchronization

/// One loaded plugin. Immortal: its code stays mapped, and the plugin may hold the host's pointer as long as it likes.
///
/// `@unchecked Sendable`: C tables are immutable; `created` is written on the lane before the first call can reach it.
final class PluginInstance: @unchecked Sendable {
    let id: String
    let manifest: PluginManifest
    let lane: Lane
    let tasks: TaskTable
    let services: PluginServices
    let ports: PluginPorts
    private let logger: Logger
    private let host: UnsafeMutablePointer<tb_host_v1>
    let table: UnsafePointer<tb_plugin_v1>
    private(set) var created: UnsafeMutableRawPointer?
    let breaker = Mutex(Breaker())

    init(
        _ manifest: PluginManifest, table: UnsafePointer<tb_plugin_v1>, tasks: TaskTable, services: PluginServices,
        configuration: String = "{}", logger: Logger
    ) {
        id = manifest.id
        self.manifest = manifest
        self.table = table
        self.tasks = tasks
        self.services = services
        self.logger = logger
        let lane = Lane(name: manifest.id)
        self.lane = lane
        ports = PluginPorts(manifest, configuration: configuration, services: services) { lane.submit($0) }
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

    /// Calls `create` on the lane; throws what it answers, or where it takes longer than `deadline`.
    func create(configuration: String, deadline: TimeInterval = 5) throws(PluginRefusal) {
        let done = DispatchSemaphore(value: 0)
        guard let create = table.pointee.create else { throw PluginRefusal("it has no create function") }
        _ = lane.submit { [self] in
            let lent = Lent()
            var made: UnsafeMutableRawPointer?
            let answer = withExtendedLifetime(lent) { create(host, lent.string(configuration), &made) }
            created = made
            createStatus.store(answer, ordering: .releasing)
            done.signal()
        }
        guard done.wait(timeout: .now() + deadline) == .success else {
            throw PluginRefusal("its create function does not return")
        }
        let answer = createStatus.load(ordering: .acquiring)
        guard answer == TB_OK else {
            throw PluginRefusal("it refused to start (status \(answer)); its log line says why")
        }
    }

    private let createStatus = Atomic(TB_E_TIMEOUT)

    func extensionTable<Table>(_ id: String, as type: Table.Type) -> UnsafePointer<Table>? {
        table.pointee.get_extension?(id)?.assumingMemoryBound(to: type)
    }

    /// Runs a call on the lane and settles the task where the plugin did not accept it.
    func call(_ task: tb_task, _ body: @escaping @Sendable (UnsafeMutableRawPointer?) -> tb_status) {
        let submitted = lane.submit { [self] in
            guard tasks.isOpen(task) else { return }
            let status = body(created)
            if status != TB_OK {
                _ = tasks.settle(
                    task, .failed(PluginFailure(code: status, detail: "\(id): the call answered \(status)")), owner: id)
            }
        }
        if !submitted {
            _ = tasks.settle(
                task, .failed(PluginFailure(code: TB_E_TIMEOUT, detail: "\(id): stuck, too many calls wait")), owner: id
            )
        }
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
