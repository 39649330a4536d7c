import Synchronization

/// What `/play` asks.
public struct PlayRequest: Sendable {
    public var guild: GuildID
    public var caller: Caller
    /// Words, a link, or a token from `Player.suggest`.
    public var query: String
    public var mode: AddMode

    public init(guild: GuildID, caller: Caller, query: String, mode: AddMode = .append) {
        self.guild = guild
        self.caller = caller
        self.query = query
        self.mode = mode
    }
}

public struct PlayResult: Sendable, Hashable {
    public let added: [QueuedTrack]
    /// Where the first added track stands in the queue, from 1; 0 = it is the current one.
    public let queuePosition: Int
    public let startedNow: Bool
    /// Tracks that did not fit.
    public let leftOut: Int
}

/// One line of an autocomplete list or a search menu.
public struct Suggestion: Sendable, Hashable {
    public let track: Track
    /// To be sent back as the query of `play`.
    public let token: String
    /// Title, artist and length in at most 100 characters.
    public let label: String
}

/// A track that was played.
public struct Played: Sendable, Hashable {
    public let suggestion: Suggestion
    public let requestedBy: UserID
    /// When it began; nil where that was not recorded.
    public let startedAt: Timestamp?
}

/// The door to the core for commands, buttons and consoles: checks approval and pace, searches, and hands on to the
/// guild's session. Queue positions count from 1, as users see them. Every error has words for the user.
public final class Player: Sendable {
    private struct Shared {
        var tokens = TrackTokens()
        var limiter: RateLimiter
        var random = SystemRandomNumberGenerator()
    }

    public let registry: GuildRegistry
    public let search: SearchService
    public let allowlist: Allowlist
    private let time: any TimeSource
    private let shared: Mutex<Shared>

    /// - Parameters:
    ///   - registry: made with `search` as its source directory, and with the same allowlist and time.
    public init(
        registry: GuildRegistry, search: SearchService, allowlist: Allowlist, time: any TimeSource = SystemTime(),
        limiter: RateLimiter = RateLimiter()
    ) {
        self.registry = registry
        self.search = search
        self.allowlist = allowlist
        self.time = time
        shared = Mutex(Shared(limiter: limiter))
    }

    /// Finds and queues; joins the caller's channel when the bot is out of voice. Returns when the change is stored and,
    /// for the first track, the channel is joined.
    /// - Parameter turn: awaited between the search and the change, so that a slow search cannot be overtaken.
    public func play(_ request: PlayRequest, turn: @Sendable () async -> Void = {}) async throws(PlayerError)
        -> PlayResult
    {
        try admit(request.guild, request.caller)
        let session = try await registry.session(request.guild)
        try await session.check(request.caller)
        let tracks = try await tracks(for: request)
        await turn()
        let reply = try await session.perform(.add(tracks, request.mode), by: request.caller)
        return PlayResult(
            added: reply.affected, queuePosition: reply.startedNow ? 0 : (reply.index ?? 0) + 1,
            startedNow: reply.startedNow, leftOut: reply.leftOut)
    }

    private func tracks(for request: PlayRequest) async throws(PlayerError) -> [Track] {
        if TrackTokens.isToken(request.query) {
            guard let track = redeem(request.query, in: request.guild) else {
                throw PlayerError(
                    .expired, "unknown or old token", user: "That suggestion is too old. Please search again.",
                    retry: .afterUserAction)
            }
            return [track]
        }
        let result = try await search.search(request.query, limit: 10)
        return result.isExclusive ? result.hits.map(\.track) : result.hits.prefix(1).map(\.track)
    }

    /// Results to choose from, each with a token that `play` takes.
    public func search(_ query: String, guild: GuildID, caller: Caller, limit: Int = 10) async throws(PlayerError)
        -> [Suggestion]
    {
        try admit(guild, caller)
        return offer(try await search.search(query, limit: limit).hits.prefix(max(1, limit)), in: guild)
    }

    /// What to offer while somebody types; never fails, answers within the suggestion budget.
    public func suggest(_ query: String, guild: GuildID, limit: Int = 10) async -> [Suggestion] {
        guard allowlist.isApproved(guild) else { return [] }
        return offer(await search.suggest(query, limit: limit)[...], in: guild)
    }

    /// What was played in `guild`, newest first, at most `limit`, each with a token that `play` takes.
    public func history(_ guild: GuildID, limit: Int) async throws(PlayerError) -> [Played] {
        let entries = try await registry.session(guild).history(limit: limit)
        let now = time.now()
        return shared.withLock { shared in
            entries.map { entry in
                let token = shared.tokens.issue(entry.track, in: guild, at: now, using: &shared.random)
                return Played(
                    suggestion: Suggestion(track: entry.track, token: token, label: entry.track.label),
                    requestedBy: entry.requestedBy, startedAt: entry.startedAt)
            }
        }
    }

    private func offer(_ hits: ArraySlice<SearchHit>, in guild: GuildID) -> [Suggestion] {
        let now = time.now()
        return shared.withLock { shared in
            hits.map { hit in
                let token = shared.tokens.issue(hit.track, in: guild, at: now, using: &shared.random)
                return Suggestion(track: hit.track, token: token, label: hit.track.label)
            }
        }
    }

    private func redeem(_ token: String, in guild: GuildID) -> Track? {
        let now = time.now()
        return shared.withLock { $0.tokens.redeem(token, in: guild, at: now) }
    }

