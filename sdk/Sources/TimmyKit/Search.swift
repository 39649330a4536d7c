import CTimmyBot

/// A track that a search found.
public struct Found: Sendable, Equatable {
    /// Its key is a token for `play`, good for 15 minutes.
    public let track: Track
    /// Id of the plugin that it is from.
    public let source: String
}

extension Call {
    /// Searches every source at once; best first.
    ///
    /// - Parameter limit: 1 to 100.
    public func search(_ query: String, limit: Int) async throws(Failure) -> [Found] {
        guard let search = host.tables.search?.pointee.search else { throw .missing("search") }
        let lender = Lender()
        return try await Completion<[Found]>.wait("search") { waiting in
            var call = context.raw(lender)
            return search(host.raw, &call, lender.lend(query), UInt32(clamping: limit), searchDone, waiting)
        }
    }
}

private let searchDone: tb_search_done = { context, result in
    guard let result = result?.pointee else { return }
    if let error = result.error { return Completion<[Found]>.finish(context, .failure(Failure(error.pointee))) }
    let found = (0..<result.count).compactMap { index -> Found? in
        guard let tracks = result.tracks, let sources = result.sources else { return nil }
        return Found(track: Track(tracks[index]), source: sources[index].string)
    }
    Completion.finish(context, .success(found))
}
