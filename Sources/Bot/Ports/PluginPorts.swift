import CTimmyBot
import Glibc
import Media
import PluginHost
import TimmyCore

extension PlayerError {
    init(_ failure: PluginFailure) {
        self.init(
            failure.code == -2 ? .notFound : failure.code == -9 ? .timedOut : .sourceUnavailable, failure.detail,
            user: failure.userText.isEmpty ? nil : failure.userText, retry: Retry(failure.retry))
    }

    init(_ error: MediaError) {
        self.init(.mediaFailed, error.description, user: error.userMessage, retry: Retry(error.retryAfter))
    }
}

extension PlayerError.Retry {
    fileprivate init(_ wait: Duration?) { self = wait.map { .after($0) } ?? .never }
}

extension PluginFailure {
    /// Whoever asks for a longer rest than this would not be asked again today anyway.
    private static let longestRest = Duration.seconds(86_400)
    /// After "too often" without a time.
    private static let usualRest = Duration.seconds(2)

    init(_ error: PlayerError) {
        var rest: Duration?
        if case .after(let wait) = error.retry, wait > .zero { rest = wait }
        self.init(code: -4, userText: error.shownToUser, detail: error.description, retryAfter: rest)
    }

    /// How long to wait before the same is tried again; nil where it would fail again. What a source says itself counts
    /// first; trouble on the way passes.
    var retry: Duration? {
        if let retryAfter { return min(max(.zero, retryAfter), Self.longestRest) }
        return switch code {
        case TB_E_IO, TB_E_TIMEOUT: .zero
        case TB_E_RATE_LIMIT: Self.usualRest
        default: nil
        }
    }
}

/// A plugin's source as the core sees it.
struct PluginSource: SourcePort {
    let handle: SourceHandle
    var id: String { handle.id }

    func match(_ input: String) async -> Int { await handle.match(input) }

    func resolve(_ input: String, limit: Int) async throws(PlayerError) -> [Track] {
        do throws(PluginFailure) {
            return try await handle.resolve(input, limit: limit).map { track in
                Track(
                    source: handle.id, key: track.key, title: track.title, artist: track.artist,
                    album: track.album.isEmpty ? nil : track.album, isrc: track.isrc.isEmpty ? nil : track.isrc,
                    duration: .milliseconds(track.durationMilliseconds),
                    pageURL: track.pageURL.isEmpty ? nil : track.pageURL,
                    artwork: track.hasArtwork ? "source" : track.artworkURL.isEmpty ? nil : track.artworkURL,
                    flags: track.isLive ? .live : [])
            }
        } catch {
            throw PlayerError(error)
        }
    }

    func open(_ track: Track, startAt: Duration) async throws(PlayerError) -> any TimmyCore.Media {
        do throws(PluginFailure) {
            let media = try await handle.open(track.key, startMilliseconds: UInt64(max(0, startAt.milliseconds)))
            return try await SourceMedia(media, startAt: startAt, isLive: track.isLive)
        } catch {
            throw PlayerError(error)
        }
    }

    /// The track's picture: the source's own, or the one at the address that it gave.
    func artwork(_ track: Track) async -> (type: String, bytes: [UInt8])? {
        guard let artwork = track.artwork else { return nil }
        return artwork.hasPrefix("https://") ? await handle.picture(at: artwork) : await handle.artwork(track.key)
    }
}

/// The media worker's probe, offered to plugins.
struct EngineProbe: ProbeService {
    let engine: MediaEngine

    func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe {
        do throws(MediaError) {
            let found = try await engine.probe(MediaFile(descriptor: descriptor))
            return PluginProbe(
                durationMilliseconds: Int64(clamping: found.info.duration), codec: found.info.codec,
                title: found.info.title,
                artist: found.info.artist, album: found.info.album, artworkType: found.info.artworkType,
                artwork: found.artwork)
        } catch {
            // TB_E_UNAVAILABLE is about the file, TB_E_INTERNAL about us: what remembers bad files goes by that.
            let code: Int32 = error.failure == .internalError ? -11 : -4
            throw PluginFailure(code: code, userText: error.userMessage, detail: error.description)
        }
    }
}

/// The core's player, offered to every plugin alike.
final class CorePlayer: PlayerService, Sendable {
    let player: Player
    private let order: ArrivalOrder

    /// - Parameter order: of the interactions that plugins act for.
    init(_ player: Player, order: ArrivalOrder = ArrivalOrder()) {
        self.player = player
        self.order = order
    }

    private func caller(_ call: PluginInvocation) -> Caller {
        Caller(
            user: UserID(call.user), voiceChannel: call.voiceChannel == 0 ? nil : ChannelID(call.voiceChannel),
            textChannel: ChannelID(call.channel))
    }

    private func translated<Value>(
        _ body: () async throws(PlayerError) -> Value
    ) async throws(PluginFailure) -> Value {
        do throws(PlayerError) { return try await body() } catch { throw PluginFailure(error) }
    }

    func play(_ query: String, _ mode: PlayMode, for call: PluginInvocation) async throws(PluginFailure)
        -> PlayerAddition
    {
        let modes: [PlayMode: AddMode] = [.append: .append, .next: .next, .now: .now]
        let ticket = order.ticket(for: call, hint: query)
        if let ticket { order.searches(ticket) }
        defer { if let ticket { order.leave(ticket) } }
        let request = PlayRequest(
            guild: GuildID(call.guild), caller: caller(call), query: query, mode: modes[mode] ?? .append)
        let result = try await translated { () async throws(PlayerError) in
            try await player.play(request) { if let ticket { await self.order.turnToAdd(ticket) } }
        }
        return PlayerAddition(
            tracks: result.added.map { Self.track($0.track) }, place: result.queuePosition,
            snapshot: try await snapshot(first: 0, count: 0, for: call))
    }

