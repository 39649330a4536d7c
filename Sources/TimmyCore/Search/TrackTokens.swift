/// Short opaque names for tracks, for the values of choices and buttons that users send back. A token works only in the
/// guild it was made for, until it expires or too many newer ones were made. Pure.
public struct TrackTokens: Sendable {
    /// No query that a person types begins like this.
    public static let prefix = "tb1:"
    public static let maxPerGuild = 512
    public static let maxGuilds = 4096
    public static let lifetime: Duration = .seconds(15 * 60)

    private struct Table: Sendable {
        var cache = ExpiringCache<String, Track>(capacity: maxPerGuild, lifetime: lifetime)
        /// The same track keeps its token while it is fresh, so that typing does not fill the table.
        var byTrack = ExpiringCache<Track, String>(capacity: maxPerGuild, lifetime: lifetime / 2)
    }

    private var tables: ExpiringCache<GuildID, Table>

    public init() { tables = ExpiringCache(capacity: Self.maxGuilds, lifetime: Self.lifetime) }

    public static func isToken(_ text: String) -> Bool { text.hasPrefix(prefix) }

    /// 26 characters with 128 bits of `random`, which has to be a generator for secrets.
    public mutating func issue(
        _ track: Track, in guild: GuildID, at now: Duration, using random: inout some RandomNumberGenerator
    ) -> String {
        var table = tables.value(for: guild, at: now) ?? Table()
        defer { tables.insert(table, for: guild, at: now) }
        if let known = table.byTrack.value(for: track, at: now), table.cache.value(for: known, at: now) != nil {
            return known
        }
        let token = Self.prefix + Self.letters(random.next()) + Self.letters(random.next())
        table.cache.insert(track, for: token, at: now)
        table.byTrack.insert(token, for: track, at: now)
        return token
    }

    public mutating func redeem(_ token: String, in guild: GuildID, at now: Duration) -> Track? {
        guard var table = tables.value(for: guild, at: now) else { return nil }
        return table.cache.value(for: token, at: now)
    }

    public mutating func forget(_ guild: GuildID) { tables.remove(guild) }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    /// 64 bits as 11 characters.
    private static func letters(_ bits: UInt64) -> String {
        String((0..<11).map { alphabet[Int(truncatingIfNeeded: bits >> (6 * UInt64($0))) & 63] })
    }
}
