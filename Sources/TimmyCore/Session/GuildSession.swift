import Synchronization

/// What a session stands on. One value can serve many sessions, except for `voice`.
public struct SessionPorts: Sendable {
    public var voice: any VoicePort
    public var audio: any AudioPort
    public var sources: any SourceDirectory
    public var journal: any Journal
    public var time: any TimeSource
    public var hub: UpdateHub

    public init(
        voice: any VoicePort, audio: any AudioPort, sources: any SourceDirectory, journal: any Journal,
        time: any TimeSource = SystemTime(), hub: UpdateHub = UpdateHub()
    ) {
        self.voice = voice
        self.audio = audio
        self.sources = sources
        self.journal = journal
        self.time = time
        self.hub = hub
    }
}

/// One guild's player: a `GuildMachine` with its ports. Shares nothing with other guilds.
///
/// All events go through one inbox and are worked off one after the other, so the machine is never changed behind the
/// back of an `await`. Joining and opening run beside the loop and come back as events.
public actor GuildSession {
    enum Input: Sendable {
        case command(GuildCommand, Caller, CheckedContinuation<Result<CommandReply, PlayerError>, Never>)
        case event(GuildEvent)
        case openedStream(StreamID, any AudioStream)
        case close(keepPosition: Bool, CheckedContinuation<Void, Never>)
    }

    private struct Inbox {
        var waiting: [Input] = []
        var commands = 0
        var isDraining = false
    }

    public nonisolated let guild: GuildID
    let ports: SessionPorts
    private nonisolated let inbox = Mutex(Inbox())
    private nonisolated let maxWaiting: Int
    private var machine: GuildMachine
    private var replies: [CommandID: CheckedContinuation<Result<CommandReply, PlayerError>, Never>] = [:]
    private var streams: [StreamID: any AudioStream] = [:]
    private var streamTasks: [StreamID: Task<Void, Never>] = [:]
    private var timers: [TimerKind: Task<Void, Never>] = [:]
    private var joining: Task<Void, Never>?
    private var lastCommand: UInt64 = 0
    private var isClosed = false

    public init(
        guild: GuildID, ports: SessionPorts, settings: SessionSettings = SessionSettings(), record: GuildRecord? = nil
    ) {
        self.guild = guild
        self.ports = ports
        maxWaiting = settings.maxWaiting
        machine = GuildMachine(guild: guild, settings: settings, record: record)
    }

    /// Does `command` and returns once the change is in the journal (and, for the first track, the channel joined).
    public nonisolated func perform(
        _ command: GuildCommand, by caller: Caller
    ) async throws(PlayerError) -> CommandReply {
        let result = await withCheckedContinuation { continuation in
            if !post(.command(command, caller, continuation)) { continuation.resume(returning: .failure(.busy)) }
        }
        return try result.get()
    }

    /// Takes news from the voice port in the order of the calls. Any thread; returns at once.
    public nonisolated func handle(_ event: VoiceEvent) { post(.event(.voice(event))) }

    /// Goes back to where the record says that the guild was.
    public nonisolated func restore() { post(.event(.restore)) }

    /// Whether `caller` may use the player now; for refusing before a search is made.
    public func check(_ caller: Caller) throws(PlayerError) { try machine.check(caller) }

    public func snapshot(page: Int = 0, pageSize: Int = 10) -> GuildSnapshot {
        machine.snapshot(page: page, pageSize: pageSize, position: heardPosition)
    }

    /// Commands that wait for the voice channel.
    var waiting: Int { machine.waitingCommands.count }

    /// State with `count` upcoming tracks from index `first`.
    public func snapshot(first: Int, count: Int) -> GuildSnapshot {
        machine.snapshot(first: first, count: count, position: heardPosition)
    }

    /// What was played, newest first.
    public func history(limit: Int) -> [QueuedTrack] { machine.queue.history.suffix(max(0, limit)).reversed() }

    /// Leaves voice and ends the session. With `keepPosition` the journal still says where to go on after a restart.
    public nonisolated func close(keepPosition: Bool) async {
        await withCheckedContinuation { post(.close(keepPosition: keepPosition, $0)) }
    }

    /// - Returns: false when a command finds no room.
    @discardableResult
    nonisolated func post(_ input: Input) -> Bool {
        let (accepted, wake) = inbox.withLock { inbox in
            if case .command = input {
                guard inbox.commands < maxWaiting else { return (false, false) }
                inbox.commands += 1
            }
            inbox.waiting.append(input)
            defer { inbox.isDraining = true }
            return (true, !inbox.isDraining)
        }
        if wake { Task { await drain() } }
        return accepted
    }

    private func drain() async {
        while true {
            let batch = inbox.withLock { inbox in
                defer {
                    inbox.waiting = []
                    inbox.commands = 0
                }
                if inbox.waiting.isEmpty { inbox.isDraining = false }
                return inbox.waiting
            }
            if batch.isEmpty { return }
            for input in batch { await process(input) }
        }
    }
}

extension GuildSession {
    private var heardPosition: Duration? { machine.currentStream.flatMap { streams[$0]?.position } }
    private var moment: Moment { Moment(wall: ports.time.wall(), now: ports.time.now(), position: heardPosition) }

    private func process(_ input: Input) async {
        switch input {
        case .command(let command, let caller, let continuation):
            guard !isClosed else { return continuation.resume(returning: .failure(.shuttingDown)) }
            lastCommand += 1
            let id = CommandID(lastCommand)
            replies[id] = continuation
            await step(.command(id, command, caller))
        case .event(let event):
            if !isClosed { await step(event) }
        case .openedStream(let id, let stream):
            guard !isClosed else { return await stream.close() }
            streams[id] = stream
            listen(to: stream, as: id)
            await step(.opened(id))
        case .close(let keepPosition, let continuation):
            await shutDown(keepPosition: keepPosition)
            continuation.resume()
        }
    }

