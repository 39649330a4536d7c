/// Who gave a command and from where.
public struct Caller: Sendable, Hashable {
    public var user: UserID
    /// The voice channel that the user is in now.
    public var voiceChannel: ChannelID?
    public var textChannel: ChannelID?
    /// An operator (web console): need not sit in the channel.
    public var isPrivileged: Bool

    public init(
        user: UserID, voiceChannel: ChannelID? = nil, textChannel: ChannelID? = nil, isPrivileged: Bool = false
    ) {
        self.user = user
        self.voiceChannel = voiceChannel
        self.textChannel = textChannel
        self.isPrivileged = isPrivileged
    }
}

public enum AddMode: String, Sendable, Hashable, CaseIterable {
    case append, next, now
}

public enum SeekTarget: Sendable, Hashable {
    case absolute(Duration)
    case relative(Duration)
}

/// What people ask of a guild's player. Indices count upcoming tracks from 0.
public enum GuildCommand: Sendable {
    case add([Track], AddMode)
    /// With `ifCurrent`, only that track is skipped: two presses of one button skip once.
    case skip(count: Int, ifCurrent: EntryID?)
    case previous, stop, pause, resume
    case seek(SeekTarget)
    case volume(Int)
    case filter(AudioFilter)
    case loop(LoopMode)
    case shuffle(seed: UInt64)
    case remove(Range<Int>)
    case move(from: Int, to: Int)
    case clear
}

/// What a command did.
public struct CommandReply: Sendable, Hashable {
    /// Tracks that were added, removed, moved or skipped.
    public var affected: [QueuedTrack] = []
    /// Where the first added or the moved track stands among the upcoming ones, from 0; nil when it is the current one.
    public var index: Int?
    /// The first added track is the current one because of this command.
    public var startedNow = false
    /// Tracks that no longer fitted into the queue or the user's share of it.
    public var leftOut = 0
    public var current: QueuedTrack?
    public var position: Duration = .zero
}

/// Time and place of an event: clocks and the position come from outside, the machine has none.
public struct Moment: Sendable {
    public var wall: Timestamp
    /// `TimeSource.now`, for measuring.
    public var now: Duration
    /// `AudioStream.position` of the current stream, if one is open.
    public var position: Duration?

    public init(wall: Timestamp, now: Duration = .zero, position: Duration? = nil) {
        self.wall = wall
        self.now = now
        self.position = position
    }
}

public enum TimerKind: Sendable, Hashable, CaseIterable {
    case checkpoint, idle, alone, join, rejoin, reopen
}

/// Everything that can happen to a guild's player.
public enum GuildEvent: Sendable {
    case command(CommandID, GuildCommand, Caller)
    case joined(attempt: UInt64)
    case joinFailed(attempt: UInt64, PlayerError)
    case voice(VoiceEvent)
    case opened(StreamID)
    case openFailed(StreamID, PlayerError)
    case ended(StreamID)
    case failed(StreamID, PlayerError)
    case timer(TimerKind, generation: UInt64)
    /// The machine was made from a record: go back to where it was.
    case restore
}

/// What the shell has to do, in this order.
public enum GuildAction: Sendable {
    case join(ChannelID, attempt: UInt64)
    /// Ends a join under way as well.
    case leave
    case open(StreamID, QueuedTrack, AudioOptions)
    /// Ends an opening under way as well.
    case close(StreamID)
    case play(StreamID)
    /// What follows the stream that plays without a gap; nil for nothing.
    case prepare(StreamID?)
    case pause, resume, silence
    case setVolume(StreamID, Int)
    case setFilter(StreamID, AudioFilter)
    case setTimer(TimerKind, generation: UInt64, after: Duration)
    case cancelTimer(TimerKind)
    case reply(CommandID, Result<CommandReply, PlayerError>)
    case notify(Notice)
}

/// News that people may want to read, beside the state itself.
public enum Notice: Sendable {
    case trackStarted(QueuedTrack)
    case trackFailed(QueuedTrack, PlayerError)
    /// Too many tracks failed in a row, or trouble that should pass did not: playback ended, the rest of the queue waits.
    case gaveUp(PlayerError)
    case seekFailed(QueuedTrack, PlayerError)
    case queueEnded
    case leftIdle, leftAlone
    case disconnected
    case moved(ChannelID)
    /// The bot is in the channel and waits for a moderator to let it speak.
    case waitingToSpeak(ChannelID)
    case allowedToSpeak(ChannelID)
    case reconnecting(PlayerError)
    case reconnected
    /// Voice could not be reached again: out of voice, the queue waits.
    case reconnectFailed(PlayerError)
    /// A change that nobody asked for could not be stored; the next change stores it too.
    case journalBehind(PlayerError)
}
