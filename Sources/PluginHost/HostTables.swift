import CTimmyBot
import Glibc

/// The C side of the host: what plugins call. Every function may come from any thread, copies what it is given, and
/// returns at once.
///
/// `@unchecked Sendable`: written once before the first plugin is loaded, and only read afterwards.
final class HostTables: @unchecked Sendable {
    static let shared = HostTables()

    private let task = UnsafeMutablePointer<tb_host_task_v1>.allocate(capacity: 1)
    private let log = UnsafeMutablePointer<tb_host_log_v1>.allocate(capacity: 1)
    private let source = UnsafeMutablePointer<tb_host_source_v1>.allocate(capacity: 1)
    private let reply = UnsafeMutablePointer<tb_host_reply_v1>.allocate(capacity: 1)
    private let player = UnsafeMutablePointer<tb_host_player_v1>.allocate(capacity: 1)
    private let probe = UnsafeMutablePointer<tb_host_probe_v1>.allocate(capacity: 1)

    private init() {
        task.initialize(to: tb_host_task_v1(fail: hostFail, is_cancelled: hostIsCancelled))
        log.initialize(to: tb_host_log_v1(log: hostLog))
        source.initialize(to: tb_host_source_v1(resolved: hostResolved, opened: hostOpened, artwork: hostArtwork))
        reply.initialize(to: tb_host_reply_v1(defer: hostDefer, send: hostSend, choices: hostChoices))
        player.initialize(
            to: tb_host_player_v1(
                play: hostPlay, search: hostSearch, control: hostControl, set_filter: hostFilter, snapshot: hostSnapshot
            ))
        probe.initialize(to: tb_host_probe_v1(probe: hostProbe))
    }

    /// Nil for an id that this host does not offer.
    func table(_ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
        guard let id, strnlen(id, 128) < 128 else { return nil }
        switch String(cString: id) {
        case TB_EXT_TASK: return UnsafeRawPointer(task)
        case TB_EXT_LOG: return UnsafeRawPointer(log)
        case TB_EXT_SOURCE_HOST: return UnsafeRawPointer(source)
        case TB_EXT_REPLY: return UnsafeRawPointer(reply)
        case TB_EXT_PLAYER: return UnsafeRawPointer(player)
        case TB_EXT_PROBE: return UnsafeRawPointer(probe)
        default: return nil
        }
    }
}

private typealias RawHost = UnsafePointer<tb_host_v1>?
private typealias RawCall = UnsafePointer<tb_invocation_v1>?

private func instance(_ host: RawHost) -> PluginInstance? {
    host?.pointee.host_data.map { Unmanaged<PluginInstance>.fromOpaque($0).takeUnretainedValue() }
}

// MARK: timmy.task/1, timmy.log/1

private let hostFail: @convention(c) (RawHost, tb_task, UnsafePointer<tb_error_v1>?) -> tb_status = {
    host, task, error in
    guard let plugin = instance(host), let error else { return TB_E_INVALID }
    return plugin.tasks.settle(task, .failed(PluginFailure(error.pointee)), owner: plugin.id)
}
private let hostIsCancelled: @convention(c) (RawHost, tb_task) -> Bool = { host, task in
    !(instance(host)?.tasks.isOpen(task) ?? false)
}
private let hostLog: @convention(c) (RawHost, Int32, tb_str) -> Void = { host, level, message in
    instance(host)?.log(level, message.copied(limit: 4_096) ?? "(a message that is not text)")
}

// MARK: timmy.source.host/1

