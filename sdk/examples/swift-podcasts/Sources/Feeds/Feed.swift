import TimmyKit

/// One show and its episodes, newest first as the feed has them.
public struct Feed: Sendable, Equatable {
    public struct Episode: Sendable, Equatable {
        /// The feed's own name for it, or the address of its sound.
        public var guid = ""
        public var title = ""
        public var url = ""
        public var pageURL = ""
        public var imageURL = ""
        public var durationMilliseconds: Int64 = 0

        /// Short, the same after every restart, and good within a custom_id: FNV-1a of the guid.
        public var id: String {
            let hash = guid.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
            return String(hash, radix: 16)
        }
    }

    public static let maximumEpisodes = 1_000
    static let maximumText = 512

    public var title = ""
    public var imageURL = ""
    public var episodes: [Episode] = []

    /// Reads RSS 2.0 with the podcast fields of Apple's namespace. Episodes without sound are left out.
    ///
    /// - Throws: `.invalid` where it is no feed.
    public init(rss bytes: [UInt8]) throws(Failure) {
        var reader = try XMLReader(bytes)
        var path: [String] = []
        var text = ""
        var episode: Episode?
        while let event = try reader.next() {
            switch event {
            case .start(let name, let attributes):
                path.append(name)
                text = ""
                if name == "item" { episode = Episode() }
                take(name, attributes, path, &episode)
            case .text(let more):
                if text.utf8.count < Self.maximumText { text += more }
            case .end(let name):
                take(name, Self.cut(text), path, &episode)
                if name == "item", let done = episode {
                    add(done)
                    episode = nil
                }
                path.removeLast()
                text = ""
            }
            if episodes.count == Self.maximumEpisodes { break }
        }
        guard !title.isEmpty || !episodes.isEmpty else {
            throw Failure(code: .invalid, detail: "it is not a podcast feed")
        }
    }

    private static func cut(_ text: String) -> String { String(text.trimmed.prefix(maximumText)) }

    /// What stands in attributes.
    private mutating func take(
        _ name: String, _ attributes: [String: String], _ path: [String], _ episode: inout Episode?
    ) {
        switch name {
        case "enclosure": episode?.url = Self.web(attributes["url"] ?? "")
        case "itunes:image":
            let url = Self.web(attributes["href"] ?? "")
            if episode != nil { episode?.imageURL = url } else { imageURL = url }
        default: break
        }
    }

    /// What stands between tags. An image has a title of its own: only children of the item or the channel count.
    private mutating func take(_ name: String, _ text: String, _ path: [String], _ episode: inout Episode?) {
        let parent = path.dropLast().last
        if episode != nil, parent == "item" {
            switch name {
            case "title": episode?.title = text
            case "guid": episode?.guid = text
            case "link": episode?.pageURL = text.hasPrefix("https://") ? text : ""
            case "itunes:duration": episode?.durationMilliseconds = Self.duration(text)
            default: break
            }
        } else if parent == "channel", name == "title" {
            title = text
        } else if parent == "image", name == "url", imageURL.isEmpty {
            imageURL = Self.web(text)
        }
    }

    private mutating func add(_ episode: Episode) {
        guard !episode.url.isEmpty else { return }
        var episode = episode
        if episode.guid.isEmpty { episode.guid = episode.url }
        if episode.title.isEmpty { episode.title = "Untitled" }
        if episode.imageURL.isEmpty { episode.imageURL = imageURL }
        episodes.append(episode)
    }

    /// An address that fits the ABI's key; empty for anything else.
    private static func web(_ text: String) -> String {
        let isWeb = text.hasPrefix("https://") || text.hasPrefix("http://")
        return isWeb && text.utf8.count <= 1_024 && text.utf8.allSatisfy { $0 > 0x20 } ? text : ""
    }

    /// `1:02:03`, `62:03` or seconds, to milliseconds; 0 for anything else.
    static func duration(_ text: String) -> Int64 {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
        guard (1...3).contains(parts.count) else { return 0 }
        var seconds: Int64 = 0
        for part in parts {
            guard let part, (0..<1_000_000).contains(part) else { return 0 }
            seconds = seconds * 60 + part
        }
        return min(seconds, 1_000_000) * 1_000
    }
}
