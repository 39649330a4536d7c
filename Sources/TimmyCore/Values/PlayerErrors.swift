/// Ready-made errors with the words that users see, in one place so that they sound alike.
extension PlayerError {
    public static let notInVoice = PlayerError(
        .notInVoice, "the caller is in no voice channel", user: "Join a voice channel first, then try again.",
        retry: .afterUserAction)

    public static func playingElsewhere(_ channel: ChannelID) -> PlayerError {
        PlayerError(
            .playingElsewhere, "somebody listens in channel \(channel)",
            user:
                "I'm playing in <#\(channel)> and someone is listening there. Join that channel, or wait until it is free.",
            retry: .afterUserAction)
    }

    public static let nothingPlaying = PlayerError(
        .nothingPlaying, "no current track", user: "Nothing is playing right now.", retry: .afterUserAction)

    public static func notFound(_ query: String) -> PlayerError {
        PlayerError(
            .notFound, "no result", user: "I found nothing for “\(query.prefix(100))”.", retry: .afterUserAction)
    }

    public static func invalid(_ text: String) -> PlayerError {
        PlayerError(.invalidArgument, text, user: text, retry: .afterUserAction)
    }

    /// For voice ports: the bot lacks CONNECT or VIEW_CHANNEL.
    public static func cannotConnect(_ channel: ChannelID) -> PlayerError {
        PlayerError(
            .cannotConnect, "no permission to connect to channel \(channel)",
            user:
                "I'm not allowed to join <#\(channel)>. Someone has to give me the View Channel and Connect permissions there.",
            retry: .afterUserAction)
    }

    /// For voice ports: the bot lacks SPEAK.
    public static func cannotSpeak(_ channel: ChannelID) -> PlayerError {
        PlayerError(
            .cannotSpeak, "no permission to speak in channel \(channel)",
            user: "I'm not allowed to speak in <#\(channel)>. Someone has to give me the Speak permission there.",
            retry: .afterUserAction)
    }

    /// For voice ports: the channel's user limit is reached.
    public static func channelFull(_ channel: ChannelID) -> PlayerError {
        PlayerError(
            .channelFull, "channel \(channel) is full",
            user: "<#\(channel)> is full. Make room for me, or use another channel.", retry: .afterUserAction)
    }

    static func joinTimedOut(_ channel: ChannelID) -> PlayerError {
        PlayerError(
            .timedOut, "joining channel \(channel) took too long",
            user: "I could not get into <#\(channel)>. It may be full, or Discord is slow. Please try again.",
            retry: .after(.seconds(5)))
    }

    static func journalFailed(_ cause: PlayerError) -> PlayerError {
        PlayerError(
            .journalFailed, "the change could not be stored",
            user: "I could not save that, so nothing was changed. Please try again.",
            cause: cause, retry: .after(.seconds(2)))
    }

    /// Trouble that may pass and has not.
    static func outage(_ cause: PlayerError) -> PlayerError {
        PlayerError(
            cause.code, "the trouble lasts",
            user:
                "\(cause.shownToUser) I have stopped for now and kept the queue: /resume goes on where it was.",
            cause: cause, retry: .afterUserAction)
    }

    static let stoppedWhileJoining = PlayerError(
        .cancelled, "stopped before the voice channel was joined",
        user: "Someone stopped the player before it could start.",
        retry: .after(.zero))

    static let disconnectedWhileJoining = PlayerError(
        .cancelled, "disconnected before the voice channel was joined",
        user: "I was disconnected before I could start. Please try again.", retry: .after(.zero))

    static let shuttingDown = PlayerError(
        .shuttingDown, "the session is closed", user: "I'm restarting. Please try again in a moment.",
        retry: .after(.seconds(10)))

    static let busy = PlayerError(
        .busy, "too many commands wait in this guild", user: "Too much at once. Please try again in a moment.",
        retry: .after(.seconds(2)))
}
