import TimmyKit

/// The now-playing card.
enum Card {
    static func nowPlaying(_ state: PlayerState) -> [Component] {
        guard let track = state.current else {
            return [.container(accent: nil, [.text("### Nothing is playing\nType **/play** to start.")])]
        }
        let title =
            track.pageURL.isEmpty ? Component.plain(track.title) : "[\(Component.plain(track.title))](\(track.pageURL))"
        let head = "### \(title)\n\(Component.plain(track.artist))"
        let notes = [
            state.isPaused ? "paused" : nil, "volume \(state.volume) %",
            state.loop == .off ? nil : "loop: \(state.loop)",
            state.filter.isEmpty ? nil : "filter: \(state.filter)",
            state.queueLength > 0 ? "\(state.queueLength) in the queue" : nil,
        ].compactMap(\.self)
        let progress = track.isLive ? "🔴 live" : bar(state.positionMilliseconds, track.durationMilliseconds)
        let asked =
            state.requestedBy == 0
            ? "" : "\n-# asked for by <@\(state.requestedBy)> · " + notes.joined(separator: " · ")
        return [
            .container(
                accent: 0x5865F2,
                [
                    track.hasArtwork ? .section(text: head, picture: "attachment://cover.png") : .text(head),
                    .text(progress + asked), buttons(state),
                ])
        ]
    }

    private static func bar(_ position: Int64, _ duration: Int64) -> String {
        guard duration > 0 else { return Clock.text(position) }
        let cells: Int64 = 18
        let place = Int(min(cells - 1, max(0, position * cells / duration)))
        let line = String(repeating: "▬", count: place) + "🔘" + String(repeating: "▬", count: Int(cells) - 1 - place)
        return "\(line) `\(Clock.text(position)) / \(Clock.text(duration))`"
    }

    private static func buttons(_ state: PlayerState) -> Component {
        .row([
            state.isPaused
                ? .button(id: "resume", label: "Resume", style: .success, emoji: "▶️")
                : .button(id: "pause", label: "Pause", style: .primary, emoji: "⏸️"),
            .button(id: "skip", label: "Skip", emoji: "⏭️"),
            .button(id: "stop", label: "Stop", style: .danger, emoji: "⏹️"),
            .button(id: "loop", label: "Loop", style: state.loop == .off ? .secondary : .success, emoji: "🔁"),
            .button(id: "shuffle", label: "Shuffle", emoji: "🔀"),
        ])
    }
}

extension Track {
    /// Artist and title for a message.
    var line: String { Component.plain(plainLine) }
    var plainLine: String { artist.isEmpty ? title : "\(artist) – \(title)" }
}

/// Times as people write them.
enum Clock {
    enum Target { case absolute(Int64), relative(Int64) }

    /// `1:02:03`, `1:23`, `83`, `+10`, `-10` to milliseconds; nil for anything else.
    static func parse(_ text: String) -> Target? {
        let text = text.filter { $0 != " " }
        guard text.count <= 12, let first = text.first else { return nil }
        let sign: Int64 = first == "-" ? -1 : 1
        let relative = first == "+" || first == "-"
        let parts = (relative ? text.dropFirst() : text[...]).split(separator: ":", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count) else { return nil }
        var seconds: Int64 = 0
        for (index, part) in parts.enumerated() {
            guard !part.isEmpty, part.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int64(part) else {
                return nil
            }
            guard index == 0 || value < 60 else { return nil }
            seconds = seconds * 60 + value
        }
        guard seconds < 360_000 else { return nil }
        return relative ? .relative(sign * seconds * 1_000) : .absolute(seconds * 1_000)
    }

    static func text(_ milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1_000)
        let two = { (value: Int64) in value < 10 ? "0\(value)" : "\(value)" }
        let hours = seconds / 3_600
        return hours > 0
            ? "\(hours):\(two(seconds / 60 % 60)):\(two(seconds % 60))" : "\(seconds / 60):\(two(seconds % 60))"
    }
}
