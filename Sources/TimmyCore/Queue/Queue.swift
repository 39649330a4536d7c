/// A guild's tracks: what plays, what comes, what was. Pure: every change is a `QueueEdit`, and the same edits on the
/// same queue give the same queue, which is what the journal relies on.
///
/// While the whole queue loops, tracks that were played in this lap stand at the end of `upcoming`, behind the fresh
/// ones; `replayCount` says how many. New tracks go before them, so nobody waits for repeats.
public struct Queue: Sendable, Hashable, Codable {
    public static let defaultLimit = 10_000
    public static let historyLimit = 100
    private static let largestID: UInt64 = 1 << 62

    public private(set) var current: QueuedTrack?
    public private(set) var upcoming: [QueuedTrack] = []
    /// Oldest first, at most `historyLimit`.
    public private(set) var history: [QueuedTrack] = []
    public private(set) var loop: LoopMode = .off
    private(set) var replayCount = 0
    private var nextID: UInt64 = 1

    public init() {}

    /// Tracks that are playing or will.
    public var count: Int { upcoming.count + (current == nil ? 0 : 1) }
    public var isEmpty: Bool { count == 0 }
    /// Where a new track is appended: behind the fresh ones, before the repeats.
    public var appendIndex: Int { upcoming.count - replayCount }
    public var canGoBack: Bool { replayCount > 0 || !history.isEmpty }

    /// What plays after the current track has ended by itself.
    public var following: QueuedTrack? {
        switch loop {
        case .track: current
        case .off: upcoming.first
        case .queue: upcoming.first ?? current
        }
    }

    /// A fresh id. Ids that never make it into the queue are simply skipped.
    public mutating func mint() -> EntryID {
        defer { nextID &+= 1 }
        return EntryID(nextID)
    }

    /// Unknown ids and indices beyond the end are clamped or ignored: an edit never fails and never traps.
    public mutating func apply(_ edit: QueueEdit) {
        switch edit {
        case .insert(let entries, let index): insert(entries, at: index)
        case .remove(let lower, let upper): remove(lower, upper)
        case .move(let from, let to): move(from, to)
        case .clear:
            upcoming = []
            replayCount = 0
        case .reorder(let order): reorder(order)
        case .loop(let mode): setLoop(mode)
        case .advance(let reason, let count, let time): advance(reason, count, at: time)
        case .previous(let time): goBack(at: time)
        case .halt: halt()
        case .suspend(let earlier): suspend(after: earlier)
        case .stop:
            halt()
            upcoming = []
            replayCount = 0
        }
    }
}

extension Queue {
    private mutating func insert(_ entries: [QueuedTrack], at index: Int) {
        let place = min(max(0, index), upcoming.count)
        if place > appendIndex { replayCount += entries.count }
        upcoming.insert(contentsOf: entries, at: place)
        for entry in entries { nextID = max(nextID, entry.id.rawValue &+ 1) }
    }

    private mutating func remove(_ lower: Int, _ upper: Int) {
        let range = (max(0, lower)..<max(max(0, lower), upper)).clamped(to: 0..<upcoming.count)
        guard !range.isEmpty else { return }
        replayCount -= range.clamped(to: appendIndex..<upcoming.count).count
        upcoming.removeSubrange(range)
    }

    private mutating func move(_ from: Int, _ to: Int) {
        guard upcoming.indices.contains(from) else { return }
        let wasReplay = from >= appendIndex
        let entry = upcoming.remove(at: from)
        if wasReplay { replayCount -= 1 }
        let place = min(max(0, to), upcoming.count)
        let boundary = appendIndex
        if place > boundary || (place == boundary && wasReplay) { replayCount += 1 }
        upcoming.insert(entry, at: place)
    }

    private mutating func reorder(_ order: [EntryID]) {
        var byID: [EntryID: QueuedTrack] = [:]
        for entry in upcoming { byID[entry.id] = entry }
        var result = order.compactMap { byID.removeValue(forKey: $0) }
        // Nothing is lost even when the order names too few.
        result += upcoming.filter { byID[$0.id] != nil }
        upcoming = result
        replayCount = 0
    }

    private mutating func setLoop(_ mode: LoopMode) {
        loop = mode
        // The list that people see must not change because a button was pressed: repeats simply become upcoming.
        if mode != .queue { replayCount = 0 }
    }

    private mutating func advance(_ reason: QueueEdit.Reason, _ count: Int, at time: Timestamp?) {
        for step in 0..<min(max(1, count), upcoming.count + 1) where step == 0 || current != nil {
            advance(reason)
            current?.startedAt = time
        }
    }

    private mutating func advance(_ reason: QueueEdit.Reason) {
        if let entry = current {
            if reason == .finished, loop == .track { return }
            if loop == .queue, reason != .failed {
                upcoming.append(entry)
                replayCount += 1
            } else {
                remember(entry)
            }
        }
        current = upcoming.isEmpty ? nil : upcoming.removeFirst()
        replayCount = min(replayCount, upcoming.count)
    }

    private mutating func goBack(at time: Timestamp?) {
        let entry: QueuedTrack?
        if replayCount > 0 {
            replayCount -= 1
            entry = upcoming.popLast()
        } else {
            entry = history.popLast()
        }
        guard let entry else { return }
        if let current { upcoming.insert(current, at: 0) }
        current = entry
        current?.startedAt = time
    }

    private mutating func halt() {
        if let current { remember(current) }
        current = nil
    }

    private mutating func suspend(after earlier: EntryID?) {
        if let current { upcoming.insert(current, at: 0) }
        current = nil
        if let earlier, let last = history.last, last.id == earlier {
            history.removeLast()
            upcoming.insert(last, at: 0)
        }
    }

    private mutating func remember(_ entry: QueuedTrack) {
        history.append(entry)
        if history.count > Self.historyLimit { history.removeFirst(history.count - Self.historyLimit) }
    }
}

extension Queue {
    private enum CodingKeys: String, CodingKey { case current, upcoming, history, loop, replayCount, nextID }

    /// Reads what a store kept. Whatever a damaged store says, the result is a queue whose invariants hold.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        var seen: Set<EntryID> = []
        current = try values.decodeIfPresent(QueuedTrack.self, forKey: .current)
        if let current { seen.insert(current.id) }
        upcoming = try values.decode([QueuedTrack].self, forKey: .upcoming).filter { seen.insert($0.id).inserted }
        history = try values.decode([QueuedTrack].self, forKey: .history).filter { seen.insert($0.id).inserted }
            .suffix(Self.historyLimit)
        loop = try values.decode(LoopMode.self, forKey: .loop)
        let replays = try values.decode(Int.self, forKey: .replayCount)
        replayCount = loop == .queue ? min(max(0, replays), upcoming.count) : 0
        let stored = try values.decode(UInt64.self, forKey: .nextID)
        let used = seen.reduce(0) { max($0, $1.rawValue) } &+ 1
        // Nobody gets that far by counting: what says so is damaged, and there must be room to go on.
        nextID = stored < Self.largestID ? max(stored, used) : used
    }
}
