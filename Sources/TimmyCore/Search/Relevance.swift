/// How well a track answers a query. Pure; the same input always gives the same score.
public struct Relevance: Sendable {
    private let query: [String]
    private let joined: String

    public init(query: String) {
        let words = TextFolding.words(query)
        let plain = words.filter { $0 != "by" }
        self.query = plain.isEmpty ? words : plain
        joined = self.query.joined(separator: " ")
    }

    /// About 0 (nothing in common) to 1.5 (exactly that).
    public func score(_ track: Track) -> Double {
        guard !query.isEmpty else { return 0 }
        let title = TextFolding.titleWords(track.title)
        let artist = TextFolding.titleWords(track.artist)
        let album = TextFolding.words(track.album ?? "")
        var found = 0.0
        var titleHits: Set<String> = []
        for (index, word) in query.enumerated() {
            let isLast = index == query.count - 1
            let (inTitle, hit) = best(word, in: title, isLast: isLast)
            let inArtist = best(word, in: artist, isLast: isLast).0
            let inAlbum = best(word, in: album, isLast: isLast).0 * 0.6
            found += max(inTitle, inArtist, inAlbum)
            if let hit { titleHits.insert(hit) }
        }
        let coverage = found / Double(query.count)
        let precision = title.isEmpty ? 0 : Double(titleHits.count) / Double(Set(title).count)
        return 0.8 * coverage + 0.2 * precision * coverage + exactBonus(title, artist) - penalty(track.title)
    }

    private func exactBonus(_ title: [String], _ artist: [String]) -> Double {
        let (title, artist) = (title.joined(separator: " "), artist.joined(separator: " "))
        if joined == title { return 0.4 }
        if !artist.isEmpty, joined == "\(title) \(artist)" || joined == "\(artist) \(title)" { return 0.5 }
        return joined == artist ? 0.15 : 0
    }

    /// Versions that nobody asked for stand behind the original.
    private func penalty(_ title: String) -> Double {
        let words = Set(TextFolding.words(title))
        return words.intersection(Self.versions).subtracting(query).isEmpty ? 0 : 0.15
    }

    private static let versions: Set<String> = [
        "live", "cover", "karaoke", "nightcore", "remix", "instrumental", "slowed", "reverb", "8d", "sped",
    ]

    private func best(_ word: String, in words: [String], isLast: Bool) -> (Double, String?) {
        var best = (0.0, String?.none)
        for other in words {
            let likeness = Self.likeness(word, other, isLast: isLast)
            if likeness > best.0 { best = (likeness, other) }
        }
        return best
    }

    /// 1 = same word; less for beginnings, typing errors and parts.
    static func likeness(_ word: String, _ other: String, isLast: Bool) -> Double {
        if word == other { return 1 }
        // The last word may still be in the making.
        if other.hasPrefix(word) { return isLast ? 0.9 : 0.75 }
        let length = word.utf8.count
        let allowed = length >= 8 ? 2 : length >= 4 ? 1 : 0
        if allowed > 0, let typos = editDistance(word.utf8, other.utf8, limit: allowed) {
            return typos == 1 ? 0.8 : 0.7
        }
        if isLast, length >= 4, other.utf8.count > length, allowed > 0,
            editDistance(word.utf8, other.utf8.prefix(length), limit: 1) != nil
        {
            return 0.65
        }
        return length >= 3 && other.contains(word) ? 0.5 : 0
    }
}
