/// Makes the voice port of a guild. Called once per session.
public protocol VoicePorts: Sendable {
    /// - Parameter events: takes what happens in this guild's voice, in order, from any thread. It keeps nothing alive.
    func port(for guild: GuildID, events: @escaping @Sendable (VoiceEvent) -> Void) -> any VoicePort
}

/// The sessions of all guilds: one each, made on demand, nothing shared between them.
public actor GuildRegistry {
    private let voice: any VoicePorts
    private let audio: any AudioPort
    private let sources: any SourceDirectory
    let journal: any Journal
    private let time: any TimeSource
    private let allowlist: Allowlist
    private let settings: SessionSettings
    private let maxGuilds: Int
    public nonisolated let hub: UpdateHub
    private var sessions: [GuildID: Entry] = [:]
    private var isClosed = false
    private var loads: UInt64 = 0

    private enum Entry {
        /// The number tells this loading from one that a removal has overtaken.
        case loading(UInt64, Task<Result<GuildSession, PlayerError>, Never>)
        case ready(GuildSession)
        /// A removal is under way; who asks meanwhile waits for it.
        case leaving(Task<Void, Never>)
    }

    public init(
        voice: any VoicePorts, audio: any AudioPort, sources: any SourceDirectory, journal: any Journal,
        time: any TimeSource = SystemTime(), allowlist: Allowlist, settings: SessionSettings = SessionSettings(),
        maxGuilds: Int = 100_000, hub: UpdateHub = UpdateHub()
    ) {
        self.voice = voice
        self.audio = audio
        self.sources = sources
        self.journal = journal
        self.time = time
        self.allowlist = allowlist
        self.settings = settings
        self.maxGuilds = maxGuilds
        self.hub = hub
    }

    public var guilds: [GuildID] { Array(sessions.keys) }

    /// The session of an approved guild, made from what the journal remembers if it does not exist yet.
    public func session(_ guild: GuildID) async throws(PlayerError) -> GuildSession {
        while true {
            try allowlist.check(guild)
            guard !isClosed else { throw .shuttingDown }
            switch sessions[guild] {
            case .ready(let session): return session
            case .leaving(let task): await task.value
            case .loading(_, let task):
                let session = try await task.value.get()
                // It may have been removed while this waited.
                if case .ready(let now) = sessions[guild], now === session { return session }
            case nil:
                guard sessions.count < maxGuilds else { throw .tooManyGuilds(maxGuilds) }
                loads += 1
                let number = loads
                sessions[guild] = .loading(number, Task { await self.load(guild, number) })
            }
        }
    }

    public func existing(_ guild: GuildID) -> GuildSession? {
        if case .ready(let session) = sessions[guild] { return session }
        return nil
    }

    private func load(_ guild: GuildID, _ number: UInt64) async -> Result<GuildSession, PlayerError> {
        let record: GuildRecord?
        do throws(PlayerError) { record = try await journal.load(guild) } catch {
            if isLoading(guild, number) { sessions[guild] = nil }
            return .failure(.journalUnreadable(error))
        }
        // `remove` or `close` may have come while the journal was read.
        guard isLoading(guild, number), !isClosed else { return .failure(.shuttingDown) }
        let session = makeSession(guild, record)
        sessions[guild] = .ready(session)
        return .success(session)
    }

    private func isLoading(_ guild: GuildID, _ number: UInt64) -> Bool {
        if case .loading(number, _) = sessions[guild] { return true }
        return false
    }

    private func makeSession(_ guild: GuildID, _ record: GuildRecord?) -> GuildSession {
        let relay = EventRelay()
        let port = voice.port(for: guild) { relay.deliver($0) }
        let ports = SessionPorts(
            voice: port, audio: audio, sources: sources, journal: journal, time: time, hub: hub)
        let session = GuildSession(guild: guild, ports: ports, settings: settings, record: record)
        relay.attach(session)
        return session
    }

    /// The guild is gone or no longer approved: leaves and forgets everything about it.
    public func remove(_ guild: GuildID) async throws(PlayerError) {
        if case .leaving(let task) = sessions[guild] { return await task.value }
        var session: GuildSession?
        if case .ready(let ready) = sessions[guild] { session = ready }
        let failure = Task { [journal] () -> PlayerError? in
            await session?.close(keepPosition: false)
            do throws(PlayerError) { try await journal.forget(guild) } catch { return error }
            return nil
        }
        let task = Task { _ = await failure.value }
        sessions[guild] = .leaving(task)
        await task.value
        sessions[guild] = nil
        if let error = await failure.value { throw error }
    }

    /// Before the process ends: stores positions and leaves everywhere, all guilds at once.
    public func close() async {
        isClosed = true
        await withTaskGroup(of: Void.self) { group in
            for entry in sessions.values {
                if case .ready(let session) = entry { group.addTask { await session.close(keepPosition: true) } }
            }
        }
        sessions = [:]
        hub.finish()
    }
}

extension PlayerError {
    static func tooManyGuilds(_ limit: Int) -> PlayerError {
        PlayerError(
            .tooManyGuilds, "\(limit) guilds have sessions", user: "I'm at my limit of servers right now.",
            retry: .after(.seconds(60)))
    }

    static func journalUnreadable(_ cause: PlayerError) -> PlayerError {
        PlayerError(
            .journalFailed, "the stored state could not be read",
            user: "I could not read this server's queue. Please try again.",
            cause: cause, retry: .after(.seconds(2)))
    }
}

extension GuildRegistry {
    /// Whether the journal remembers anything of `guild`.
    public func hasRecord(_ guild: GuildID) async throws(PlayerError) -> Bool {
        try await journal.load(guild) != nil
    }
}
