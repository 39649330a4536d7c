import CTimmyBot

/// Where a command was called, and by whom. Ids are Discord's.
public struct PluginInvocation: Sendable, Equatable {
    public var guild, channel, user: UInt64
    /// Where the user is; 0 for nowhere.
    public var voiceChannel: UInt64
    /// The user's, in the channel: Discord's bits.
    public var permissions: UInt64
    /// Whether the user runs the bot.
    public var isOwner: Bool
    public var locale: String
    /// Name of the command, or the plugin's own custom_id.
    public var command: String

    public init(
        guild: UInt64, channel: UInt64, user: UInt64, voiceChannel: UInt64, permissions: UInt64 = 0,
        isOwner: Bool = false, locale: String, command: String = ""
    ) {
        self.guild = guild
        self.channel = channel
        self.user = user
        self.voiceChannel = voiceChannel
        self.permissions = permissions
        self.isOwner = isOwner
        self.locale = locale
        self.command = command
    }
}

/// Something that a plugin, or a service for it, could not do.
public struct PluginFailure: Error, Sendable, Equatable {
    /// A `TB_E_*`.
    public let code: Int32
    /// For the user; empty where there is nothing to say.
    public let userText: String
    /// For the operator.
    public let detail: String
    /// How long to leave it alone before it is tried again, where who failed said so.
    public let retryAfter: Duration?

    /// - Parameter code: what is none of this host's codes counts as `TB_E_INTERNAL`, as the ABI says; so does no failure.
    public init(code: Int32 = TB_E_INTERNAL, userText: String = "", detail: String, retryAfter: Duration? = nil) {
        self.code = (TB_E_INTERNAL...TB_E_INVALID).contains(code) ? code : TB_E_INTERNAL
        self.userText = userText
        self.detail = detail
        self.retryAfter = retryAfter
    }
}

public struct PluginTrack: Sendable, Equatable {
    /// Bytes of what may be searched for or played.
    static let maximumQuery = 2_048

    public var key, title, artist, album: String
    /// ISO 3901 without hyphens; empty where it is not known.
    public var isrc: String
    public var pageURL, artworkURL: String
    public var durationMilliseconds: Int64
    public var isLive, hasArtwork: Bool

    public init(
        key: String, title: String, artist: String, album: String = "", isrc: String = "", pageURL: String = "",
        artworkURL: String = "", durationMilliseconds: Int64, isLive: Bool = false, hasArtwork: Bool = false
    ) {
        self.key = key
        self.title = title
        self.artist = artist
        self.album = album
        self.isrc = isrc
        self.pageURL = pageURL
        self.artworkURL = artworkURL
        self.durationMilliseconds = durationMilliseconds
        self.isLive = isLive
        self.hasArtwork = hasArtwork
    }
}

public struct PluginAttachment: Sendable, Equatable {
    public let name, type: String
    public let bytes: [UInt8]

    public init(name: String, type: String, bytes: [UInt8]) {
        self.name = name
        self.type = type
        self.bytes = bytes
    }
}

/// A track that a search found, and the plugin that it is from. Its key is a token for `play`.
public struct PluginFound: Sendable, Equatable {
    public let track: PluginTrack
    public let source: String

    public init(track: PluginTrack, source: String) {
        self.track = track
        self.source = source
    }
}

/// What a plugin answers to a command, a component or a modal.
public enum PluginAnswer: Sendable, Equatable {
    case message(PluginReply)
    /// Discord's JSON object for a modal.
    case modal(json: String)
}

/// What a plugin does about a call before or after its answer.
public enum PluginUpdate: Sendable, Equatable {
    case deferred(isEphemeral: Bool)
    case progress(String)
    case edit(PluginReply)
    case followUp(PluginReply)
}

/// A message of a plugin.
public struct PluginReply: Sendable, Equatable {
    public let componentsJSON: String
    public let isEphemeral, isUpdate: Bool
    public let attachments: [PluginAttachment]

    public init(
        componentsJSON: String, isEphemeral: Bool = false, isUpdate: Bool = false, attachments: [PluginAttachment] = []
    ) {
        self.componentsJSON = componentsJSON
        self.isEphemeral = isEphemeral
        self.isUpdate = isUpdate
        self.attachments = attachments
    }
}

/// One field of a modal as the user filled it in.
public struct PluginField: Sendable, Equatable {
    public let customID, value: String

