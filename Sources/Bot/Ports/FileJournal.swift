import Foundation
import Logging
import Synchronization
import TimmyCore

/// The journal as two small files a guild: what is queued, what plays, and where. Each accepted change is on the disk
/// before its answer is given.
///
/// Guilds are dealt out to a few threads, so none waits for another's turn on an actor, and no file is touched in the
/// concurrency pool. Those with long queues have a thread of their own: each of their changes is megabytes, and who spams
/// them shall hold up nobody else. One guild's entries come one at a time, each after the one before was answered, so they
/// stay in order whatever thread has them.
final class FileJournal: Journal, Sendable {
    /// Tracks from which on a queue is a long one: its record has about a megabyte.
    static let longQueue = 500

    private let threads: [IOThread]
    private let slowThread = IOThread(name: "journal-long")
    private let records: Records

    /// - Parameter directory: made where it is missing.
    init(directory: String, threads: Int = 4, logger: Logger = Logger(label: "journal")) throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        self.threads = (0..<threads).map { IOThread(name: "journal-\($0)") }
        records = Records(directory: directory, logger: logger)
    }

    /// The low bits of a snowflake are alike for many guilds; the time in it is not.
    private func thread(_ guild: GuildID) -> IOThread {
        if records.length(guild) >= Self.longQueue { return slowThread }
        return threads[Int((guild.rawValue >> 22) % UInt64(threads.count))]
    }

    func append(_ entry: JournalEntry) async throws(PlayerError) {
        try await thread(entry.guild).run { [records] in records.append(entry) }.get()
    }

    func load(_ guild: GuildID) async throws(PlayerError) -> GuildRecord? {
        try await thread(guild).run { [records] in records.load(guild) }.get()
    }

    func forget(_ guild: GuildID) async throws(PlayerError) {
        try await thread(guild).run { [records] in records.forget(guild) }.get()
    }
}

/// What is on the disk. Its methods block, each guild's one after the other; those of different guilds may overlap.
private final class Records: Sendable {
    private let directory: String
    private let logger: Logger
    private let known = Mutex<[GuildID: GuildFile.State]>([:])
    /// Guilds whose last write failed: said once, and once more when it works again.
    private let failing = Mutex<Set<GuildID>>([])

    init(directory: String, logger: Logger) {
        self.directory = directory
        self.logger = logger
    }

    /// Tracks in a guild's queue, as far as that is known without reading it. Any thread.
    func length(_ guild: GuildID) -> Int { known.withLock { $0[guild]?.record.queue.count } ?? 0 }

    func append(_ entry: JournalEntry) -> Result<Void, PlayerError> {
        do {
            let file = GuildFile(entry.guild, in: directory)
            var state = try state(entry.guild) ?? GuildFile.State(record: GuildRecord(), revision: 0)
            state.record.apply(entry)
            // Without a record there is nothing that a position could belong to.
            if entry.isCheckpoint, state.revision != 0 {
                try file.checkpoint(entry.playback, of: state.revision)
            } else {
                state = try file.store(state.record, after: state.revision)
            }
            known.withLock { $0[entry.guild] = state }
            if failing.withLock({ $0.remove(entry.guild) }) != nil {
                logger.notice("guild \(entry.guild): its queue can be stored again")
            }
            return .success(())
        } catch {
            if failing.withLock({ $0.insert(entry.guild).inserted }) {
                logger.error("guild \(entry.guild): its queue could not be stored: \(error)")
            }
            return .failure(
                PlayerError(
                    .journalFailed, "the queue of \(entry.guild) could not be stored",
                    user: "I could not save that. Please try again in a moment.", cause: error,
                    retry: .after(.seconds(5))))
        }
    }

    func load(_ guild: GuildID) -> Result<GuildRecord?, PlayerError> {
        do {
            return .success(try state(guild)?.record)
        } catch {
            logger.error("guild \(guild): its queue could not be read: \(error)")
            return .failure(
                PlayerError(
                    .journalFailed, "the queue of \(guild) could not be read",
                    user: "I could not read this server's queue. Please try again.", cause: error,
                    retry: .after(.seconds(2))))
        }
    }

    func forget(_ guild: GuildID) -> Result<Void, PlayerError> {
        known.withLock { $0[guild] = nil }
        do {
            return .success(try GuildFile(guild, in: directory).forget())
        } catch {
            return .failure(
                PlayerError(.journalFailed, "the queue of \(guild) could not be deleted", cause: error))
        }
    }

    private func state(_ guild: GuildID) throws -> GuildFile.State? {
        if let known = known.withLock({ $0[guild] }) { return known }
        do {
            let found = try GuildFile(guild, in: directory).load()
            known.withLock { $0[guild] = found }
            return found
        } catch let damaged as GuildFile.Damaged {
            // Not lost: the operator may want to look at it, and the guild can go on.
            logger.error("guild \(guild): its queue is damaged and was put aside as \(damaged.keptAs)")
            return nil
        }
    }
}
