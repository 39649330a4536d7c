/// One answer to a query.
public struct SearchHit: Sendable, Hashable {
    public var track: Track
    public var score: Double
    /// The same recording at other sources, for when the first cannot play it.
    public var alternatives: [Track] = []
}

public struct SearchResult: Sendable {
    /// Best first.
    public var hits: [SearchHit] = []
    /// Sources that failed or were too late; what they would have said is missing.
    public var failures: [String: PlayerError] = [:]
    /// The input was a link (or claimed by one source): `hits` is what it stands for, in its own order.
    public var isExclusive = false
}

/// Puts the answers of several sources into one order and folds duplicates together. Pure.
enum SearchMerge {
    /// - Parameter answers: per source, each best first; earlier sources win ties and are the ones kept.
    static func merge(_ answers: [[Track]], query: String, limit: Int) -> [SearchHit] {
        let relevance = Relevance(query: query)
        var ranked: [(hit: SearchHit, source: Int, place: Int)] = []
        for (source, tracks) in answers.enumerated() {
            for (place, track) in tracks.enumerated() {
                // Sources know more than the words; their own order breaks what the words leave open.
                let score = relevance.score(track) - 0.02 * Double(min(place, 10))
                ranked.append((SearchHit(track: track, score: score), source, place))
            }
        }
        ranked.sort { a, b in
            if a.hit.score != b.hit.score { return a.hit.score > b.hit.score }
            return (a.source, a.place) < (b.source, b.place)
        }
        var hits: [SearchHit] = []
        var places: [String: [Int]] = [:]
        for (hit, _, _) in ranked {
            let key = fingerprint(hit.track)
            if let same = places[key, default: []].first(where: { isSame(hits[$0], hit.track) }) {
                hits[same].alternatives.append(hit.track)
            } else if hits.count < limit {
                places[key, default: []].append(hits.count)
                hits.append(hit)
            }
        }
        return hits
    }

    private static func fingerprint(_ track: Track) -> String {
        TextFolding.titleWords(track.title).joined(separator: " ") + "|"
            + TextFolding.titleWords(track.artist).joined(separator: " ")
    }

    /// Same names: the same recording when another source says so and the lengths agree (within 3 s) or are unknown.
    private static func isSame(_ hit: SearchHit, _ track: Track) -> Bool {
        let sources = [hit.track.source] + hit.alternatives.map(\.source)
        guard !sources.contains(track.source) else { return false }
        guard let a = hit.track.durationMilliseconds, let b = track.durationMilliseconds else { return true }
        return abs(a.subtractingReportingOverflow(b).partialValue) <= 3000
    }
}