    func search(_ query: String, limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginFound] {
        await player.suggest(query, guild: GuildID(call.guild), limit: limit).map { suggestion in
            var track = Self.track(suggestion.track)
            track.key = suggestion.token
            return PluginFound(track: track, source: suggestion.track.source)
        }
    }

    func perform(_ action: PlayerAction, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        let guild = GuildID(call.guild), caller = caller(call)
        let ticket = order.ticket(for: call, hint: action.hint)
        defer { if let ticket { order.leave(ticket) } }
        let reply = try await translated { () async throws(PlayerError) -> CommandReply in
            switch action {
            case .skip(let count): try await player.skip(guild, by: caller, count: max(1, count))
            case .previous: try await player.previous(guild, by: caller)
            case .stop: try await player.stop(guild, by: caller)
            case .pause: try await player.pause(guild, by: caller)
            case .resume: try await player.resume(guild, by: caller)
            case .seekTo(let milliseconds):
                try await player.seek(guild, by: caller, to: .absolute(.milliseconds(milliseconds)))
            case .seekBy(let milliseconds):
                try await player.seek(guild, by: caller, to: .relative(.milliseconds(milliseconds)))
            case .volume(let percent): try await player.setVolume(guild, by: caller, percent: percent)
            case .loop(let mode):
                try await player.setLoop(guild, by: caller, mode == 1 ? .track : mode == 2 ? .queue : .off)
            case .shuffle: try await player.shuffle(guild, by: caller)
            case .remove(let from, let to): try await player.remove(guild, by: caller, first: from, last: to)
            case .move(let from, let to): try await player.move(guild, by: caller, from: from, to: to)
            case .clear: try await player.clear(guild, by: caller)
            }
        }
        var snapshot = try await snapshot(first: 0, count: 0, for: call)
        switch action {
        case .seekTo, .seekBy: snapshot.positionMilliseconds = reply.position.milliseconds
        default: break
        }
        return snapshot
    }

    func setFilter(_ name: String, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        let filter = name.isEmpty ? AudioFilter.off : AudioFilter(rawValue: name)
        let ticket = order.ticket(for: call, hint: name)
        defer { if let ticket { order.leave(ticket) } }
        _ = try await translated { () async throws(PlayerError) in
            try await player.setFilter(GuildID(call.guild), by: caller(call), filter)
        }
        return try await snapshot(first: 0, count: 0, for: call)
    }

    func snapshot(first: Int, count: Int, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        let size = max(1, count)
        let state = try await translated { () async throws(PlayerError) in
            try await player.snapshot(GuildID(call.guild), page: first / size, pageSize: size)
        }
        return Self.snapshot(state, page: count > 0)
    }

    private static func snapshot(_ state: GuildSnapshot, page: Bool) -> PlayerSnapshot {
        var result = PlayerSnapshot()
        result.current = state.current.map { track($0.track) }
        result.positionMilliseconds = state.position.milliseconds
        result.isPaused = state.isPaused
        result.volume = state.volume
        result.loop = state.loop == .off ? 0 : state.loop == .track ? 1 : 2
        result.filter = state.filter == .off ? "" : state.filter.rawValue
        result.requestedBy = state.current?.requestedBy.rawValue ?? 0
        result.voiceChannel = state.voiceChannel?.rawValue ?? 0
        result.page = page ? state.tracks.map { track($0.track) } : []
        result.pageStart = state.firstIndex
        result.queueLength = state.upcomingCount
        result.queueDurationMilliseconds = state.upcomingDuration.milliseconds
        result.historyCount = state.historyCount
        return result
    }

    static func track(_ track: Track) -> PluginTrack {
        PluginTrack(
            key: track.key, title: track.title, artist: track.artist, album: track.album ?? "", isrc: track.isrc ?? "",
            pageURL: track.pageURL ?? "",
            artworkURL: track.artwork.flatMap { $0.hasPrefix("https://") ? $0 : nil } ?? "",
            durationMilliseconds: track.durationMilliseconds ?? 0, isLive: track.isLive,
            hasArtwork: track.artwork != nil)
    }
}

extension PlayerAction {
    /// The number that a user may have typed for it.
    fileprivate var hint: String {
        switch self {
        case .skip(let count): String(count)
        case .volume(let percent): String(percent)
        case .remove(let from, _), .move(let from, _): String(from)
        default: ""
        }
    }
}

/// Breaks the circle between plugins, which need the player, and the player, which needs the plugins' sources.
final class LatePlayer: PlayerService, Sendable {
    private let box = Slot<CorePlayer>()

    func set(_ player: CorePlayer) { box.set(player) }

    func ready() throws(PluginFailure) -> CorePlayer {
        guard let player = box.get() else {
            // TB_E_UNAVAILABLE: no fault of the plugin that asks.
            throw PluginFailure(code: -4, userText: "I am still starting.", detail: "no player yet")
        }
        return player
    }

    func play(_ query: String, _ mode: PlayMode, for call: PluginInvocation) async throws(PluginFailure)
        -> PlayerAddition
    {
        try await ready().play(query, mode, for: call)
    }
    func search(_ query: String, limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginFound] {
        try await ready().search(query, limit: limit, for: call)
    }
    func perform(_ action: PlayerAction, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        try await ready().perform(action, for: call)
    }
    func setFilter(_ name: String, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        try await ready().setFilter(name, for: call)
    }
    func snapshot(first: Int, count: Int, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        try await ready().snapshot(first: first, count: count, for: call)
    }
}