    public init(customID: String, value: String) {
        self.customID = customID
        self.value = value
    }
}

/// The words of a song.
public struct PluginLyrics: Sendable, Equatable {
    public struct Line: Sendable, Equatable {
        /// Nil where the lines have no times.
        public let atMilliseconds: Int64?
        public let text: String
    }

    public let lines: [Line]
    /// Whom to name.
    public let credit: String
    /// https, or empty.
    public let pageURL: String
}

public struct PluginChoice: Sendable, Equatable {
    public let name, value: String
}

/// A value that a user gave to an option.
public enum PluginValue: Sendable, Equatable {
    case string(String)
    case integer(Int64)
    case number(Double)
}

/// What `timmy.player/1` may ask for.
public enum PlayerAction: Sendable, Equatable {
    case skip(Int), previous, stop, pause, resume
    case seekTo(milliseconds: Int64), seekBy(milliseconds: Int64)
    case volume(percent: Int), loop(Int), shuffle
    case remove(from: Int, to: Int), move(from: Int, to: Int), clear

    init?(_ action: UInt32, _ a: Int64, _ b: Int64) {
        let first = Int(clamping: a), second = Int(clamping: b)
        switch action {
        case TB_PLAYER_SKIP: self = .skip(first)
        case TB_PLAYER_PREVIOUS: self = .previous
        case TB_PLAYER_STOP: self = .stop
        case TB_PLAYER_PAUSE: self = .pause
        case TB_PLAYER_RESUME: self = .resume
        case TB_PLAYER_SEEK_TO: self = .seekTo(milliseconds: a)
        case TB_PLAYER_SEEK_BY: self = .seekBy(milliseconds: a)
        case TB_PLAYER_VOLUME: self = .volume(percent: first)
        case TB_PLAYER_LOOP: self = .loop(first)
        case TB_PLAYER_SHUFFLE: self = .shuffle
        case TB_PLAYER_REMOVE: self = .remove(from: first, to: second)
        case TB_PLAYER_MOVE: self = .move(from: first, to: second)
        case TB_PLAYER_CLEAR: self = .clear
        default: return nil
        }
    }
}

/// State of a guild's player, as plugins see it.
public struct PlayerSnapshot: Sendable, Equatable {
    public var current: PluginTrack?
    public var positionMilliseconds: Int64 = 0
    public var isPaused = false
    public var volume = 100
    public var loop = 0
    public var filter = ""
    public var requestedBy: UInt64 = 0
    public var voiceChannel: UInt64 = 0
    public var page: [PluginTrack] = []
    public var pageStart = 0
    public var queueLength = 0
    public var queueDurationMilliseconds: Int64 = 0
    public var historyCount = 0

    public init() {}
}

/// What a play request came to.
public struct PlayerAddition: Sendable, Equatable {
    public let tracks: [PluginTrack]
    /// Place of the first one in the queue; 0 where it plays at once.
    public let place: Int
    public let snapshot: PlayerSnapshot

    public init(tracks: [PluginTrack], place: Int, snapshot: PlayerSnapshot) {
        self.tracks = tracks
        self.place = place
        self.snapshot = snapshot
    }
}

public enum PlayMode: UInt32, Sendable { case append, next, now }

/// The player, offered to every plugin alike.
public protocol PlayerService: Sendable {
    func play(_ query: String, _ mode: PlayMode, for call: PluginInvocation) async throws(PluginFailure)
        -> PlayerAddition
    func search(_ query: String, limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginFound]
    func perform(_ action: PlayerAction, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot
    func setFilter(_ name: String, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot
    func snapshot(first: Int, count: Int, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot
}

/// What a file is, for plugins.
public struct PluginProbe: Sendable, Equatable {
    public var durationMilliseconds: Int64
    public var codec, title, artist, album, artworkType: String
    public var artwork: [UInt8]

    public init(
        durationMilliseconds: Int64, codec: String, title: String, artist: String, album: String, artworkType: String,
        artwork: [UInt8]
    ) {
        self.durationMilliseconds = durationMilliseconds
        self.codec = codec
        self.title = title
        self.artist = artist
        self.album = album
        self.artworkType = artworkType
        self.artwork = artwork
    }
}

public protocol ProbeService: Sendable {
    /// Takes over `descriptor`.
    func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe
}
