import CTimmyBot

/// `timmy.player/1`.
let playerExtension = HostExtension(
    TB_EXT_PLAYER,
    tb_host_player_v1(play: hostPlay, control: hostControl, set_filter: hostFilter, snapshot: hostSnapshot))

private struct PlayerAnswer {
    var tracks: [PluginTrack] = []
    var place = 0
    var snapshot: PlayerSnapshot?
}

/// A C context on its way back to the plugin.
private struct PlayerCompletion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_player_done

    func finish(_ outcome: Result<PlayerAnswer, PluginFailure>) {
        let lent = Lent()
        let (answer, failure) = outcome.parts(or: PlayerAnswer())
        let error = failure.map { lent.array([lent.error($0)]) } ?? nil
        let state = answer.snapshot.map { lent.array([$0.raw(lent)]) } ?? nil
        let list = lent.array(answer.tracks.map { lent.track($0) })
        var result = tb_player_result_v1(
            error: error, state: state, tracks: list, track_count: answer.tracks.count,
            place: UInt32(clamping: answer.place), flags: 0)
        withExtendedLifetime(lent) { done(context, &result) }
    }
}

extension PlayerSnapshot {
    fileprivate func raw(_ lent: Lent) -> tb_player_state_v1 {
        let empty = PluginTrack(key: "", title: "", artist: "", durationMilliseconds: 0)
        return tb_player_state_v1(
            playing: current == nil ? 0 : 1, paused: isPaused ? 1 : 0, volume: UInt32(clamping: volume),
            loop: UInt32(clamping: loop), current: lent.track(current ?? empty),
            position_ms: UInt64(clamping: positionMilliseconds), requested_by: requestedBy, voice_channel: voiceChannel,
            filter: lent.string(filter), queue: lent.array(page.map { lent.track($0) }), queue_page_count: page.count,
            queue_first: UInt64(clamping: pageStart), queue_length: UInt64(clamping: queueLength),
            queue_duration_ms: UInt64(clamping: queueDurationMilliseconds),
            history_count: UInt64(clamping: historyCount))
    }
}

private func ask(
    _ host: RawHost, _ raw: RawCall, _ done: tb_player_done?, _ context: UnsafeMutableRawPointer?,
    _ body: @escaping @Sendable (any PlayerService, PluginInvocation) async throws(PluginFailure) -> PlayerAnswer
) -> tb_status {
    guard let plugin = instance(host), let call = PluginInvocation(raw), let done else { return TB_E_INVALID }
    let completion = PlayerCompletion(context: context, done: done)
    return plugin.ports.answer(completion.finish) { () async throws(PluginFailure) in
        try await body(plugin.services.player, call)
    }
}

private let hostPlay:
    @convention(c) (RawHost, RawCall, tb_str, UInt32, tb_player_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, query, mode, done, context in
        guard let query = query.copied(limit: PluginTrack.maximumQuery), let mode = PlayMode(rawValue: mode) else {
            return TB_E_INVALID
        }
        return ask(host, call, done, context) { player, call async throws(PluginFailure) in
            let added = try await player.play(query, mode, for: call)
            return PlayerAnswer(tracks: added.tracks, place: added.place, snapshot: added.snapshot)
        }
    }
private let hostControl:
    @convention(c) (RawHost, RawCall, UInt32, Int64, Int64, tb_player_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, action, a, b, done, context in
        guard let action = PlayerAction(action, a, b) else { return TB_E_UNSUPPORTED }
        return ask(host, call, done, context) { player, call async throws(PluginFailure) in
            PlayerAnswer(snapshot: try await player.perform(action, for: call))
        }
    }
private let hostFilter:
    @convention(c) (RawHost, RawCall, tb_str, tb_player_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, name, done, context in
        guard let name = name.copied(limit: 64) else { return TB_E_INVALID }
        return ask(host, call, done, context) { player, call async throws(PluginFailure) in
            PlayerAnswer(snapshot: try await player.setFilter(name, for: call))
        }
    }
private let hostSnapshot:
    @convention(c) (RawHost, RawCall, UInt64, UInt32, tb_player_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, first, count, done, context in
        ask(host, call, done, context) { player, call async throws(PluginFailure) in
            let first = Int(clamping: min(first, 1_000_000)), count = Int(min(count, 100))
            return PlayerAnswer(snapshot: try await player.snapshot(first: first, count: count, for: call))
        }
    }
