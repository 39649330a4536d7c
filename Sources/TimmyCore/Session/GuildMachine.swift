/// One guild's player as a value: what plays, where, and what is under way. Pure: no clock, no socket, no task.
///
/// Events change only what is *wanted*; `reconcile` then compares that with what has been asked of the ports so far and
/// returns the difference as actions. Being a value, it can be tried out: the shell keeps the changed copy only once the
/// journal has it.
public struct GuildMachine: Sendable {
    public let guild: GuildID
    public let settings: SessionSettings
    public internal(set) var queue: Queue
    public internal(set) var volume: Int
    public internal(set) var filter: AudioFilter = .off
    public internal(set) var isPaused = false
    public internal(set) var textChannel: ChannelID?
    public internal(set) var listeners: Set<UserID> = []

    var voice: Voice = .out
    var deck: Deck?
    /// What the open streams were last told.
    var heardVolume: Int
    var heardFilter: AudioFilter
    var prepared: Prepared?
    var air: Air = .silent
    /// What the voice port was told to go on with.
    var follower: StreamID?
    var armed: [TimerKind: Armed] = [:]
    var failureStreak = 0
    /// The track that was skipped because trouble that passes had not passed, until another one is heard.
    var stalled: (entry: EntryID, position: Duration)?
    /// Where a track that is not on the deck is to go on.
    var resumeAt: (entry: EntryID, position: Duration)?
    /// The channel of the record that this machine was made from, until it is gone back to or given up.
    var restorable: ChannelID?
    var actions: [GuildAction] = []
    /// Streams to be closed once their successor is on air.
    var doomed: [StreamID] = []

    var edits: [QueueEdit] = []
    var journaled: PlaybackRecord
    var checkpointDue = false
    var positionJumped = false
    var journalIsBehind = false
    /// When what is being handled happened.
    private(set) var wall = Timestamp(milliseconds: 0)
    private(set) var now: Duration = .zero
    private var lastNumber: UInt64 = 0

    public init(guild: GuildID, settings: SessionSettings = SessionSettings(), record: GuildRecord? = nil) {
        self.guild = guild
        self.settings = settings
        let playback = record?.playback ?? PlaybackRecord(volume: settings.defaultVolume)
        queue = record?.queue ?? Queue()
        volume = min(max(0, playback.volume), 200)
        filter = playback.filter
        isPaused = playback.isPaused
        textChannel = playback.textChannel
        heardVolume = volume
        heardFilter = filter
        journaled = playback
        if let current = queue.current {
            resumeAt = (current.id, playback.position)
            restorable = playback.voiceChannel
        }
    }

    /// Takes one event in and says what to do. `moment.position` belongs to `currentStream`.
    public mutating func handle(_ event: GuildEvent, at moment: Moment) -> [GuildAction] {
        actions = []
        wall = moment.wall
        now = moment.now
        note(moment)
        switch event {
        case .command(let id, let command, let caller): perform(command, id, caller)
        case .joined(let attempt): joined(attempt)
        case .joinFailed(let attempt, let error): joinFailed(attempt, error)
        case .voice(let event): voiceChanged(event)
        case .opened(let stream): opened(stream)
        case .openFailed(let stream, let error): openFailed(stream, error)
        case .ended(let stream): ended(stream)
        case .failed(let stream, let error): streamFailed(stream, error)
        case .timer(let kind, let generation): fired(kind, generation)
        case .restore: restore()
        }
        reconcile()
        return actions
    }

    /// Takes in how far the current stream is.
    public mutating func note(_ moment: Moment) {
        if let position = moment.position { deck?.heard(position) }
    }

    /// The stream whose position counts.
    public var currentStream: StreamID? { deck?.stream }

    /// Where the listener is in the current track.
    public var position: Duration {
        if let deck { return deck.wantedPosition }
        if let resumeAt, resumeAt.entry == queue.current?.id { return resumeAt.position }
        return .zero
    }

    /// Commands that get their reply only when the voice channel is reached.
    public var waitingCommands: [CommandID] {
        guard case .joining(let joining) = voice else { return [] }
        return joining.pending.map(\.command) + joining.resuming + (joining.deferred.map { [$0.id] } ?? [])
    }

    mutating func number() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    mutating func edit(_ edit: QueueEdit) {
        queue.apply(edit)
        edits.append(edit)
    }
}

extension GuildMachine {
    enum Voice: Sendable {
        case out
        case joining(Joining)
        case connected(ChannelID)
        case recovering(Recovery)

        /// Where the bot is or tries to be.
        var channel: ChannelID? {
            switch self {
            case .out: nil
            case .joining(let joining): joining.channel
            case .connected(let channel): channel
            case .recovering(let recovery): recovery.channel
            }
        }
    }

    struct Joining: Sendable {
        let attempt: UInt64
        /// Somebody may drag the bot elsewhere before it has arrived.
        var channel: ChannelID
        var pending: [PendingAdd] = []
        var resuming: [CommandID] = []
        /// What the bot comes for, done once the channel is reached.
        var deferred: Deferred?
        var users: Set<UserID>
        /// Who is in the channel, once the port has said so.
        var present: Set<UserID>?
        /// The channel that a crash now would have to bring back.
        var from: ChannelID?
    }

    struct PendingAdd: Sendable {
        let command: CommandID
        let entries: [QueuedTrack]
        let mode: AddMode
        let user: UserID
    }

    struct Deferred: Sendable {
        let id: CommandID
        let command: GuildCommand
        let caller: Caller
    }

    struct Recovery: Sendable {
        var channel: ChannelID
        /// Nil while waiting for the rejoin timer.
        var attempt: UInt64?
        var tries = 0
    }

    /// What the voice port was last told to send.
    enum Air: Sendable, Equatable {
        case silent
        case sending(StreamID)
        case held(StreamID)

        var stream: StreamID? {
            switch self {
            case .silent: nil
            case .sending(let stream), .held(let stream): stream
            }
        }
    }

    struct Armed: Sendable, Equatable {
        let generation: UInt64
        /// A timer with another key is another timer, even of the same kind.
        let key: UInt64
    }

    struct Opening: Sendable {
        let stream: StreamID
        let options: AudioOptions
    }

    /// The next track, opened (or opening) ahead of time.
    struct Prepared: Sendable {
        let entry: QueuedTrack
        let opening: Opening
        var isOpen = false
        var hasFailed = false
    }

    /// The current track and its stream.
    struct Deck: Sendable {
        let entry: QueuedTrack
        var stream: StreamID?
        /// A stream under way: the first one, or the one after a seek.
        var opening: Opening?
        var startedAt: Duration
        private(set) var position: Duration
        var failure: PlayerError?
        /// Attempts to open it again since it last played well, and when the trouble began.
        var reopens = 0
        var failingSince: Duration?
        /// Waiting this long before the next attempt to open.
        var reopenDelay: Duration?
        var isAnnounced = false

        init(entry: QueuedTrack, at position: Duration) {
            self.entry = entry
            self.position = position
            startedAt = position
        }

        mutating func heard(_ position: Duration) { if stream != nil { self.position = max(.zero, position) } }

        mutating func start(_ opening: Opening) {
            stream = opening.stream
            startedAt = opening.options.startAt
            position = startedAt
            self.opening = nil
            reopenDelay = nil
        }

        /// Where the listener is, or will be once a seek under way is done.
        var wantedPosition: Duration { opening?.options.startAt ?? position }

        func isNearEnd(_ lead: Duration) -> Bool {
            guard stream != nil, !entry.track.isLive, let duration = entry.track.duration else { return false }
            return duration - position < lead
        }
    }
}
