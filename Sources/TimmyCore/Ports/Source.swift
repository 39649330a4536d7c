/// One music platform.
public protocol SourcePort: Sendable {
    /// Short and stable, as in `Track.source`.
    var id: String { get }
    /// 0 = not mine ... 100 = surely mine. Any thread, below a millisecond, no I/O.
    func match(_ input: String) async -> Int
    /// Finds tracks for a link or for words, best first, at most `limit`; an empty answer means nothing was found.
    func resolve(_ input: String, limit: Int) async throws(PlayerError) -> [Track]
    func open(_ track: Track, startAt: Duration) async throws(PlayerError) -> any Media
}

/// Answers which source opens a track. Sources may come and go while the bot runs.
public protocol SourceDirectory: Sendable {
    func source(_ id: String) async -> (any SourcePort)?
}
