public enum PlayerStatus: String, Sendable, Hashable, Codable {
    /// Nothing plays; `voiceChannel` says whether the bot still sits in a channel.
    case idle
    case joining
    /// The current track is being opened.
    case opening
    case playing
    case paused
    /// Voice was lost; the session gets back and goes on where it was.
    case recovering
}

/// A guild's player at one instant, for cards, lists and consoles.
public struct GuildSnapshot: Sendable, Hashable {
    public let guild: GuildID
    public let status: PlayerStatus
    public let current: QueuedTrack?
    public let position: Duration
    public let isPaused: Bool
    public let volume: Int
    public let filter: AudioFilter
    public let loop: LoopMode
    public let voiceChannel: ChannelID?
    public let textChannel: ChannelID?
    public let listeners: Int
    /// The page that holds the first of `tracks`, from 0.
    public let page: Int
    public let pageCount: Int
    /// Index in the queue, from 0, of the first track of `tracks`.
    public let firstIndex: Int
    public let tracks: [QueuedTrack]
    public let upcomingCount: Int
    /// Known durations of all upcoming tracks together.
    public let upcomingDuration: Duration
    public let historyCount: Int
    public let canGoBack: Bool
}

extension GuildMachine {
    public var status: PlayerStatus {
        switch voice {
        case .out: return .idle
        case .joining: return .joining
        case .recovering: return .recovering
        case .connected:
            guard let deck else { return .idle }
            if isPaused { return .paused }
            return deck.stream == nil ? .opening : .playing
        }
    }

    /// State with one page of the queue, from 0, clamped to the last one.
    /// - Parameter position: fresher than the one that the machine saw last, if the caller has it.
    public func snapshot(page: Int = 0, pageSize: Int = 10, position: Duration? = nil) -> GuildSnapshot {
        let size = Self.pageSizes.clamp(pageSize)
        let last = max(0, queue.upcoming.count - 1) / size
        return snapshot(first: min(max(0, page), last) * size, count: size, position: position)
    }

    /// State with `count` upcoming tracks from index `first`.
    public func snapshot(first: Int, count: Int, position fresh: Duration? = nil) -> GuildSnapshot {
        let size = Self.pageSizes.clamp(count)
        let upcoming = queue.upcoming
        let first = min(max(0, first), upcoming.count)
        let total = upcoming.reduce(into: Int64(0)) { sum, entry in
            sum = sum.addingReportingOverflow(max(0, entry.track.durationMilliseconds ?? 0)).partialValue
        }
        return GuildSnapshot(
            guild: guild, status: status, current: queue.current,
            position: deck?.opening == nil ? fresh ?? position : position, isPaused: isPaused, volume: volume,
            filter: filter, loop: queue.loop, voiceChannel: voice.channel, textChannel: textChannel,
            listeners: listeners.count, page: first / size, pageCount: max(1, (upcoming.count + size - 1) / size),
            firstIndex: first, tracks: Array(upcoming[first...].prefix(size)), upcomingCount: upcoming.count,
            upcomingDuration: .milliseconds(total), historyCount: queue.history.count, canGoBack: queue.canGoBack)
    }

    private static let pageSizes = 1...100
}

extension ClosedRange {
    func clamp(_ value: Bound) -> Bound { Swift.min(Swift.max(lowerBound, value), upperBound) }
}