private let hostResolved: @convention(c) (RawHost, tb_task, UnsafePointer<tb_track_v1>?, Int) -> tb_status = {
    host, task, tracks, count in
    guard let plugin = instance(host), (0...1_000).contains(count), tracks != nil || count == 0 else {
        return TB_E_INVALID
    }
    let copied = UnsafeBufferPointer(start: tracks, count: count).compactMap { PluginTrack($0) }
    if copied.count < count {
        plugin.log(TB_LOG_WARNING, "\(count - copied.count) tracks with unusable texts were dropped")
    }
    return plugin.tasks.settle(task, .tracks(copied), owner: plugin.id)
}
private let hostOpened: @convention(c) (RawHost, tb_task, UnsafePointer<tb_media_v1>?) -> tb_status = {
    host, task, media in
    guard let plugin = instance(host), let media = media?.pointee else { return TB_E_INVALID }
    switch media.kind {
    case TB_MEDIA_FD:
        guard let descriptor = Int32(exactly: media.byte_length), fcntl(descriptor, F_GETFD) >= 0 else {
            return TB_E_INVALID
        }
        return plugin.tasks.settle(task, .media(.file(descriptor: descriptor)), owner: plugin.id)
    case TB_MEDIA_URL:
        guard let url = media.url.copied(limit: 4_096), url.hasPrefix("https://") || url.hasPrefix("http://") else {
            return TB_E_INVALID
        }
        return plugin.tasks.settle(task, .media(.url(url)), owner: plugin.id)
    default: return TB_E_UNSUPPORTED
    }
}
private let hostArtwork: @convention(c) (RawHost, tb_task, tb_str, UnsafePointer<UInt8>?, Int) -> tb_status = {
    host, task, mime, bytes, count in
    guard let plugin = instance(host), let bytes, (1...(4 << 20)).contains(count), let type = mime.copied(limit: 64),
        ["image/png", "image/jpeg"].contains(type)
    else { return TB_E_INVALID }
    let copy = Array(UnsafeBufferPointer(start: bytes, count: count))
    return plugin.tasks.settle(task, .artwork(type: type, bytes: copy), owner: plugin.id)
}

// MARK: timmy.reply/1

private let hostDefer: @convention(c) (RawHost, tb_task, UInt32) -> tb_status = { host, task, _ in
    // The host defers by itself when a plugin takes long; there is nothing more to do.
    instance(host)?.tasks.isOpen(task) == true ? TB_OK : TB_E_STALE
}
private let hostSend:
    @convention(c) (RawHost, tb_task, UInt32, tb_str, UnsafePointer<tb_attachment_v1>?, Int) -> tb_status = {
        host, task, flags, json, attachments, count in
        guard let plugin = instance(host), let text = json.copied(limit: 32 << 10), (0...10).contains(count) else {
            return TB_E_INVALID
        }
        var files: [PluginAttachment] = []
        for raw in UnsafeBufferPointer(start: attachments, count: attachments == nil ? 0 : count) {
            guard let name = raw.name.copied(limit: 128), let type = raw.mime.copied(limit: 64), raw.count <= 8 << 20
            else {
                return TB_E_INVALID
            }
            files.append(
                PluginAttachment(
                    name: name, type: type, bytes: Array(UnsafeBufferPointer(start: raw.bytes, count: raw.count))))
        }
        let reply = PluginReply(
            componentsJSON: text, isEphemeral: flags & TB_REPLY_EPHEMERAL != 0, isUpdate: flags & TB_REPLY_UPDATE != 0,
            attachments: files)
        return plugin.tasks.settle(task, .reply(reply), owner: plugin.id)
    }
private let hostChoices: @convention(c) (RawHost, tb_task, UnsafePointer<tb_choice_v1>?, Int) -> tb_status = {
    host, task, choices, count in
    guard let plugin = instance(host), (0...10_000).contains(count), choices != nil || count == 0 else {
        return TB_E_INVALID
    }
    let copied = UnsafeBufferPointer(start: choices, count: min(count, 25)).compactMap { raw -> PluginChoice? in
        guard let name = raw.name.copied(limit: 400), let value = raw.value.copied(limit: 400), !name.isEmpty,
            (1...100).contains(value.count)
        else { return nil }
        return PluginChoice(name: String(name.prefix(100)), value: value)
    }
    return plugin.tasks.settle(task, .choices(copied), owner: plugin.id)
}

// MARK: timmy.player/1