    /// Approval and pace. Operators are not slowed down.
    private func admit(_ guild: GuildID, _ caller: Caller) throws(PlayerError) {
        try allowlist.check(guild)
        if caller.isPrivileged { return }
        let now = time.now()
        let result: Result<Void, PlayerError> = shared.withLock { shared in
            do throws(PlayerError) {
                try shared.limiter.take(guild: guild, user: caller.user, at: now)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}

extension Player {
    /// - Parameter ifCurrent: the entry that a button's card showed; if another one plays, nothing is skipped.
    @discardableResult
    public func skip(_ guild: GuildID, by caller: Caller, count: Int = 1, ifCurrent: EntryID? = nil)
        async throws(PlayerError) -> CommandReply
    { try await perform(.skip(count: count, ifCurrent: ifCurrent), guild, caller) }

    @discardableResult
    public func previous(_ guild: GuildID, by caller: Caller) async throws(PlayerError) -> CommandReply {
        try await perform(.previous, guild, caller)
    }

    /// Empties the queue and leaves.
    @discardableResult
    public func stop(_ guild: GuildID, by caller: Caller) async throws(PlayerError) -> CommandReply {
        try await perform(.stop, guild, caller)
    }

    @discardableResult
    public func pause(_ guild: GuildID, by caller: Caller) async throws(PlayerError) -> CommandReply {
        try await perform(.pause, guild, caller)
    }

    @discardableResult
    public func resume(_ guild: GuildID, by caller: Caller) async throws(PlayerError) -> CommandReply {
        try await perform(.resume, guild, caller)
    }

    @discardableResult
    public func seek(_ guild: GuildID, by caller: Caller, to target: SeekTarget) async throws(PlayerError)
        -> CommandReply
    {
        try await perform(.seek(target), guild, caller)
    }

    /// - Parameter percent: 0...200.
    @discardableResult
    public func setVolume(_ guild: GuildID, by caller: Caller, percent: Int) async throws(PlayerError) -> CommandReply {
        try await perform(.volume(percent), guild, caller)
    }

    @discardableResult
    public func setFilter(_ guild: GuildID, by caller: Caller, _ filter: AudioFilter) async throws(PlayerError)
        -> CommandReply
    { try await perform(.filter(filter), guild, caller) }

    @discardableResult
    public func setLoop(_ guild: GuildID, by caller: Caller, _ mode: LoopMode) async throws(PlayerError) -> CommandReply
    {
        try await perform(.loop(mode), guild, caller)
    }

    @discardableResult
    public func shuffle(_ guild: GuildID, by caller: Caller) async throws(PlayerError) -> CommandReply {
        try await perform(.shuffle(seed: UInt64.random(in: .min ... .max)), guild, caller)
    }

    /// Removes the tracks at positions `first` to `last`, both included.
    @discardableResult
    public func remove(_ guild: GuildID, by caller: Caller, first: Int, last: Int? = nil) async throws(PlayerError)
        -> CommandReply
    {
        let last = last ?? first
        guard first >= 1, last >= first, last < .max else {
            throw .invalid("There is no track at that place in the queue.")
        }
        return try await perform(.remove(first - 1..<last), guild, caller)
    }

    @discardableResult
    public func move(_ guild: GuildID, by caller: Caller, from: Int, to: Int) async throws(PlayerError) -> CommandReply
    {
        guard from >= 1, to >= 1 else { throw .invalid("There is no track at that place in the queue.") }
        return try await perform(.move(from: from - 1, to: to - 1), guild, caller)
    }

    /// Drops all upcoming tracks; the current one goes on.
    @discardableResult
    public func clear(_ guild: GuildID, by caller: Caller) async throws(PlayerError) -> CommandReply {
        try await perform(.clear, guild, caller)
    }

    private func perform(_ command: GuildCommand, _ guild: GuildID, _ caller: Caller) async throws(PlayerError)
        -> CommandReply
    {
        try admit(guild, caller)
        return try await registry.session(guild).perform(command, by: caller)
    }

    /// - Parameter page: from 0.
    public func snapshot(_ guild: GuildID, page: Int = 0, pageSize: Int = 10) async throws(PlayerError) -> GuildSnapshot
    {
        try await registry.session(guild).snapshot(page: page, pageSize: pageSize)
    }

    /// State with `count` upcoming tracks from index `first`, from 0.
    public func snapshot(_ guild: GuildID, first: Int, count: Int) async throws(PlayerError) -> GuildSnapshot {
        try await registry.session(guild).snapshot(first: first, count: count)
    }

    /// State after each change, and news, of one guild or of all; a slow reader misses the older ones.
    public func updates(of guild: GuildID? = nil, buffered: Int = 16) -> AsyncStream<GuildUpdate> {
        registry.hub.updates(of: guild, buffered: buffered)
    }

    /// The guild is gone, or its approval was revoked.
    public func remove(_ guild: GuildID) async throws(PlayerError) {
        shared.withLock { $0.tokens.forget(guild) }
        try await registry.remove(guild)
    }
}

extension Track {
    /// `Title · Artist · 3:07`, at most 100 characters of UTF-16 as Discord counts them.
    public var label: String {
        let tail = (artist.isEmpty ? "" : " · \(artist.cut(to: 40))") + (duration.map { " · \($0.clockText)" } ?? "")
        let room = max(1, 100 - tail.utf16.count)
        return (title.isEmpty ? key.cut(to: room) : title.cut(to: room)) + tail
    }
}

extension String {
    /// At most `limit` UTF-16 units, whole characters, with an ellipsis where something is missing.
    func cut(to limit: Int) -> String {
        guard utf16.count > limit else { return self }
        var kept = ""
        var used = 1
        for character in self {
            used += character.utf16.count
            if used > limit { break }
            kept.append(character)
        }
        return kept + "…"
    }
}
