import CTimmyBot

/// A track as the host shows it to plugins.
public struct Track: Sendable, Equatable {
    public var key, title, artist, pageURL: String
    public var album = ""
    /// ISO 3901 without hyphens; empty where it is not known.
    public var isrc = ""
    /// https; the host fetches it.
    public var artworkURL = ""
    public var durationMilliseconds: Int64
    /// Whether `attachment://cover.png` shows a picture while it plays.
    public var hasArtwork = false
    public var isLive = false

    public init(key: String, title: String, artist: String, pageURL: String = "", durationMilliseconds: Int64) {
        self.key = key
        self.title = title
        self.artist = artist
        self.pageURL = pageURL
        self.durationMilliseconds = durationMilliseconds
    }

    init(_ raw: tb_track_v1) {
        self.init(
            key: raw.key.string, title: raw.title.string, artist: raw.artist.string, pageURL: raw.page_url.string,
            durationMilliseconds: raw.duration_ms)
        album = raw.album.string
        isrc = raw.isrc.string
        artworkURL = raw.artwork_url.string
        hasArtwork = raw.flags & TB_TRACK_ARTWORK != 0
        isLive = raw.flags & TB_TRACK_LIVE != 0
    }

    func raw(_ lender: Lender) -> tb_track_v1 {
        tb_track_v1(
            key: lender.lend(key), title: lender.lend(title), artist: lender.lend(artist),
            album: lender.lend(album), isrc: lender.lend(isrc), page_url: lender.lend(pageURL),
            artwork_url: lender.lend(artworkURL), duration_ms: durationMilliseconds,
            flags: (hasArtwork ? TB_TRACK_ARTWORK : 0) | (isLive ? TB_TRACK_LIVE : 0), zero: 0)
    }
}
