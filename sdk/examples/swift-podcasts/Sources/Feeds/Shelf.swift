import TimmyKit

/// The configured feeds, as they were when they were last fetched. A feed that cannot be fetched keeps its old episodes.
public actor Shelf {
    public struct Item: Sendable, Equatable {
        public let show: String
        public let episode: Feed.Episode
    }

    public static let maximumFeeds = 32

    private let addresses: [String]
    private let fetch: @Sendable (String) async throws -> [UInt8]
    private let complain: @Sendable (String) -> Void
    private var feeds: [String: Feed] = [:]
    private var hasLooked = false

    /// - Parameters:
    ///   - fetch: gives the bytes of an address.
    ///   - complain: a line for the operator.
    public init(
        _ addresses: [String], complain: @escaping @Sendable (String) -> Void,
        fetch: @escaping @Sendable (String) async throws -> [UInt8]
    ) {
        self.addresses = Array(addresses.prefix(Self.maximumFeeds))
        self.complain = complain
        self.fetch = fetch
    }

    /// Fetches every feed anew, all at once.
    public func refresh() async {
        await withTaskGroup(of: (String, Feed?).self) { group in
            for address in addresses { group.addTask { [self] in (address, await one(address)) } }
            for await (address, feed) in group { if let feed { feeds[address] = feed } }
        }
        if !Task.isCancelled { hasLooked = true }
    }

    private nonisolated func one(_ address: String) async -> Feed? {
        do {
            return try Feed(rss: try await fetch(address))
        } catch {
            if !Task.isCancelled { complain("\(address): \(error)") }
            return nil
        }
    }

    /// Looks at the feeds where that has not happened yet: a search right after the start finds something as well.
    public func ready() async { if !hasLooked { await refresh() } }

    private var items: [Item] {
        addresses.compactMap { feeds[$0] }.flatMap { feed in
            feed.episodes.map { Item(show: feed.title, episode: $0) }
        }
    }

    /// The newest of each feed in turn.
    public func newest(_ limit: Int) -> [Item] {
        let shelves = addresses.compactMap { feeds[$0] }
        var found: [Item] = []
        for place in 0..<limit where found.count < limit {
            for feed in shelves where place < feed.episodes.count && found.count < limit {
                found.append(Item(show: feed.title, episode: feed.episodes[place]))
            }
        }
        return found
    }

    public func item(_ id: String) -> Item? { items.first { $0.episode.id == id } }

    /// Episodes in which every word is found, in the title or in the show's; those with more words in the title first.
    public func search(_ text: String, _ limit: Int) -> [Item] {
        let words = Self.words(text)
        guard !words.isEmpty else { return [] }
        let scored = items.enumerated().compactMap { place, item -> (score: Int, place: Int, item: Item)? in
            let title = item.episode.title.lowercased(), show = item.show.lowercased()
            guard words.allSatisfy({ title.contains($0) || show.contains($0) }) else { return nil }
            return (words.count { title.contains($0) }, place, item)
        }
        return scored.sorted { ($1.score, $0.place) < ($0.score, $1.place) }.prefix(limit).map(\.item)
    }

    private static func words(_ text: String) -> [String] {
        text.prefix(200).lowercased().split { !$0.isLetter && !$0.isNumber }.prefix(12).map(String.init)
    }
}
