import CTimmyBot
import Foundation
import Logging
import PluginHost
import Synchronization

/// One file for each plugin, in memory as well once it was used. Changes that wait while another is being written go to
/// the disk together.
public final class FileStore: StoreService {
    public typealias Done = @Sendable (Result<StoreAnswer, PluginFailure>) -> Void

    /// Beyond this many operations of all plugins together, the next one fails.
    static let maximumWaiting = 8_192

    private struct Request: Sendable {
        let operation: StoreOperation
        let done: Done
    }

    private struct State {
        var waiting: [String: [Request]] = [:]
        var count = 0
        var tables: [String: StoreTable] = [:]
    }

    private let state = Mutex(State())
    private let worker = WorkerThread(name: "plugin-store")
    private let directory: String
    private let files: any FileKeeping
    private let logger: Logger

    /// - Parameter directory: made with the first write.
    public init(directory: String, files: any FileKeeping = DurableFiles(), logger: Logger) {
        self.directory = directory
        self.files = files
        self.logger = logger
    }

    public func perform(_ operation: StoreOperation, for plugin: String, done: @escaping Done) {
        let (isTaken, isFirst) = state.withLock { state in
            guard state.count < Self.maximumWaiting else { return (false, false) }
            state.count += 1
            state.waiting[plugin, default: []].append(Request(operation: operation, done: done))
            return (true, state.waiting[plugin]?.count == 1)
        }
        guard isTaken else {
            return done(.failure(PluginFailure(code: TB_E_RATE_LIMIT, detail: "the store has too much to do")))
        }
        // One job for each plugin; it takes all that has gathered until it runs.
        if isFirst { worker.submit { [self] in work(plugin) } }
    }

    private func work(_ plugin: String) {
        let (requests, known) = state.withLock { state in
            let requests = state.waiting.removeValue(forKey: plugin) ?? []
            state.count -= requests.count
            return (requests, state.tables[plugin])
        }
        do throws(FileFailure) {
            let table = if let known { known } else { try load(plugin) }
            state.withLock { $0.tables[plugin] = table }
            run(requests, on: table, of: plugin)
        } catch {
            logger.error("the store of \(plugin) cannot be read: \(error)")
            for request in requests { request.done(.failure(Self.failure(error))) }
        }
    }

    private func run(_ requests: [Request], on table: StoreTable, of plugin: String) {
        var draft = table
        var isChanged = false
        var results = requests.map { Self.apply($0.operation, to: &draft, &isChanged) }
        if isChanged {
            do throws(FileFailure) {
                try files.replace(path(plugin), with: draft.encoded())
                state.withLock { $0.tables[plugin] = draft }
            } catch {
                logger.error("the store of \(plugin) cannot be written: \(error)")
                // Nothing happened: what reads sees the old table, what writes fails.
                results = requests.map { request in
                    var old = table
                    var wouldChange = false
                    let result = Self.apply(request.operation, to: &old, &wouldChange)
                    return wouldChange ? .failure(Self.failure(error)) : result
                }
            }
        }
        for (request, result) in zip(requests, results) { request.done(result) }
    }

    private static func apply(
        _ operation: StoreOperation, to table: inout StoreTable, _ isChanged: inout Bool
    ) -> Result<StoreAnswer, PluginFailure> {
        do throws(PluginFailure) {
            let (answer, changed) = try table.apply(operation)
            if changed { isChanged = true }
            return .success(answer)
        } catch {
            return .failure(error)
        }
    }

    private func load(_ plugin: String) throws(FileFailure) -> StoreTable {
        let path = path(plugin)
        let bytes: [UInt8]?
        do throws(FileFailure) {
            bytes = try files.read(path, limit: StoreTable.maximumFile)
        } catch {
            guard error.number == EFBIG else { throw error }
            bytes = []
        }
        guard let bytes else { return StoreTable() }
        if let table = StoreTable(decoding: bytes) { return table }
        let aside = try files.putAside(path)
        logger.error(
            "the store of \(plugin) is damaged; it was put aside as \(aside), the plugin starts with an empty one")
        return StoreTable()
    }

    private func path(_ plugin: String) -> String { "\(directory)/\(plugin).store" }

    private static func failure(_ error: FileFailure) -> PluginFailure {
        PluginFailure(code: TB_E_IO, detail: "the plugin's store: \(String(cString: strerror(error.number)))")
    }
}
