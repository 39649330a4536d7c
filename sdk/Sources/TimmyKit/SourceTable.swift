import CTimmyBot
import Glibc

let sourceTable = tb_source_v1(
    match: sourceMatch, resolve: sourceResolve, open: sourceOpen, artwork: sourceArtwork, cancel: runtimeCancel)
let recommendTable = tb_recommend_v1(recommend: recommendRun, cancel: runtimeCancel)
let lyricsTable = tb_lyrics_v1(lyrics: lyricsRun, cancel: runtimeCancel)
let healthTable = tb_health_v1(check: healthRun)

private func serve<Part>(
    _ context: UnsafeMutableRawPointer?, _ task: tb_task, _ part: Part.Type,
    _ body: @escaping @Sendable (Part, OpenTask) async throws -> Void
) -> tb_status {
    guard let instance = Instance.of(context) else { return TB_E_INVALID }
    return instance.start(task) { open in
        guard let plugin = instance.plugin as? Part else { throw Failure(code: .unsupported) }
        try await body(plugin, open)
    }
}

private let sourceMatch: @convention(c) (UnsafeMutableRawPointer?, tb_str) -> UInt32 = { context, input in
    guard let source = Instance.of(context)?.plugin as? any Source else { return 0 }
    return UInt32(min(100, max(0, source.match(input.string))))
}

private let sourceResolve: @convention(c) (UnsafeMutableRawPointer?, tb_task, tb_str, UInt32) -> tb_status = {
    context, task, input, limit in
    let input = input.string
    return serve(context, task, (any Source).self) { source, open in
        try open.resolved(try await source.resolve(input, limit: Int(limit)), limit)
    }
}

private let recommendRun:
    @convention(c) (UnsafeMutableRawPointer?, tb_task, UnsafePointer<tb_track_v1>?, Int, UInt32) -> tb_status = {
        context, task, seeds, count, limit in
        let seeds = UnsafeBufferPointer(start: seeds, count: seeds == nil ? 0 : count).map { Track($0) }
        return serve(context, task, (any Recommender).self) { recommender, open in
            try open.resolved(try await recommender.recommend(after: seeds, limit: Int(limit)), limit)
        }
    }

private let sourceOpen: @convention(c) (UnsafeMutableRawPointer?, tb_task, tb_str, UInt64) -> tb_status = {
    context, task, key, start in
    let key = key.string
    return serve(context, task, (any Source).self) { source, open in
        try open.opened(try await source.open(key, startMilliseconds: start))
    }
}

private let sourceArtwork: @convention(c) (UnsafeMutableRawPointer?, tb_task, tb_str) -> tb_status = {
    context, task, key in
    let key = key.string
    return serve(context, task, (any Source).self) { source, open in
        guard let picture = try await source.artwork(key) else {
            throw Failure(code: .notFound, detail: "no artwork")
        }
        let lender = Lender()
        try withExtendedLifetime(lender) {
            try open.settle("artwork") {
                open.host.tables.source?.pointee.artwork?(
                    open.host.raw, open.id, lender.lend(picture.type), lender.lend(picture.bytes), picture.bytes.count)
                    ?? TB_E_UNSUPPORTED
            }
        }
    }
}

private let lyricsRun: @convention(c) (UnsafeMutableRawPointer?, tb_task, UnsafePointer<tb_track_v1>?) -> tb_status = {
    context, task, track in
    guard let track = track.map({ Track($0.pointee) }) else { return TB_E_INVALID }
    return serve(context, task, (any LyricsSource).self) { source, open in
        guard let lyrics = try await source.lyrics(of: track) else {
            throw Failure(code: .notFound, detail: "no lyrics")
        }
        let lender = Lender()
        let lines = lyrics.lines.prefix(1_000).map { line in
            tb_lyric_line_v1(at_ms: line.milliseconds ?? -1, text: lender.lend(line.text))
        }
        var raw = tb_lyrics_found_v1(
            lines: lender.lend(lines), count: lines.count, credit: lender.lend(lyrics.credit),
            page_url: lender.lend(lyrics.pageURL))
        try withExtendedLifetime(lender) {
            try open.settle("lyrics") {
                open.host.tables.lyrics?.pointee.found?(open.host.raw, open.id, &raw) ?? TB_E_UNSUPPORTED
            }
        }
    }
}

private let healthRun: @convention(c) (UnsafeMutableRawPointer?, tb_task) -> tb_status = { context, task in
    serve(context, task, (any HealthCheck).self) { plugin, open in
        let note = try await plugin.health()
        let lender = Lender()
        try withExtendedLifetime(lender) {
            try open.settle("health") {
                open.host.tables.health?.pointee.healthy?(open.host.raw, open.id, lender.lend(note))
                    ?? TB_E_UNSUPPORTED
            }
        }
    }
}

extension OpenTask {
    fileprivate func resolved(_ tracks: [Track], _ limit: UInt32) throws(Failure) {
        let lender = Lender()
        let raw = tracks.prefix(Int(limit)).map { $0.raw(lender) }
        try withExtendedLifetime(lender) { () throws(Failure) in
            try settle("resolved") {
                host.tables.source?.pointee.resolved?(host.raw, id, lender.lend(raw), raw.count) ?? TB_E_UNSUPPORTED
            }
        }
    }

    /// Hands the sound over; where the host does not take it, it is closed here.
    fileprivate func opened(_ media: Media) throws(Failure) {
        let lender = Lender()
        var raw = tb_media_v1()
        raw.flags = media.isStarted ? TB_MEDIA_STARTED : 0
        raw.byte_length = media.byteLength ?? -1
        raw.mime = lender.lend(media.type)
        var undo: () -> Void = {}
        switch media.content {
        case .file(let descriptor):
            raw.kind = TB_MEDIA_FD
            raw.handle = UInt64(clamping: descriptor)
            undo = { close(descriptor) }
        case .url(let url, let headers):
            raw.kind = TB_MEDIA_URL
            raw.url = lender.lend(url)
            raw.headers = lender.headers(headers)
            raw.header_count = headers.count
        case .reader(let kind, let handover):
            guard let reader = handover.take() else { throw Failure(detail: "one reader was opened twice") }
            raw.kind = kind.rawValue
            raw.reader = reader.raw()
            let context = raw.reader.ctx, shut = raw.reader.close
            undo = { shut?(context) }
        case .pipe(let pipe):
            raw.kind = TB_MEDIA_PIPE
            raw.handle = pipe.number
            // Broken off, so that the host does not keep what is in it for another listener.
            undo = { pipe.finish(Failure(code: .cancelled)) }
        }
        do throws(Failure) {
            try withExtendedLifetime(lender) { () throws(Failure) in
                try settle("opened") { host.tables.source?.pointee.opened?(host.raw, id, &raw) ?? TB_E_UNSUPPORTED }
            }
        } catch {
            undo()
            throw error
        }
    }
}