/// A C context on its way back to the plugin.
private struct Completion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_player_done

    func finish(
        _ tracks: [PluginTrack] = [], place: Int = 0, snapshot: PlayerSnapshot? = nil, failure: PluginFailure? = nil
    ) {
        let lent = Lent()
        let error = failure.map { lent.array([lent.error($0)]) } ?? nil
        let state = snapshot.map { lent.array([$0.raw(lent)]) } ?? nil
        let list = lent.array(tracks.map { lent.track($0) })
        var result = tb_player_result_v1(
            error: error, state: state, tracks: list, track_count: tracks.count, place: UInt32(clamping: place),
            flags: 0)
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
    _ body: @escaping @Sendable (any PlayerService, PluginInvocation, Completion) async throws(PluginFailure) -> Void
) -> tb_status {
    guard let plugin = instance(host), let call = PluginInvocation(raw), let done else { return TB_E_INVALID }
    let completion = Completion(context: context, done: done)
    Task {
        do throws(PluginFailure) {
            try await body(plugin.services.player, call, completion)
        } catch {
            completion.finish(failure: error)
        }
    }
    return TB_OK
}

private let hostPlay:
    @convention(c) (RawHost, RawCall, tb_str, UInt32, tb_player_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, query, mode, done, context in
        guard let query = query.copied(limit: 4_096), let mode = PlayMode(rawValue: mode) else { return TB_E_INVALID }
        return ask(host, call, done, context) { player, call, completion async throws(PluginFailure) in
            let added = try await player.play(query, mode, for: call)
            completion.finish(added.tracks, place: added.place, snapshot: added.snapshot)
        }
    }
private let hostSearch:
    @convention(c) (RawHost, RawCall, tb_str, UInt32, tb_player_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, query, limit, done, context in
        guard let query = query.copied(limit: 4_096) else { return TB_E_INVALID }
        return ask(host, call, done, context) { player, call, completion async throws(PluginFailure) in
            completion.finish(try await player.search(query, limit: Int(min(limit, 100)), for: call))
        }
    }
private let hostControl:
    @convention(c) (RawHost, RawCall, UInt32, Int64, Int64, tb_player_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, action, a, b, done, context in
        guard let action = PlayerAction(action, a, b) else { return TB_E_UNSUPPORTED }
        return ask(host, call, done, context) { player, call, completion async throws(PluginFailure) in
            completion.finish(snapshot: try await player.perform(action, for: call))
        }
    }
private let hostFilter:
    @convention(c) (RawHost, RawCall, tb_str, tb_player_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, name, done, context in
        guard let name = name.copied(limit: 64) else { return TB_E_INVALID }
        return ask(host, call, done, context) { player, call, completion async throws(PluginFailure) in
            completion.finish(snapshot: try await player.setFilter(name, for: call))
        }
    }
private let hostSnapshot:
    @convention(c) (RawHost, RawCall, UInt64, UInt32, tb_player_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, first, count, done, context in
        ask(host, call, done, context) { player, call, completion async throws(PluginFailure) in
            let first = Int(clamping: min(first, 1_000_000)), count = Int(min(count, 100))
            completion.finish(snapshot: try await player.snapshot(first: first, count: count, for: call))
        }
    }

// MARK: timmy.probe/1

private struct ProbeCompletion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_probe_done

    func finish(_ outcome: Result<PluginProbe, PluginFailure>) {
        let lent = Lent()
        var result = tb_probe_result_v1()
        switch outcome {
        case .failure(let failure): result.error = lent.array([lent.error(failure)])
        case .success(let probe):
            result.duration_ms = probe.durationMilliseconds
            result.codec = lent.string(probe.codec)
            result.title = lent.string(probe.title)
            result.artist = lent.string(probe.artist)
            result.album = lent.string(probe.album)
            result.artwork_mime = lent.string(probe.artworkType)
            result.artwork = lent.array(probe.artwork)
            result.artwork_count = probe.artwork.count
        }
        withExtendedLifetime(lent) { done(context, &result) }
    }
}

private let hostProbe: @convention(c) (RawHost, Int32, tb_probe_done?, UnsafeMutableRawPointer?) -> tb_status = {
    host, descriptor, done, context in
    guard let plugin = instance(host), let done, fcntl(descriptor, F_GETFD) >= 0 else { return TB_E_INVALID }
    let completion = ProbeCompletion(context: context, done: done)
    Task {
        do throws(PluginFailure) {
            completion.finish(.success(try await plugin.services.probe.probe(descriptor: descriptor)))
        } catch {
            completion.finish(.failure(error))
        }
    }
    return TB_OK
}
