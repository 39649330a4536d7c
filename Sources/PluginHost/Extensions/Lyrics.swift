import CTimmyBot

/// `timmy.lyrics.host/1`.
let lyricsExtension = HostExtension(TB_EXT_LYRICS_HOST, tb_host_lyrics_v1(found: hostFound))

extension PluginLyrics {
    static let maximumLines = 1_000

    /// Nil where a text is none, or there are too many lines. Lines without times are so all together.
    fileprivate init?(_ raw: tb_lyrics_found_v1) {
        guard (1...Self.maximumLines).contains(raw.count), let start = raw.lines,
            let credit = raw.credit.copied(limit: 1_024), let page = raw.page_url.copied(limit: 2_048)
        else { return nil }
        var lines: [Line] = []
        for line in UnsafeBufferPointer(start: start, count: raw.count) {
            guard let text = line.text.copied(limit: 2_048) else { return nil }
            lines.append(Line(atMilliseconds: line.at_ms < 0 ? nil : line.at_ms, text: String(text.prefix(500))))
        }
        if lines.contains(where: { $0.atMilliseconds == nil }) {
            lines = lines.map { Line(atMilliseconds: nil, text: $0.text) }
        }
        self.init(
            lines: lines, credit: String(credit.prefix(200)), pageURL: page.hasPrefix("https://") ? page : "")
    }
}

private let hostFound: @convention(c) (RawHost, tb_task, UnsafePointer<tb_lyrics_found_v1>?) -> tb_status = {
    host, task, found in
    guard let plugin = instance(host), let found, let lyrics = PluginLyrics(found.pointee) else { return TB_E_INVALID }
    return plugin.tasks.settle(task, .lyrics(lyrics), owner: plugin.id)
}
