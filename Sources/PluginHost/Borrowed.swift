import CTimmyBot

extension tb_str {
    static let maximumLength = 64 << 10

    /// A bounded copy; nil where the bytes are not UTF-8 or the string is absurdly long.
    func copied(limit: Int = maximumLength) -> String? {
        guard len != 0 else { return "" }
        guard let ptr, (1...limit).contains(len) else { return nil }
        return String(validating: UnsafeRawBufferPointer(start: ptr, count: len), as: UTF8.self)
    }

    /// A copy of the first `limit` bytes, or up to three less where a character would be cut in two; nil where they are
    /// not UTF-8.
    func cut(after limit: Int) -> String? {
        guard let ptr, len > limit else { return copied(limit: limit) }
        let bytes = UnsafeRawBufferPointer(start: ptr, count: limit)
        for rest in 0...3 {
            if let text = String(validating: bytes.dropLast(rest), as: UTF8.self) { return text }
        }
        return nil
    }
}

extension tb_bytes {
    /// A bounded copy; nil where there are more, or none where there should be some.
    func copied(limit: Int) -> [UInt8]? {
        // A `size_t` comes in as a signed number, so that -1 is no large one here.
        guard (0...limit).contains(len), len == 0 || ptr != nil else { return nil }
        return Array(UnsafeBufferPointer(start: ptr, count: len))
    }
}

/// Keeps C copies of Swift strings alive for one call.
final class Lent {
    private var blocks: [UnsafeMutableRawBufferPointer] = []

    deinit { for block in blocks { block.deallocate() } }

    func string(_ text: String) -> tb_str {
        let bytes = Array(text.utf8)
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
        block.copyBytes(from: bytes)
        blocks.append(block)
        return tb_str(ptr: block.baseAddress?.assumingMemoryBound(to: CChar.self), len: bytes.count)
    }

    func array<Value>(_ values: [Value]) -> UnsafePointer<Value>? {
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, values.count * MemoryLayout<Value>.stride), alignment: MemoryLayout<Value>.alignment)
        blocks.append(block)
        let start = block.bindMemory(to: Value.self)
        _ = start.initialize(from: values)
        return start.baseAddress.map { UnsafePointer($0) }
    }

    func invocation(_ call: PluginInvocation, command: String) -> tb_invocation_v1 {
        tb_invocation_v1(
            guild: call.guild, channel: call.channel, user: call.user, voice_channel: call.voiceChannel,
            permissions: call.permissions, flags: call.isOwner ? TB_CALL_OWNER : 0, zero: 0,
            locale: string(call.locale),
            command: string(command))
    }

    func error(_ failure: PluginFailure) -> tb_error_v1 {
        tb_error_v1(
            code: failure.code, flags: 0, retry_after_ms: 0, zero: 0, user_text: string(failure.userText),
            detail: string(failure.detail))
    }

    func track(_ track: PluginTrack) -> tb_track_v1 {
        tb_track_v1(
            key: string(track.key), title: string(track.title), artist: string(track.artist),
            album: string(track.album), isrc: string(track.isrc), page_url: string(track.pageURL),
            artwork_url: string(track.artworkURL), duration_ms: track.durationMilliseconds,
            flags: (track.isLive ? TB_TRACK_LIVE : 0) | (track.hasArtwork ? TB_TRACK_ARTWORK : 0), zero: 0)
    }
}

extension PluginTrack {
    /// Nil where a text is not UTF-8 or too long, or where there is no key.
    init?(_ raw: tb_track_v1) {
        guard let key = raw.key.copied(limit: 1_024), !key.isEmpty, let title = raw.title.copied(limit: 2_048),
            let artist = raw.artist.copied(limit: 2_048), let album = raw.album.copied(limit: 2_048),
            let isrc = raw.isrc.copied(limit: 64), let page = raw.page_url.copied(limit: 2_048),
            let artwork = raw.artwork_url.copied(limit: 2_048)
        else { return nil }
        self.init(
            key: key, title: String(title.prefix(300)), artist: String(artist.prefix(300)),
            album: String(album.prefix(300)), isrc: Self.isISRC(isrc) ? isrc.uppercased() : "",
            pageURL: page.hasPrefix("https://") || page.hasPrefix("http://") ? page : "",
            artworkURL: artwork.hasPrefix("https://") ? artwork : "",
            durationMilliseconds: max(0, raw.duration_ms), isLive: raw.flags & TB_TRACK_LIVE != 0,
            hasArtwork: raw.flags & TB_TRACK_ARTWORK != 0)
    }

    /// ISO 3901: country, registrant, year and number, without hyphens.
    private static func isISRC(_ text: String) -> Bool {
        text.utf8.count == 12
            && text.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) }
    }
}

extension PluginFailure {
    init(_ raw: tb_error_v1) {
        self.init(
            code: raw.code, userText: String((raw.user_text.copied() ?? "").prefix(500)),
            detail: String((raw.detail.copied() ?? "").prefix(1_000)),
            retryAfter: raw.retry_after_ms == 0 ? nil : .milliseconds(raw.retry_after_ms))
    }
}

extension PluginInvocation {
    init?(_ raw: UnsafePointer<tb_invocation_v1>?) {
        guard let raw = raw?.pointee else { return nil }
        self.init(
            guild: raw.guild, channel: raw.channel, user: raw.user, voiceChannel: raw.voice_channel,
            permissions: raw.permissions, isOwner: raw.flags & TB_CALL_OWNER != 0,
            locale: raw.locale.copied(limit: 64) ?? "", command: raw.command.copied(limit: 400) ?? "")
    }
}
