import TimmyKit

@c(timmybot_plugin_v1)
public func entry() -> PluginTable { pluginTable(QueuePlugin.self) }

/// Showing and editing the queue.
struct QueuePlugin: Plugin {
    static let id = "timmy.queue"
    static let version = "1.0.0"
    static let requirements: Set<HostExtension> = [.player]
    static let pageSize = 10

    init(host: Host) {}

    @CommandList static var commands: [Command] {
        Command("queue", "Show what comes next") { call in try call.reply(try await page(call, 0)) }
        Command("loop", "Repeat this song or the whole queue", .choice("mode", "What to repeat", loops)) { call, mode in
            try await call.player.perform(.loop(mode))
            try call.reply(
                mode == .off ? "➡️ Loop off." : mode == .track ? "🔂 Repeating this song." : "🔁 Repeating the queue.")
        }
        Command("shuffle", "Mix the queue") { call in
            let state = try await call.player.perform(.shuffle)
            try call.reply("🔀 Mixed \(state.queueLength) songs.")
        }
        Command("remove", "Take a song out of the queue", .integer("position", "Its place", places)) { call, place in
            try await call.player.perform(.remove(from: Int(place), to: Int(place)))
            try call.reply("🗑️ Took place \(place) out of the queue.")
        }
        Command(
            "move", "Move a song within the queue", .integer("from", "Its place", places),
            .integer("to", "Its new place", places)
        ) { call, from, to in
            try await call.player.perform(.move(from: Int(from), to: Int(to)))
            try call.reply("↕️ Moved place \(from) to \(to).")
        }
        Command("clear", "Empty the queue") { call in
            try await call.player.perform(.clear)
            try call.reply("🧹 The queue is empty.")
        }
    }

    private static let places = 1...10_000
    private static let loops: [(String, PlayerState.Loop)] = [
        ("Off", .off), ("This song", .track), ("The queue", .queue),
    ]

    func component(_ call: Call) async throws {
        guard call.name.hasPrefix("page:"), let number = Int(call.name.dropFirst(5)), (0...10_000).contains(number)
        else {
            throw Failure(code: .notFound, userText: "This button does nothing any more.")
        }
        try call.reply(try await Self.page(call, number), update: true)
    }

    private static func page(_ call: Call, _ wanted: Int) async throws -> [Component] {
        var state = try await call.player.state(first: wanted * pageSize, count: pageSize)
        let pages = max(1, (state.queueLength + pageSize - 1) / pageSize)
        let number = min(wanted, pages - 1)
        if number != wanted { state = try await call.player.state(first: number * pageSize, count: pageSize) }
        var parts: [Component] = []
        if let current = state.current {
            parts.append(
                .text(
                    "### Now\n\(state.isPaused ? "⏸️" : "▶️") **\(line(current))** `\(clock(state.positionMilliseconds)) / \(clock(current.durationMilliseconds))`"
                ))
        }
        parts.append(
            .text(
                state.page.isEmpty
                    ? (state.current == nil ? "The queue is empty. Type **/play**." : "Nothing comes after this.")
                    : list(state)))
        if pages > 1 {
            parts.append(.separator)
            parts.append(
                .text(
                    "-# page \(number + 1) of \(pages) · \(state.queueLength) songs · \(clock(state.queueDurationMilliseconds))"
                ))
            parts.append(
                .row([
                    .button(id: "page:\(max(0, number - 1))", label: "Back", emoji: "◀️", disabled: number == 0),
                    .button(id: "page:\(number + 1)", label: "Next", emoji: "▶️", disabled: number + 1 >= pages),
                ]))
        }
        return [.container(accent: 0x57F287, parts)]
    }

    private static func list(_ state: PlayerState) -> String {
        state.page.enumerated().map { index, track in
            "`\(state.pageStart + index + 1).` \(line(track)) `\(clock(track.durationMilliseconds))`"
        }.joined(separator: "\n")
    }

    private static func line(_ track: Track) -> String {
        Component.plain(String((track.artist.isEmpty ? track.title : "\(track.artist) – \(track.title)").prefix(80)))
    }

    private static func clock(_ milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1_000)
        let rest = seconds % 60
        return "\(seconds / 60):\(rest < 10 ? "0" : "")\(rest)"
    }
}
