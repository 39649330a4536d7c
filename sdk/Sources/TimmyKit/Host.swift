import CTimmyBot

/// The host, as a plugin sees it.
///
/// `@unchecked Sendable`: the host's tables are immutable, live as long as the process, and every function in them may be
/// called from any thread.
public struct Host: @unchecked Sendable {
    let raw: UnsafePointer<tb_host_v1>
    private let logTable: UnsafePointer<tb_host_log_v1>?
    let task: UnsafePointer<tb_host_task_v1>?
    let reply: UnsafePointer<tb_host_reply_v1>?
    let player: UnsafePointer<tb_host_player_v1>?
    let source: UnsafePointer<tb_host_source_v1>?
    let search: UnsafePointer<tb_host_search_v1>?
    let probe: UnsafePointer<tb_host_probe_v1>?

    init(_ raw: UnsafePointer<tb_host_v1>) {
        self.raw = raw
        func table<Table>(_ id: String, _ type: Table.Type) -> UnsafePointer<Table>? {
            raw.pointee.get_extension?(raw, id)?.assumingMemoryBound(to: type)
        }
        logTable = table(TB_EXT_LOG, tb_host_log_v1.self)
        task = table(TB_EXT_TASK, tb_host_task_v1.self)
        reply = table(TB_EXT_REPLY, tb_host_reply_v1.self)
        player = table(TB_EXT_PLAYER, tb_host_player_v1.self)
        source = table(TB_EXT_SOURCE_HOST, tb_host_source_v1.self)
        search = table(TB_EXT_SEARCH, tb_host_search_v1.self)
        probe = table(TB_EXT_PROBE, tb_host_probe_v1.self)
    }

    /// Levels of the operator's log.
    public enum Level: Int32, Sendable { case debug = 1, info, warning, error }

    public func log(_ level: Level, _ message: String) {
        let lender = Lender()
        withExtendedLifetime(lender) { logTable?.pointee.log?(raw, level.rawValue, lender.lend(message)) }
    }

    func fail(_ id: tb_task, _ failure: Failure) {
        let lender = Lender()
        var error = lender.error(failure)
        withExtendedLifetime(lender) { _ = task?.pointee.fail?(raw, id, &error) }
    }

    /// Whether the host offers what a plugin of this kind cannot do without.
    var isComplete: Bool { logTable != nil && task != nil }
}

/// What a media file is, as the host's worker found it.
public struct Probed: Sendable {
    public var durationMilliseconds: Int64
    public var codec, title, artist, album: String
    public var artwork: [UInt8]
    public var artworkType: String
}

extension Host {
    /// Asks the host's sandboxed worker what a file is. Takes over `descriptor`.
    public func probe(descriptor: Int32) async throws(Failure) -> Probed {
        guard let call = probe?.pointee.probe else {
            throw Failure(code: TB_E_UNSUPPORTED, userText: "", detail: "the host cannot probe")
        }
        return try await Completion<Probed>.wait("probe") { context in
            call(
                raw, descriptor,
                { context, result in
                    guard let result = result?.pointee else { return }
                    Completion.finish(context, Host.probed(result))
                }, context)
        }
    }

    private static func probed(_ result: tb_probe_result_v1) -> Result<Probed, Failure> {
        if let error = result.error { return .failure(Failure(error.pointee)) }
        return .success(
            Probed(
                durationMilliseconds: result.duration_ms, codec: result.codec.string, title: result.title.string,
                artist: result.artist.string, album: result.album.string,
                artwork: Array(UnsafeBufferPointer(start: result.artwork, count: result.artwork_count)),
                artworkType: result.artwork_mime.string))
    }
}
