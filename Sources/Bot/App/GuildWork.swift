import Synchronization
import TimmyCore

/// Work that is done in order within a guild, and beside that of all others: whatever one of them waits for, nobody else
/// does.
final class GuildWork: Sendable {
    typealias Job = @Sendable () async -> Void

    private let limit: Int
    /// What waits behind the job under way; nothing at all for a guild without one.
    private let waiting = Mutex<[GuildID: [Job]]>([:])

    /// - Parameter limit: how much may wait in one guild.
    init(limit: Int = .max) { self.limit = limit }

    /// Any thread; returns at once. False where too much waits: then the job is not done.
    @discardableResult
    func add(_ guild: GuildID, _ job: @escaping Job) -> Bool {
        let (isTaken, isFirst) = waiting.withLock { waiting in
            guard let line = waiting[guild] else {
                waiting[guild] = []
                return (true, true)
            }
            guard line.count < limit else { return (false, false) }
            waiting[guild]?.append(job)
            return (true, false)
        }
        if isFirst { Task { await work(guild, job) } }
        return isTaken
    }

    private func work(_ guild: GuildID, _ first: @escaping Job) async {
        var next: Job? = first
        while let job = next {
            await job()
            next = waiting.withLock { waiting in
                if waiting[guild]?.isEmpty == false { return waiting[guild]?.removeFirst() }
                waiting[guild] = nil
                return nil
            }
        }
    }
}
