import CTimmyBot
import Glibc

/// One interface that the host offers to plugins: its id and its table of C functions, which lives as long as the process.
/// Every function in it may come from any thread, copies what it is given, and returns at once.
///
/// `@unchecked Sendable`: the table is written once, here, and only read afterwards.
struct HostExtension: @unchecked Sendable {
    let id: String
    let table: UnsafeRawPointer

    init<Table>(_ id: String, _ table: Table) {
        let place = UnsafeMutablePointer<Table>.allocate(capacity: 1)
        place.initialize(to: table)
        self.id = id
        self.table = UnsafeRawPointer(place)
    }

    private static let all = Dictionary(
        uniqueKeysWithValues: [
            logExtension,
            taskExtension,
            sourceExtension,
            replyExtension,
            lyricsExtension,
            healthExtension,
            settingsExtension,
            historyExtension,
            metricsExtension,
            playerExtension,
            searchExtension,
            probeExtension,
            httpExtension,
            storeExtension,
            clockExtension,
            accountExtension,
            pipeExtension,
        ].map { ($0.id, $0) })

    /// Nil for an id that this host does not offer.
    static func table(_ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
        guard let id, strnlen(id, 128) < 128 else { return nil }
        return all[String(cString: id)]?.table
    }
}

typealias RawHost = UnsafePointer<tb_host_v1>?
typealias RawCall = UnsafePointer<tb_invocation_v1>?

extension Result where Failure == PluginFailure {
    /// For results that have a place for both.
    func parts(or empty: Success) -> (Success, PluginFailure?) {
        switch self {
        case .success(let value): (value, nil)
        case .failure(let failure): (empty, failure)
        }
    }
}

/// The instance that a host pointer was given to.
func instance(_ host: RawHost) -> PluginInstance? {
    host?.pointee.host_data.map { Unmanaged<PluginInstance>.fromOpaque($0).takeUnretainedValue() }
}
