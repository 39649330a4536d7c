/// Keeps what guilds have queued and where they are, so that a killed process goes on where it was.
public protocol Journal: Sendable {
    /// Makes `entry` survive a crash before it returns, unless it is a checkpoint, which may be written lazily.
    /// Entries of one guild come one at a time and in order.
    func append(_ entry: JournalEntry) async throws(PlayerError)
    /// The newest state of `guild`, or nil when there is none.
    func load(_ guild: GuildID) async throws(PlayerError) -> GuildRecord?
    func forget(_ guild: GuildID) async throws(PlayerError)
}

/// One accepted change of one guild.
public struct JournalEntry: Sendable, Codable, Hashable {
    public enum Change: Sendable, Codable, Hashable {
        /// Apply these, in order, to the queue as it was.
        case edits([QueueEdit])
        /// Forget the queue as it was: this is the whole of it.
        case replace(Queue)
    }

    public let guild: GuildID
    public let change: Change
    /// The state beside the queue after the change, always complete.
    public let playback: PlaybackRecord
    /// Only the position moved: losing this entry costs a few seconds of replay and nothing else.
    public let isCheckpoint: Bool
}

/// What is remembered beside the queue.
public struct PlaybackRecord: Sendable, Codable, Hashable {
    /// Where the bot was to be when this was written; nil = out of voice.
    public var voiceChannel: ChannelID?
    public var textChannel: ChannelID?
    public var positionMilliseconds: Int64
    public var isPaused: Bool
    public var volume: Int
    public var filter: AudioFilter

    public init(
        voiceChannel: ChannelID? = nil, textChannel: ChannelID? = nil, positionMilliseconds: Int64 = 0,
        isPaused: Bool = false, volume: Int = 100, filter: AudioFilter = .off
    ) {
        self.voiceChannel = voiceChannel
        self.textChannel = textChannel
        self.positionMilliseconds = positionMilliseconds
        self.isPaused = isPaused
        self.volume = volume
        self.filter = filter
    }

    public var position: Duration { .milliseconds(max(0, positionMilliseconds)) }
}

/// Everything needed to resume one guild. A store either keeps this up to date with `apply`, or keeps the entries
/// and applies them when it loads.
public struct GuildRecord: Sendable, Codable, Hashable {
    public var queue: Queue
    public var playback: PlaybackRecord

    public init(queue: Queue = Queue(), playback: PlaybackRecord = PlaybackRecord()) {
        self.queue = queue
        self.playback = playback
    }

    public mutating func apply(_ entry: JournalEntry) {
        switch entry.change {
        case .edits(let edits): for edit in edits { queue.apply(edit) }
        case .replace(let whole): queue = whole
        }
        playback = entry.playback
    }
}