    /// Tries the event on a copy, makes the change durable, and only then lets it be seen.
    private func step(_ event: GuildEvent) async {
        let moment = moment
        var draft = machine
        var actions = draft.handle(event, at: moment)
        if let entry = draft.takeJournalEntry() {
            do throws(PlayerError) {
                try await ports.journal.append(entry)
            } catch {
                switch event {
                case .command(let id, _, _):
                    return reply(id, .failure(.journalFailed(error)))
                case .joined(let attempt) where !machine.waitingCommands.isEmpty:
                    draft = machine
                    actions = draft.handle(.joinFailed(attempt: attempt, .journalFailed(error)), at: moment)
                default:
                    actions.append(.notify(.journalBehind(error)))
                }
                draft.journalMissed()
            }
        }
        machine = draft
        await run(actions, quiet: isCheckpoint(event))
    }

    private func isCheckpoint(_ event: GuildEvent) -> Bool {
        if case .timer(.checkpoint, _) = event { return true }
        return false
    }

    private func run(_ actions: [GuildAction], quiet: Bool) async {
        // People first: their answer waits for the journal, not for the ports.
        var notices: [Notice] = []
        for action in actions {
            if case .reply(let id, let result) = action { reply(id, result) }
            if case .notify(let notice) = action { notices.append(notice) }
        }
        if !quiet || !notices.isEmpty { publish(notices) }
        for action in actions { await perform(action) }
    }

    private func publish(_ notices: [Notice]) {
        ports.hub.publish(GuildUpdate(snapshot: machine.snapshot(position: heardPosition), notices: notices))
    }

    private func reply(_ id: CommandID, _ result: Result<CommandReply, PlayerError>) {
        replies.removeValue(forKey: id)?.resume(returning: result)
    }

    private func perform(_ action: GuildAction) async {
        switch action {
        case .reply, .notify: break
        case .join(let channel, let attempt): join(channel, attempt)
        case .leave:
            joining?.cancel()
            joining = nil
            await ports.voice.leave()
        case .open(let id, let entry, let options): open(id, entry.track, options)
        case .close(let id): close(id)
        case .play(let id): if let stream = streams[id] { await ports.voice.play(stream) }
        case .prepare(let id): await ports.voice.prepare(id.flatMap { streams[$0] })
        case .pause: await ports.voice.pause()
        case .resume: await ports.voice.resume()
        case .silence: await ports.voice.silence()
        case .setVolume(let id, let percent): await streams[id]?.setVolume(percent)
        case .setFilter(let id, let filter): await streams[id]?.setFilter(filter)
        case .setTimer(let kind, let generation, let after): setTimer(kind, generation, after)
        case .cancelTimer(let kind): timers.removeValue(forKey: kind)?.cancel()
        }
    }

    private func join(_ channel: ChannelID, _ attempt: UInt64) {
        joining?.cancel()
        let voice = ports.voice
        joining = Task { [weak self] in
            do throws(PlayerError) {
                try await voice.join(channel)
                self?.post(.event(.joined(attempt: attempt)))
            } catch {
                self?.post(.event(.joinFailed(attempt: attempt, error)))
            }
        }
    }

    private func open(_ id: StreamID, _ track: Track, _ options: AudioOptions) {
        let (ports, limit) = (ports, machine.settings.openTimeout)
        streamTasks[id] = Task { [weak self] in
            let result = await withDeadline(limit, ports.time) { () throws(PlayerError) -> any AudioStream in
                guard let source = await ports.sources.source(track.source) else { throw .noSource(track.source) }
                let media = try await source.open(track, startAt: options.startAt)
                return try await ports.audio.open(media, options: options)
            } late: { stream in
                await stream.close()
            }
            switch result {
            case .success(let stream):
                if let self { self.post(.openedStream(id, stream)) } else { await stream.close() }
            case .failure(let error): self?.post(.event(.openFailed(id, error)))
            }
        }
    }

    private func listen(to stream: any AudioStream, as id: StreamID) {
        streamTasks[id] = Task { [weak self] in
            for await event in stream.events {
                switch event {
                case .ended: self?.post(.event(.ended(id)))
                case .failed(let error): self?.post(.event(.failed(id, error)))
                }
            }
        }
    }

    /// Closing may take long and nobody waits for it, so it happens beside the loop.
    private func close(_ id: StreamID) {
        streamTasks.removeValue(forKey: id)?.cancel()
        if let stream = streams.removeValue(forKey: id) { Task { await stream.close() } }
    }

    private func setTimer(_ kind: TimerKind, _ generation: UInt64, _ after: Duration) {
        timers.removeValue(forKey: kind)?.cancel()
        let time = ports.time
        timers[kind] = Task { [weak self] in
            do { try await time.sleep(for: after) } catch { return }
            self?.post(.event(.timer(kind, generation: generation)))
        }
    }

    private func shutDown(keepPosition: Bool) async {
        guard !isClosed else { return }
        isClosed = true
        if keepPosition {
            // A failure costs the seconds since the last checkpoint; there is nobody left to be told.
            machine.note(moment)
            if let entry = machine.takeJournalEntry(forced: true) { try? await ports.journal.append(entry) }
        }
        for task in timers.values { task.cancel() }
        for task in streamTasks.values { task.cancel() }
        joining?.cancel()
        for continuation in replies.values { continuation.resume(returning: .failure(.shuttingDown)) }
        replies = [:]
        await ports.voice.leave()
        for stream in streams.values { await stream.close() }
        streams = [:]
        streamTasks = [:]
    }
}
