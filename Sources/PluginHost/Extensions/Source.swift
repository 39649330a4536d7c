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
    case TB_MEDIA_FD:
        guard let descriptor = Int32(exactly: media.handle), fcntl(descriptor, F_GETFD) >= 0 else {
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
