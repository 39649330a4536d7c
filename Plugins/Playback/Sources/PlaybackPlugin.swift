import TimmyKit

@c(timmybot_plugin_v1)
public func entry() -> PluginTable { pluginTable(PlaybackPlugin.self) }

/// Playing, and what one does while it plays.
struct PlaybackPlugin: Plugin {
    static let id = "timmy.playback"
    static let version = "1.0.0"
    static let requirements: Set<HostExtension> = [.player, .search]

    init(host: Host) {}

    @CommandList static var commands: [Command] {
        Command("play", "Play a song, or add it to the queue", query) { try await play($0, $1, .append) }
        Command("play-next", "Play a song right after this one", query) { try await play($0, $1, .next) }
        Command("now-playing", "Show what is playing") { call in
            try call.reply(Card.nowPlaying(try await call.player.state()))
        }
        Command("skip", "Skip to the next song") { call in
            let state = try await call.player.perform(.skip(1))
            try call.reply(state.current.map { "⏭️ Now playing **\($0.line)**" } ?? "⏭️ Skipped. The queue is empty.")
        }
        Command("previous", "Play the previous song again") { call in
            let state = try await call.player.perform(.previous)
            try call.reply(state.current.map { "⏮️ Now playing **\($0.line)**" } ?? "There is no previous song.")
        }
        Command("stop", "Stop, and leave the channel") { call in
            try await call.player.perform(.stop)
            try call.reply("⏹️ Stopped.")
        }
        Command("pause", "Pause") { call in
            try await call.player.perform(.pause)
            try call.reply("⏸️ Paused.")
        }
        Command("resume", "Go on after a pause") { call in
            try await call.player.perform(.resume)
            try call.reply("▶️ Going on.")
        }
        Command("volume", "Set the volume", .integer("level", "0 to 200 percent", 0...200)) { call, level in
            try await call.player.perform(.volume(percent: Int(level)))
            try call.reply("🔊 Volume \(level) %")
        }
        Command("seek", "Go to a place in the song", .string("position", "1:23, 83, +10 or -10")) {
            try await seek($0, $1)
        }
        Command("filter", "Change the sound", .choice("name", "Which sound", filters)) { call, name in
            try await call.player.setFilter(name)
            try call.reply(name.isEmpty ? "🎚️ Filter off." : "🎚️ Filter \(name).")
        }
    }

    private static let query = Option.autocomplete(
        "query", "Title, artist or address", length: 1...500, suggest: suggestions)
    private static let filters = [("Off", ""), ("Bass boost", "bassboost"), ("Soft", "soft"), ("Night", "night")]

    func component(_ call: Call) async throws {
        let state: PlayerState
        switch call.name {
        case "pause": state = try await call.player.perform(.pause)
        case "resume": state = try await call.player.perform(.resume)
        case "skip": state = try await call.player.perform(.skip(1))
        case "stop": state = try await call.player.perform(.stop)
        case "shuffle": state = try await call.player.perform(.shuffle)
        case "loop": state = try await call.player.perform(.loop(try await call.player.state().loop.next))
        case "refresh": state = try await call.player.state()
        default: throw Failure(code: .notFound, userText: "This button does nothing any more.")
        }
        try call.reply(Card.nowPlaying(state), update: true)
    }

    private static func suggestions(_ call: Call, _ typed: String) async throws -> [Choice] {
        guard !typed.isEmpty else { return [] }
        return try await call.search(typed, limit: 25).map { found in
            Choice(String(found.track.plainLine.prefix(100)), found.track.key)
        }
    }

    private static func play(_ call: Call, _ query: String, _ mode: Player.Mode) async throws {
        let added = try await call.player.play(query, mode)
        guard let first = added.tracks.first else {
            throw Failure(code: .notFound, userText: "Nothing was found.")
        }
        let what =
            added.tracks.count == 1 ? "**\(first.line)**" : "**\(added.tracks.count)** songs, first **\(first.line)**"
        if added.place == 0, let state = added.state {
            try call.reply(Card.nowPlaying(state))
        } else {
            try call.reply("➕ Added \(what) at place \(added.place).")
        }
    }

    private static func seek(_ call: Call, _ text: String) async throws {
        guard let target = Clock.parse(text) else {
            throw Failure(
                code: .invalid, userText: "I do not understand “\(text.prefix(20))”. Try 1:23, 83, +10 or -10.")
        }
        let state: PlayerState
        switch target {
        case .absolute(let milliseconds): state = try await call.player.perform(.seekTo(milliseconds: milliseconds))
        case .relative(let milliseconds): state = try await call.player.perform(.seekBy(milliseconds: milliseconds))
        }
        try call.reply("⏩ Now at \(Clock.text(state.positionMilliseconds)).")
    }
}

extension PlayerState.Loop {
    var next: Self {
        switch self {
        case .off: .track
        case .track: .queue
        case .queue: .off
        }
    }
}
