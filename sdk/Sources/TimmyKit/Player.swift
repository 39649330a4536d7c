import CTimmyBot

/// State of a guild's player.
public struct PlayerState: Sendable {
    public enum Loop: UInt32, Sendable { case off, track, queue }

    public var current: Track?
    public var isPaused: Bool
    /// Percent.
    public var volume: Int
    public var loop: Loop
    public var positionMilliseconds: Int64
    public var requestedBy, voiceChannel: UInt64
    public var filter: String
    /// The page that was asked for, and where it starts.
    public var page: [Track]
    public var pageStart, queueLength, historyCount: Int
    public var queueDurationMilliseconds: Int64

    init(_ raw: tb_player_state_v1) {
        current = raw.playing == 1 ? Track(raw.current) : nil
        isPaused = raw.paused == 1
        volume = Int(raw.volume)
        loop = Loop(rawValue: raw.loop) ?? .off
        positionMilliseconds = Int64(clamping: raw.position_ms)
        requestedBy = raw.requested_by
        voiceChannel = raw.voice_channel
        filter = raw.filter.string
        page = UnsafeBufferPointer(start: raw.queue, count: raw.queue_page_count).map { Track($0) }
        pageStart = Int(clamping: raw.queue_first)
        queueLength = Int(clamping: raw.queue_length)
        historyCount = Int(clamping: raw.history_count)
        queueDurationMilliseconds = Int64(clamping: raw.queue_duration_ms)
    }
}

/// Queue and playback of the guild that a command was called in.
public struct Player: Sendable {
    public enum Mode: UInt32, Sendable { case append, next, now }

    public enum Action: Sendable {
        case skip(Int), previous, stop, pause, resume
        case seekTo(milliseconds: Int64), seekBy(milliseconds: Int64)
        case volume(percent: Int), loop(PlayerState.Loop), shuffle
        /// Places count from 1.
        case remove(from: Int, to: Int), move(from: Int, to: Int), clear

        var raw: (action: UInt32, a: Int64, b: Int64) {
            switch self {
            case .skip(let count): (TB_PLAYER_SKIP, Int64(count), 0)
            case .previous: (TB_PLAYER_PREVIOUS, 0, 0)
            case .stop: (TB_PLAYER_STOP, 0, 0)
            case .pause: (TB_PLAYER_PAUSE, 0, 0)
            case .resume: (TB_PLAYER_RESUME, 0, 0)
            case .seekTo(let milliseconds): (TB_PLAYER_SEEK_TO, milliseconds, 0)
            case .seekBy(let milliseconds): (TB_PLAYER_SEEK_BY, milliseconds, 0)
            case .volume(let percent): (TB_PLAYER_VOLUME, Int64(percent), 0)
            case .loop(let loop): (TB_PLAYER_LOOP, Int64(loop.rawValue), 0)
            case .shuffle: (TB_PLAYER_SHUFFLE, 0, 0)
            case .remove(let from, let to): (TB_PLAYER_REMOVE, Int64(from), Int64(to))
            case .move(let from, let to): (TB_PLAYER_MOVE, Int64(from), Int64(to))
            case .clear: (TB_PLAYER_CLEAR, 0, 0)
            }
        }
    }

    /// What was added, and where.
    public struct Added: Sendable {
        public let tracks: [Track]
        /// Place of the first one in the queue; 0 where it plays at once.
        public let place: Int
        public let state: PlayerState?
    }

    let host: Host
    let call: CallContext

    private struct Reply: Sendable {
        let tracks: [Track]
        let place: Int
        let state: PlayerState?
    }

    /// `query` is what the user typed, an address, or a token from `Call.search`.
    public func play(_ query: String, _ mode: Mode) async throws(Failure) -> Added {
        let reply = try await ask { table, call, lender, done, context in
            table.play(host.raw, call, lender.lend(query), mode.rawValue, done, context)
        }
        return Added(tracks: reply.tracks, place: reply.place, state: reply.state)
    }

    @discardableResult
    public func perform(_ action: Action) async throws(Failure) -> PlayerState {
        let raw = action.raw
        return try state(
            await ask { table, call, _, done, context in
                table.control(host.raw, call, raw.action, raw.a, raw.b, done, context)
            })
    }

    /// An empty name takes the filter away.
    public func setFilter(_ name: String) async throws(Failure) {
        _ = try await ask { table, call, lender, done, context in
            table.set_filter(host.raw, call, lender.lend(name), done, context)
        }
    }

    /// State with `count` tracks of the queue from `first` (0 is the next one).
    public func state(first: Int = 0, count: Int = 0) async throws(Failure) -> PlayerState {
        try state(
            await ask { table, call, _, done, context in
                table.snapshot(host.raw, call, UInt64(max(0, first)), UInt32(clamping: count), done, context)
            })
    }

    private func state(_ reply: Reply) throws(Failure) -> PlayerState {
        guard let state = reply.state else { throw Failure(detail: "the host gave no state") }
        return state
    }

    private typealias Request = (
        tb_host_player_v1, UnsafePointer<tb_invocation_v1>, Lender, tb_player_done, UnsafeMutableRawPointer
    ) -> tb_status

    private func ask(_ request: Request) async throws(Failure) -> Reply {
        guard let table = host.tables.player?.pointee else { throw .missing("a player") }
        let lender = Lender()
        return try await Completion<Reply>.wait("player") { context in
            var raw = call.raw(lender)
            let done: tb_player_done = { context, result in
                guard let result = result?.pointee else { return }
                Completion.finish(context, Player.reply(result))
            }
            return request(table, &raw, lender, done, context)
        }
    }

    private static func reply(_ result: tb_player_result_v1) -> Result<Reply, Failure> {
        if let error = result.error { return .failure(Failure(error.pointee)) }
        return .success(
            Reply(
                tracks: UnsafeBufferPointer(start: result.tracks, count: result.track_count).map { Track($0) },
                place: Int(result.place), state: result.state.map { PlayerState($0.pointee) }))
    }
}
