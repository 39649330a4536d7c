/// The knobs of a guild session, with the defaults that the bot ships.
public struct SessionSettings: Sendable, Hashable {
    /// In a channel with nothing to play for this long: leave. Nil = stay.
    public var idleTimeout: Duration? = .seconds(300)
    /// Alone in the channel for this long: leave and keep the queue. Nil = stay.
    public var aloneTimeout: Duration? = .seconds(300)
    /// A track's successor is opened this long before the track ends.
    public var prepareLead: Duration = .seconds(15)
    /// How often the position is looked at and written to the journal while playing.
    public var checkpointInterval: Duration = .seconds(2)
    public var joinTimeout: Duration = .seconds(30)
    /// The same where nobody waits for it: with hundreds of guilds to come back after a restart, Discord's send limit lets
    /// the last ones ask only minutes later.
    public var rejoinTimeout: Duration = .seconds(600)
    public var openTimeout: Duration = .seconds(20)
    /// Waits before each attempt to get back into voice; when they are used up the session stays out.
    public var rejoinDelays: [Duration] = [.zero, .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(30)]
    /// So many tracks in a row that cannot be played end the playback.
    public var failureStreak = 5
    /// Waits before the attempts to open a track again after passing trouble, at least; the last one is repeated.
    public var reopenDelays: [Duration] = [.zero, .seconds(1), .seconds(2), .seconds(4), .seconds(8)]
    /// So long a track's trouble may last. What is not to be had by then, or asks for a longer wait, is given up.
    public var reopenPatience: Duration = .seconds(30)
    /// Attempts in that time, whatever clocks say.
    public var reopenAttempts = 10
    public var queueLimit = Queue.defaultLimit
    public var defaultVolume = 100
    public var fairPlay = FairPlay()
    /// Names of filters that the audio side knows, beside `off`; nil = whatever is asked for is passed on.
    public var filters: Set<AudioFilter>?
    /// Commands that may wait in one guild.
    public var maxWaiting = 64

    public init() {}
}
