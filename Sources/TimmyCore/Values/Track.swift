/// One playable thing as a source described it. Plain data: holding a track opens nothing.
public struct Track: Hashable, Sendable, Codable {
    /// What a listener or a card should know beyond the names.
    public struct Flags: OptionSet, Hashable, Sendable, Codable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Endless: no duration, no seeking, never prepared ahead.
        public static let live = Flags(rawValue: 1 << 0)
        public static let explicit = Flags(rawValue: 1 << 1)
        /// Only an excerpt can be played.
        public static let preview = Flags(rawValue: 1 << 2)
        /// The source cannot start anywhere but at the beginning.
        public static let unseekable = Flags(rawValue: 1 << 3)
    }

    /// The `SourcePort.id` that opens it.
    public var source: String
    /// Opaque to everyone but that source.
    public var key: String
    public var title: String
    public var artist: String
    public var album: String?
    /// ISO 3901 without hyphens.
    public var isrc: String?
    /// In milliseconds; nil when unknown or endless.
    public var durationMilliseconds: Int64?
    public var pageURL: String?
    /// A URL or a source's own reference; shown, never opened by the core.
    public var artwork: String?
    public var flags: Flags

    public init(
        source: String, key: String, title: String, artist: String = "", album: String? = nil,
        isrc: String? = nil, duration: Duration? = nil, pageURL: String? = nil, artwork: String? = nil,
        flags: Flags = []
    ) {
        self.source = source
        self.key = key
        self.title = title
        self.artist = artist
        self.album = album
        self.isrc = isrc
        self.durationMilliseconds = duration.flatMap { $0 > .zero ? $0.milliseconds : nil }
        self.pageURL = pageURL
        self.artwork = artwork
        self.flags = flags
    }

    public var duration: Duration? { durationMilliseconds.map { .milliseconds($0) } }
    public var isLive: Bool { flags.contains(.live) }
    public var isSeekable: Bool { flags.isDisjoint(with: [.live, .unseekable]) }
}

/// A track in a guild's queue: who asked for it and when.
public struct QueuedTrack: Hashable, Sendable, Codable, Identifiable {
    public let id: EntryID
    public let track: Track
    public let requestedBy: UserID
    public let addedAt: Timestamp
    /// When it last became the current track; nil before that.
    public internal(set) var startedAt: Timestamp?

    public init(id: EntryID, track: Track, requestedBy: UserID, addedAt: Timestamp) {
        self.id = id
        self.track = track
        self.requestedBy = requestedBy
        self.addedAt = addedAt
    }
}

/// What repeats when a track ends.
public enum LoopMode: String, Hashable, Sendable, Codable, CaseIterable {
    case off, track, queue

    /// The next mode of a loop button.
    public var next: LoopMode {
        switch self {
        case .off: .track
        case .track: .queue
        case .queue: .off
        }
    }
}

/// A named audio filter. The set is open: the audio side says which names it knows.
public struct AudioFilter: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let off = AudioFilter(rawValue: "off")
    public var description: String { rawValue }
}
