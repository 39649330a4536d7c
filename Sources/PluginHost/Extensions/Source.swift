import CTimmyBot
import Glibc

/// `timmy.source.host/1`.
let sourceExtension = HostExtension(
    TB_EXT_SOURCE_HOST, tb_host_source_v1(resolved: hostResolved, opened: hostOpened, artwork: hostArtwork))

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
    case TB_MEDIA_FD: return openFile(media, task, plugin)
    case TB_MEDIA_URL: return openAddress(media, task, plugin)
    case TB_MEDIA_PIPE: return openPipe(media, task, plugin)
    default:
        guard let kind = PluginSoundKind(media.kind) else { return TB_E_UNSUPPORTED }
        return openReader(media, kind, task, plugin)
    }
}

extension tb_media_v1 {
    fileprivate var beginsAtStart: Bool { flags & TB_MEDIA_STARTED != 0 }
}

private func openFile(_ media: tb_media_v1, _ task: tb_task, _ plugin: PluginInstance) -> tb_status {
    guard let descriptor = Int32(exactly: media.handle), fcntl(descriptor, F_GETFD) >= 0 else { return TB_E_INVALID }
    let file: PluginMedia =
        media.beginsAtStart ? .remainder(descriptor: descriptor) : .file(descriptor: descriptor)
    return plugin.tasks.settle(task, .media(file), owner: plugin.id)
}

private func openAddress(_ media: tb_media_v1, _ task: tb_task, _ plugin: PluginInstance) -> tb_status {
    guard let url = media.url.copied(limit: HTTPURL.maximumLength), HTTPURL(url) != nil,
        let mime = media.mime.copied(limit: 128),
        (0...HTTPFetchRequest.maximumHeaders).contains(media.header_count),
        media.header_count == 0 || media.headers != nil
    else { return TB_E_INVALID }
    var headers: [HTTPHeader] = []
    for header in UnsafeBufferPointer(start: media.headers, count: media.header_count) {
        guard let name = header.name.copied(limit: 256), let value = header.value.copied(limit: 16 << 10) else {
            return TB_E_INVALID
        }
        headers.append(HTTPHeader(name, value))
    }
    let address = PluginAddress(
        url: url, headers: headers, mime: mime, beginsAtStart: media.beginsAtStart, caller: plugin.ports.caller,
        http: plugin.services.http)
    return plugin.tasks.settle(task, .media(.address(address)), owner: plugin.id)
}

private func openReader(
    _ media: tb_media_v1, _ kind: PluginSoundKind, _ task: tb_task, _ plugin: PluginInstance
) -> tb_status {
    let raw = media.reader
    guard raw.read != nil, raw.interrupt != nil, raw.close != nil else { return TB_E_INVALID }
    guard let reader = PluginReader(media, kind, of: plugin) else { return TB_E_STALE }
    let status = plugin.tasks.settle(task, .media(.sound(reader)), owner: plugin.id)
    // Whatever else the plugin is told than TB_OK: the reader is its own still.
    if status != TB_OK { reader.disown() }
    return status
}

private func openPipe(_ media: tb_media_v1, _ task: tb_task, _ plugin: PluginInstance) -> tb_status {
    guard let pipe = plugin.ports.pipes.claim(media.handle) else { return TB_E_INVALID }
    guard let use = plugin.use() else { return TB_E_STALE }
    pipe.opened(beginsAtStart: media.beginsAtStart)
    let opened = OpenedPipe(pipe, use)
    let status = plugin.tasks.settle(task, .media(.sound(opened)), owner: plugin.id)
    if status != TB_OK {
        opened.disown()
        plugin.ports.pipes.release(media.handle)
    }
    return status
}
private let hostArtwork: @convention(c) (RawHost, tb_task, tb_str, UnsafePointer<UInt8>?, Int) -> tb_status = {
    host, task, mime, bytes, count in
    guard let plugin = instance(host), let bytes, (1...(4 << 20)).contains(count), let type = mime.copied(limit: 64),
        ["image/png", "image/jpeg"].contains(type)
    else { return TB_E_INVALID }
    let copy = Array(UnsafeBufferPointer(start: bytes, count: count))
    return plugin.tasks.settle(task, .artwork(type: type, bytes: copy), owner: plugin.id)
}
