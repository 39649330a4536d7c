import CTimmyBot

/// A track that was played in a server.
public struct Played: Sendable, Equatable {
    /// Its key is a token for `play`.
    public let track: Track
    /// Id of the plugin that it is from.
    public let source: String
    /// Nil where nobody asked for it.
    public let requestedBy: UInt64?
    /// Milliseconds since 1970; nil where it is not known.
    public let playedAt: Int64?
}

extension Call {
    /// What was played in the server of this call, newest first.
    ///
    /// - Parameter limit: 1 to 100.
    public func history(limit: Int) async throws(Failure) -> [Played] {
        guard let recent = host.tables.history?.pointee.recent else { throw .missing("history") }
        let lender = Lender()
        return try await Completion<[Played]>.wait("history") { waiting in
            var call = context.raw(lender)
            return recent(host.raw, &call, UInt32(clamping: limit), historyDone, waiting)
        }
    }
}

private let historyDone: tb_history_done = { context, result in
    guard let result = result?.pointee else { return }
    if let error = result.error { return Completion<[Played]>.finish(context, .failure(Failure(error.pointee))) }
    let played = UnsafeBufferPointer(start: result.played, count: result.played == nil ? 0 : result.count).map { raw in
        Played(
            track: Track(raw.track), source: raw.source.string,
            requestedBy: raw.requested_by == 0 ? nil : raw.requested_by,
            playedAt: raw.played_at_ms == 0 ? nil : raw.played_at_ms)
    }
    Completion.finish(context, .success(played))
}
