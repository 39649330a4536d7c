/// How much one person may have in the queue, and whether people take turns. Pure.
public struct FairPlay: Sendable, Hashable, Codable {
    /// Tracks that one person may have waiting or playing; nil = no limit of its own.
    public var maxPerUser: Int?
    /// People take turns: each one's first track, then each one's second, and so on.
    public var roundRobin: Bool

    public init(maxPerUser: Int? = nil, roundRobin: Bool = false) {
        self.maxPerUser = maxPerUser
        self.roundRobin = roundRobin
    }

    /// How many more tracks `user` may add now.
    func room(for user: UserID, in queue: Queue) -> Int {
        guard let maxPerUser else { return .max }
        let playing = queue.current?.requestedBy == user ? 1 : 0
        return max(0, maxPerUser - playing - queue.upcoming.lazy.filter { $0.requestedBy == user }.count)
    }

    /// Edits that append `entries` (all by one user) at the end, or each at its turn.
    func append(_ entries: [QueuedTrack], to queue: Queue) -> [QueueEdit] {
        guard roundRobin, let user = entries.first?.requestedBy else {
            return [.insert(entries, at: queue.appendIndex)]
        }
        // Who plays now has had a turn.
        let playing = queue.current.map { [$0.requestedBy] } ?? []
        var line = playing + queue.upcoming.prefix(queue.appendIndex).map(\.requestedBy)
        return entries.map { entry in
            let place = Self.turn(of: user, in: line)
            line.insert(user, at: place)
            return .insert([entry], at: max(0, place - playing.count))
        }
    }

    /// The place after the user's own last track and before the first track of a later round than theirs.
    private static func turn(of user: UserID, in line: [UserID]) -> Int {
        let round = line.lazy.filter { $0 == user }.count
        let start = line.lastIndex(of: user).map { $0 + 1 } ?? 0
        var seen: [UserID: Int] = [:]
        for (index, other) in line.enumerated() {
            let theirs = seen[other, default: 0]
            if index >= start, theirs > round { return index }
            seen[other] = theirs + 1
        }
        return line.count
    }
}
