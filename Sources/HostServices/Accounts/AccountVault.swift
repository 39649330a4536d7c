import CTimmyBot
import Foundation
import Glibc
import Logging
import PluginHost

/// Tokens on the disk: one sealed file for each plugin, read and written on one thread of its own.
///
/// `@unchecked Sendable`: `seal` is touched on the worker's thread only.
final class AccountVault: @unchecked Sendable {
    /// By flow and user.
    typealias Accounts = [String: AccountState]

    static let maximumFile = 16 << 20

    private let directory: String
    private let files: any FileKeeping
    private let logger: Logger
    private let worker = WorkerThread(name: "accounts")
    private var seal: Seal?

    /// - Parameter directory: has `accounts.key` and one `.sealed` file for each plugin.
    init(directory: String, files: any FileKeeping, logger: Logger) {
        self.directory = directory
        self.files = files
        self.logger = logger
    }

    /// Empty where there is no file, or where it cannot be opened any more: that one is put aside.
    func load(_ plugin: String) async throws(PluginFailure) -> Accounts {
        try await onWorker { [self] () throws(FileFailure) in
            let seal = try ready()
            let path = path(plugin)
            guard let bytes = try files.read(path, limit: Self.maximumFile) else { return [:] }
            if let plain = seal.open(bytes, purpose: plugin),
                let accounts = try? JSONDecoder().decode(Accounts.self, from: Data(plain))
            {
                return accounts
            }
            let aside = try files.putAside(path)
            logger.error("the accounts of \(plugin) cannot be opened with this key; put aside as \(aside)")
            return [:]
        }
    }

    /// Returns when they are on the disk.
    func save(_ accounts: Accounts, of plugin: String) async throws(PluginFailure) {
        try await onWorker { [self] () throws(FileFailure) in
            guard let plain = try? JSONEncoder().encode(accounts) else {
                throw FileFailure(path: path(plugin), number: EINVAL)
            }
            try files.replace(path(plugin), with: try ready().seal(Array(plain), purpose: plugin))
        }
    }

    /// On the worker's thread.
    private func ready() throws(FileFailure) -> Seal {
        if let seal { return seal }
        let path = "\(directory)/accounts.key"
        let key: [UInt8]
        do throws(FileFailure) {
            key = try Seal.key(at: path, files: files)
        } catch {
            if error.number == EPERM {
                logger.error("\(path) can be read by others: chmod 600 it, and link accounts again")
            }
            throw error
        }
        guard let seal = Seal(key: key) else { throw FileFailure(path: path, number: EINVAL) }
        self.seal = seal
        return seal
    }

    private func path(_ plugin: String) -> String { "\(directory)/\(plugin).sealed" }

    private func onWorker<Value: Sendable>(
        _ body: @escaping @Sendable () throws(FileFailure) -> Value
    ) async throws(PluginFailure) -> Value {
        let result: Result<Value, FileFailure> = await withCheckedContinuation { continuation in
            worker.submit {
                do throws(FileFailure) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error):
            logger.error("accounts: \(error)")
            throw PluginFailure(
                code: TB_E_IO, userText: "Accounts cannot be read or kept right now.",
                detail: "accounts: \(String(cString: strerror(error.number)))")
        }
    }
}
