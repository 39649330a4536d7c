/// The one error of the core's edges: what happened, for the operator and for the user, and whether to try again.
public struct PlayerError: Error, Sendable, CustomStringConvertible {
    /// Open set: adapters may mint codes of their own.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public var description: String { rawValue }
    }

    /// What somebody who got this error should do about it.
    public enum Retry: Hashable, Sendable {
        /// The same request will fail again.
        case never
        /// Somebody has to change something first (join a channel, grant a permission).
        case afterUserAction
        /// Passing trouble: try again after this long. Zero means at once.
        case after(Duration)
    }

    public let code: Code
    /// For logs. Holds no secret.
    public let message: String
    /// For the person who asked, in plain words; nil when it is none of their business.
    public let userMessage: String?
    public let cause: (any Error)?
    public let retry: Retry

    public init(
        _ code: Code, _ message: String, user: String? = nil, cause: (any Error)? = nil, retry: Retry = .never
    ) {
        self.code = code
        self.message = message
        self.userMessage = user
        self.cause = cause
        self.retry = retry
    }

    public var description: String { "\(code): \(message)" + (cause.map { " (\($0))" } ?? "") }

    /// What to show when a user must be told something and the error itself has no words for them.
    public var shownToUser: String { userMessage ?? "Something went wrong. Please try again." }
}

extension PlayerError.Code {
    public static let notInVoice = Self(rawValue: "not_in_voice")
    public static let playingElsewhere = Self(rawValue: "playing_elsewhere")
    public static let nothingPlaying = Self(rawValue: "nothing_playing")
    public static let notFound = Self(rawValue: "not_found")
    public static let unsupportedLink = Self(rawValue: "unsupported_link")
    public static let trackUnavailable = Self(rawValue: "track_unavailable")
    public static let sourceUnavailable = Self(rawValue: "source_unavailable")
    public static let mediaFailed = Self(rawValue: "media_failed")
    public static let queueFull = Self(rawValue: "queue_full")
    public static let userLimit = Self(rawValue: "user_limit")
    public static let invalidArgument = Self(rawValue: "invalid_argument")
    public static let expired = Self(rawValue: "expired")
    public static let rateLimited = Self(rawValue: "rate_limited")
    public static let notApproved = Self(rawValue: "guild_not_approved")
    public static let cannotConnect = Self(rawValue: "cannot_connect")
    public static let cannotSpeak = Self(rawValue: "cannot_speak")
    public static let channelFull = Self(rawValue: "channel_full")
    public static let voiceFailed = Self(rawValue: "voice_failed")
    public static let journalFailed = Self(rawValue: "journal_failed")
    public static let timedOut = Self(rawValue: "timed_out")
    public static let cancelled = Self(rawValue: "cancelled")
    public static let busy = Self(rawValue: "busy")
    public static let tooManyGuilds = Self(rawValue: "too_many_guilds")
    public static let shuttingDown = Self(rawValue: "shutting_down")
}
