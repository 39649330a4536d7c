import Foundation
import Glibc
import TimmyCore

/// The journal as one small file a guild: what is queued, what plays, and where. Each accepted change is on the disk
/// before its answer is given; a checkpoint of the position is written lazily.
actor FileJournal: Journal {
    private let directory: String
    private var records: [GuildID: GuildRecord] = [:]

    /// - Parameter directory: made where it is missing.
    init(directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    private func path(_ guild: GuildID) -> String { "\(directory)/\(guild).json" }

    func append(_ entry: JournalEntry) async throws(PlayerError) {
        var record = try await load(entry.guild) ?? GuildRecord()
        record.apply(entry)
        do {
            try write(try JSONEncoder().encode(record), to: path(entry.guild), durable: !entry.isCheckpoint)
        } catch {
            throw PlayerError(
                .journalFailed, "the queue of \(entry.guild) could not be stored",
                user: "I could not save that. Please try again in a moment.", cause: error, retry: .after(.seconds(5)))
        }
        records[entry.guild] = record
    }

    func load(_ guild: GuildID) async throws(PlayerError) -> GuildRecord? {
        if let known = records[guild] { return known }
        guard FileManager.default.fileExists(atPath: path(guild)) else { return nil }
        do {
            let record = try JSONDecoder().decode(
                GuildRecord.self, from: try Data(contentsOf: URL(fileURLWithPath: path(guild))))
            records[guild] = record
            return record
        } catch {
            // Put aside, not lost: the operator may want to look at it, and the guild can go on.
            try? FileManager.default.moveItem(atPath: path(guild), toPath: path(guild) + ".damaged-\(getpid())")
            return nil
        }
    }

    func guilds() async throws(PlayerError) -> [GuildID] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { $0.hasSuffix(".json") }.compactMap { UInt64($0.dropLast(5)) }.sorted().map { GuildID($0) }
    }

    func forget(_ guild: GuildID) async throws(PlayerError) {
        records[guild] = nil
        try? FileManager.default.removeItem(atPath: path(guild))
    }

    /// All or nothing: beside its place first, then moved over the old one.
    private func write(_ data: Data, to path: String, durable: Bool) throws {
        let partial = "\(path).new"
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        defer { close(descriptor) }
        let written = data.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == data.count, !durable || fsync(descriptor) == 0, rename(partial, path) == 0 else {
            let cause = errno
            unlink(partial)
            throw POSIXError(POSIXErrorCode(rawValue: cause) ?? .EIO)
        }
    }
}
