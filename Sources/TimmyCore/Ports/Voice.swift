/// One guild's place in voice. The integrator makes one per guild and reports what happens there as `VoiceEvent`s.
///
/// The session never overlaps two calls, except that `leave` may come while a `join` is still under way: its task is
/// then cancelled and the join must not take effect afterwards.
public protocol VoicePort: Sendable {
    /// Joins, or moves to, `channel`; returns when audio can be sent. Gives up by itself when Discord stays silent.
    /// - Throws: `cannotConnect`, `cannotSpeak`, `channelFull` or another code with words for the user.
    func join(_ channel: ChannelID) async throws(PlayerError)
    /// Leaves voice; harmless when not in voice.
    func leave() async
    /// Sends `stream` from where it stands, in place of what was sent before; also lifts a pause.
    func play(_ stream: any AudioStream) async
    /// Makes `stream` follow the one that plays without a gap; nil takes that back. `play`, `silence` and `leave` take it
    /// back as well. When the port goes on with it, it reports the end of the one before as ever, and is then told to
    /// `play` what it plays already.
    func prepare(_ stream: (any AudioStream)?) async
    /// Stops sending and pulling; the stream keeps its position.
    func pause() async
    /// Goes on after `pause`.
    func resume() async
    /// Stops sending and lets go of the stream.
    func silence() async
}

/// What happens to the bot in voice without its own doing.
public enum VoiceEvent: Sendable {
    /// Somebody disconnected the bot, or its channel is gone. It stays out until asked again.
    case disconnected
    /// Somebody dragged the bot to another channel; the port already follows and goes on sending there.
    case moved(ChannelID)
    /// The connection is lost and the port gave up on mending it. The session joins again where the error's `retry` says
    /// that this may help, and else stays out.
    case lost(PlayerError)
    /// Nobody hears the bot until a moderator lets it speak (on a stage), or that is over. The port holds the music.
    case suppressed(Bool)
    /// The people (no bots) in the bot's channel. To be sent after each join and move, and whenever it changes.
    case listeners(Set<UserID>)
}
