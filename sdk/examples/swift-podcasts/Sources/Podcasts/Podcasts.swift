import Feeds
import TimmyKit

@c(timmybot_plugin_v1)
public func entry() -> PluginTable { pluginTable(Podcasts.self) }

/// Podcast feeds as a music source. Configuration:
/// `{"feeds": ["https://feeds.example.org/show.xml"], "refresh_minutes": 30}`.
struct Podcasts: Plugin, Source, HealthCheck {
    static let id = "example.swift-podcasts"
    static let version = "1.0.0"
    static let requirements: Set<HostExtension> = [.http, .clock, .player]
    static let prefix = "podcast:"

    let shelf: Shelf
    let feedCount: Int

    init(host: Host) throws {
        let feeds = host.configuration["feeds"]?.array?.compactMap(\.string) ?? []
        guard feeds.allSatisfy({ $0.hasPrefix("https://") || $0.hasPrefix("http://") }) else {
            throw Failure(code: .invalid, detail: "\"feeds\" is a list of addresses")
        }
        if feeds.isEmpty { host.log(.warning, "no \"feeds\" are configured") }
        feedCount = feeds.count
        let shelf = Shelf(feeds) {
            host.log(.warning, $0)
        } fetch: { address in
            var request = HTTP.Request(address)
            request.limit = 8 << 20
            return try await host.http.fetch(request).ok().body
        }
        self.shelf = shelf
        let minutes = min(1_440, max(5, host.configuration["refresh_minutes"]?.integer ?? 30))
        host.background {
            while true {
                await shelf.refresh()
                try await host.clock.sleep(milliseconds: UInt64(minutes) * 60_000)
            }
        }
    }

    // MARK: Source

    func match(_ input: String) -> Int { input.hasPrefix(Self.prefix) ? 100 : 1 }

    func resolve(_ input: String, limit: Int) async throws -> [Track] {
        await shelf.ready()
        guard input.hasPrefix(Self.prefix) else { return await shelf.search(input, limit).map(Self.track) }
        guard let item = await shelf.item(String(input.dropFirst(Self.prefix.count))) else {
            throw Failure(code: .notFound, userText: "This episode is not in the feeds any more.")
        }
        return [Self.track(item)]
    }

    private static func track(_ item: Shelf.Item) -> Track {
        var track = Track(
            key: item.episode.url, title: item.episode.title, artist: item.show, pageURL: item.episode.pageURL,
            durationMilliseconds: item.episode.durationMilliseconds)
        track.artworkURL = item.episode.imageURL.hasPrefix("https://") ? item.episode.imageURL : ""
        return track
    }

    /// The host fetches the sound itself: a plugin that has an address need not touch a byte.
    func open(_ key: String, startMilliseconds: UInt64) async throws -> Media {
        guard key.hasPrefix("https://") || key.hasPrefix("http://") else { throw Failure(code: .notFound) }
        return .url(key)
    }

    func health() async throws -> String {
        let newest = await shelf.newest(1)
        guard feedCount == 0 || !newest.isEmpty else { throw Failure(code: .unavailable, detail: "no feed answers") }
        return "\(feedCount) feeds"
    }

    // MARK: Commands

    @CommandList static var commands: [Command] {
        CommandGroup("podcast") {
            Command("new", "Shows the newest episodes", method: showNewest)
            Command("play", "Plays an episode", .autocomplete("episode", "Its title", method: suggest), method: play)
        }
    }

    func showNewest(_ call: Call) async throws {
        await shelf.ready()
        let newest = await shelf.newest(10)
        guard !newest.isEmpty else { throw Failure(code: .notFound, userText: "There are no episodes.") }
        let lines = newest.map { "**\(Component.plain($0.episode.title))** · \(Component.plain($0.show))" }
        let choices = newest.map { Choice(String($0.episode.title.prefix(100)), $0.episode.id) }
        try call.reply([
            .text("### New episodes\n" + lines.joined(separator: "\n")),
            .row([.select(Select(id: "play", .choices(choices), placeholder: "Play one"))]),
        ])
    }

    func suggest(_ call: Call, _ typed: String) async throws -> [Choice] {
        let found = typed.isEmpty ? await shelf.newest(25) : await shelf.search(typed, 25)
        return found.map { Choice(String("\($0.show): \($0.episode.title)".prefix(100)), $0.episode.id) }
    }

    /// What was chosen from the suggestions is an id; anything else is searched for.
    func play(_ call: Call, episode: String) async throws {
        await shelf.ready()
        var item = await shelf.item(episode)
        if item == nil { item = await shelf.search(episode, 1).first }
        guard let item else { throw Failure(code: .notFound, userText: "There is no such episode.") }
        try await play(call, item)
    }

    func component(_ call: Call) async throws {
        guard call.name == "play", let id = call.selected.first, let item = await shelf.item(id) else {
            throw Failure(code: .notFound, userText: "This episode is not in the feeds any more.")
        }
        try await play(call, item)
    }

    private func play(_ call: Call, _ item: Shelf.Item) async throws {
        let added = try await call.player.play(Self.prefix + item.episode.id, .append)
        let title = Component.plain(item.episode.title)
        try call.reply(added.place == 0 ? "▶️ **\(title)**" : "➕ **\(title)** at place \(added.place).")
    }
}
