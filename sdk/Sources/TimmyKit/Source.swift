/// One music platform. A plugin is one by conforming: `struct Podcasts: Plugin, Source`.
public protocol Source: Plugin {
    /// 0 for not mine to 100 for surely mine; within a millisecond, without I/O, from any thread.
    func match(_ input: String) -> Int
    /// Tracks for a search or an address.
    func resolve(_ input: String, limit: Int) async throws -> [Track]
    /// The sound of a track, from `startMilliseconds` on where it can (see `Media.started`).
    func open(_ key: String, startMilliseconds: UInt64) async throws -> Media
    /// A PNG or JPEG of up to 4 MiB, or nil. Asked of tracks that have `hasArtwork`.
    func artwork(_ key: String) async throws -> (type: String, bytes: [UInt8])?
}

extension Source {
    public func artwork(_ key: String) async throws -> (type: String, bytes: [UInt8])? { nil }
}

/// What could come next after what was played.
public protocol Recommender: Plugin {
    /// Tracks that go with the seeds (one to five, newest first, from any source).
    func recommend(after seeds: [Track], limit: Int) async throws -> [Track]
}

/// The words of songs.
public protocol LyricsSource: Plugin {
    /// Nil where it has none for this track.
    func lyrics(of track: Track) async throws -> Lyrics?
}

public struct Lyrics: Sendable, Equatable {
    public struct Line: Sendable, Equatable {
        /// Nil where the lines have no times.
        public var milliseconds: Int64?
        public var text: String

        public init(_ text: String, milliseconds: Int64? = nil) {
            self.text = text
            self.milliseconds = milliseconds
        }
    }

    /// Up to 1000, in order.
    public var lines: [Line]
    /// Whom to name.
    public var credit: String
    public var pageURL: String

    public init(_ lines: [Line], credit: String, pageURL: String = "") {
        self.lines = lines
        self.credit = credit
        self.pageURL = pageURL
    }
}

/// Whether the plugin can do its work right now, for `timmybot doctor` and the operator's metrics.
public protocol HealthCheck: Plugin {
    /// A note of up to 200 bytes, or nothing; throws what is wrong.
    func health() async throws -> String
}
