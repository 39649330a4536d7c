import CTimmyBot

/// `timmy.history/1`.
let historyExtension = HostExtension(TB_EXT_HISTORY, tb_host_history_v1(recent: hostRecent))

/// A track that was played. Its key is a token for `play`.
public struct PluginPlayed: Sendable, Equatable {
    public let track: PluginTrack
    public let source: String
    /// 0 where nobody asked for it.
    public let requestedBy: UInt64
    /// Milliseconds since 1970; 0 where it is not known.
    public let playedAt: Int64

    public init(track: PluginTrack, source: String, requestedBy: UInt64, playedAt: Int64) {
        self.track = track
        self.source = source
        self.requestedBy = requestedBy
        self.playedAt = playedAt
    }
}

/// What was played in a guild.
public protocol HistoryService: Sendable {
    /// Newest first, at most `limit`, of the guild that `call` came from.
    func recent(_ limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginPlayed]
}

/// A C context on its way back to the plugin.
private struct HistoryCompletion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_history_done

    func finish(_ outcome: Result<[PluginPlayed], PluginFailure>) {
        let lent = Lent()
        let (played, failure) = outcome.parts(or: [])
        let list = played.map { played in
            tb_played_v1(
                track: lent.track(played.track), source: lent.string(played.source), requested_by: played.requestedBy,
                played_at_ms: played.playedAt)
        }
        var result = tb_history_result_v1(
            error: failure.map { lent.array([lent.error($0)]) } ?? nil, played: lent.array(list), count: list.count)
        withExtendedLifetime(lent) { done(context, &result) }
    }
}

private let hostRecent:
    @convention(c) (RawHost, RawCall, UInt32, tb_history_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, limit, done, context in
        guard let plugin = instance(host), let call = PluginInvocation(call), let done, (1...100).contains(limit) else {
            return TB_E_INVALID
        }
        guard let service = plugin.services.history else { return TB_E_UNSUPPORTED }
        let completion = HistoryCompletion(context: context, done: done)
        return plugin.ports.answer(completion.finish) { () async throws(PluginFailure) in
            try await service.recent(Int(limit), for: call)
        }
    }
