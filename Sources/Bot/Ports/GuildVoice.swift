import AudioRing
import DiscordModel
import DiscordVoice
import Logging
import TimmyCore
import WebSocketClient

/// What came of wanting to speak on a stage.
enum StageAnswer: Sendable, Equatable {
    case speaking
    /// A moderator has to agree.
    case asked
    case refused(String)
}

/// What voice needs from the rest of Discord.
protocol VoiceGateway: Sendable {
    /// Op 4. Returns when it is with the gateway; `sent` is called when it has left, which may take minutes. Not where a
    /// later one of the guild has taken its place.
    func updateVoiceState(
        guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake?, sent: @escaping @Sendable () -> Void) async
    /// The number of the gateway session that stands, another one after each drop; nil while there is none.
    var standingSession: Int? { get async }
    /// Lifts our suppression on a stage, or asks to speak.
    func speakOnStage(guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake) async -> StageAnswer
}

/// What all guilds' voice stands on.
struct VoiceParts: Sendable {
    let cache: GuildCache
    let gateway: any VoiceGateway
    let pump: VoicePump
    let trustedCAFile: String?
    let logger: Logger
    var clock: any Clock<Duration> = ContinuousClock()
    var connect: VoiceConnection.Connect = { try await WebSocketConnection.connect($0) }
}

/// One guild's place in voice: performs what `VoicePlacement` decides, keeps the voice connection, and tells the core what
/// happens.
actor GuildVoice: VoicePort {
    private let guild: DiscordModel.Snowflake
    private let parts: VoiceParts
    private let logger: Logger
    private let tell: @Sendable (TimmyCore.VoiceEvent) -> Void
    private let asks: VoiceAsks

    private var placement = VoicePlacement()
    private var timers: [VoicePlacement.Timer: Task<Void, Never>] = [:]
    private var connection: VoiceConnection?
    /// Which call of the placement's `connection` is.
    private var callID: Int?
    private var connectionTask: Task<Void, Never>?
    /// Joins so far; the newest is the one that counts.
    private var joins = 0
    private var waiting: CheckedContinuation<Void, any Error>?
    private var air = OnAir()
    private var isPaused = false
    /// Whether Discord lets nobody hear us: then the music waits.
    private var isSuppressed = false
    private var toldSuppressed = false

    init(
        guild: DiscordModel.Snowflake, parts: VoiceParts, tell: @escaping @Sendable (TimmyCore.VoiceEvent) -> Void
    ) {
        self.guild = guild
        self.parts = parts
        self.tell = tell
        logger = parts.logger
        asks = VoiceAsks(guild: guild, gateway: parts.gateway)
    }

    // MARK: VoicePort

    func join(_ channel: ChannelID) async throws(PlayerError) {
        let channel = DiscordModel.Snowflake(rawValue: channel.rawValue)
        try VoiceEntry.check(channel, of: guild, in: parts.cache, isThere: placement.target == channel)
        joins += 1
        let number = joins
        settle(.failure(CancellationError()))
        do {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    waiting = continuation
                    toldSuppressed = false
                    handle(.join(channel))
                    // Cancelled before there was anything to be cancelled.
                    if Task.isCancelled { settle(.failure(CancellationError())) }
                }
            } onCancel: {
                Task { await self.cancelJoin(number) }
            }
        } catch {
            // Unless another join has taken its place.
            if number == joins { await leave() }
            throw error as? PlayerError ?? PlayerError(.cancelled, "the join was cancelled")
        }
        tellListeners()
    }

    private func cancelJoin(_ number: Int) { if number == joins { settle(.failure(CancellationError())) } }

    func leave() async {
        air.clear()
        toldSuppressed = false
        // The last frames go out before Discord is told: afterwards nobody would hear them.
        if let connection { asks.wait(for: close(connection)) }
        handle(.leave)
        settle(.failure(CancellationError()))
        // The shard may be about to end: what it is to send has to be with it.
        await asks.flush()
    }

    func play(_ stream: any AudioStream) async {
        guard let stream = stream as? any RingStream else { return }
        air.play(stream)
        follow(stream)
        isPaused = false
        connection?.play(stream.ring)
        applyPause()
    }

    func prepare(_ stream: (any AudioStream)?) async {
        let stream = stream as? any RingStream
        guard air.prepare(stream) else { return }
        if let stream { follow(stream) }
        connection?.enqueue(stream?.ring)
    }

    func pause() async {
        isPaused = true
        applyPause()
    }

    func resume() async {
        isPaused = false
        applyPause()
    }

    func silence() async {
        air.clear()
        connection?.stop()
    }

    /// Counters and privacy code of the connection, for operators.
    func report() async -> (statistics: VoiceStatistics, privacyCode: String?)? {
        guard let connection else { return nil }
        return (await connection.statistics, await connection.voicePrivacyCode)
    }

    // MARK: From the gateway, in order

    /// VOICE_STATE_UPDATE of ourselves.
    func ownVoiceState(channel: DiscordModel.Snowflake?, sessionID: String, isSuppressed: Bool) {
        handle(.ownState(channel: channel, sessionID: sessionID))
        guard channel != nil, channel == placement.target else { return }
        self.isSuppressed = isSuppressed
        applyPause()
        // While the join is under way the stage itself is asked first.
        if placement.isReady, toldSuppressed != isSuppressed { tellSuppressed() }
    }

    /// VOICE_SERVER_UPDATE; without an endpoint the server is gone and a new one will be named.
    func voiceServer(token: String, endpoint: String?) { handle(.server(token: token, endpoint: endpoint)) }

    /// READY of a session that is not the one before.
    func newGatewaySession() { handle(.newGatewaySession) }

    /// Somebody came or went, or the gateway told anew who is there.
    func listenersChanged() { tellListeners() }

    // MARK: Doing

    /// Synchronous, so that what is decided is done in that order.
    private func handle(_ event: VoicePlacement.Event) {
        for action in placement.handle(event) { perform(action) }
    }

    private func perform(_ action: VoicePlacement.Action) {
        switch action {
        case .ask(let channel, let number):
            asks.ask(channel) { [weak self] in Task { await self?.handle(.asked(number)) } }
        case .connect(let call): connect(call)
        case .drop: dropConnection()
        case .arm(let timer, let number, let after): arm(timer, number, after)
        case .disarm(let timer): timers.removeValue(forKey: timer)?.cancel()
        case .joined: settle(.success(()))
        case .joinFailed(let error): settle(.failure(error))
        case .tell(let event):
            if case .moved = event { (isSuppressed, toldSuppressed) = (false, false) }
            tell(event)
        case .tellListeners: tellListeners()
        case .note(let text): logger.info("voice in \(guild): \(text)")
        }
    }

    private func settle(_ outcome: Result<Void, any Error>) {
        waiting?.resume(with: outcome)
        waiting = nil
    }

    private func arm(_ timer: VoicePlacement.Timer, _ number: Int, _ after: Duration) {
        timers[timer]?.cancel()
        timers[timer] = Task { [weak self, parts] in
            do { try await Self.sleep(after, for: timer, parts) } catch { return }
            await self?.handle(.timer(timer, number))
        }
    }

    /// A gateway that dropped meanwhile could not say anything: it is given the whole time again.
    private static func sleep(_ time: Duration, for timer: VoicePlacement.Timer, _ parts: VoiceParts) async throws {
        guard timer.isForGateway else { return try await parts.clock.sleep(for: time) }
        while true {
            let before = await parts.gateway.standingSession
            try await parts.clock.sleep(for: time)
            let now = await parts.gateway.standingSession
            if before != nil, before == now { return }
        }
    }

    private func tellListeners() {
        guard let channel = placement.target else { return }
        tell(.listeners(Set(parts.cache.listeners(in: channel, of: guild).map { UserID($0.rawValue) })))
    }

    // MARK: The connection

    private func connect(_ call: VoicePlacement.Call) {
        dropConnection()
        guard let own = parts.cache.botUser else { return }
        let identity = VoiceIdentity(
            guildID: guild, channelID: call.channel, userID: own, sessionID: call.sessionID, token: call.token)
        let made = VoiceConnection(
            identity, endpoint: call.endpoint, trustedCAFile: parts.trustedCAFile, pump: parts.pump, logger: logger,
            clock: parts.clock, connect: parts.connect)
        connection = made
        callID = call.id
        if let current = air.current {
            made.play(current.ring)
            if let next = air.next { made.enqueue(next.ring) }
        }
        applyPause()
        connectionTask = Task { [weak self] in
            let running = Task { await made.run() }
            for await event in made.events { await self?.take(event, of: call.id) }
            await running.value
        }
    }

    private func dropConnection() {
        if let connection { _ = close(connection) }
    }

    private func close(_ old: VoiceConnection) -> Task<Void, Never> {
        connection = nil
        callID = nil
        connectionTask?.cancel()
        connectionTask = nil
        // At once: a ring has one reader, and the next connection may be it.
        old.stop()
        return Task { await old.close() }
    }

    /// What the connection of call `id` says; of an earlier one it is no news.
    func take(_ event: DiscordVoice.VoiceEvent, of id: Int) {
        guard id == callID else { return }
        switch event {
        case .ready:
            handle(.connection(id, .ready))
            // Beside everything else: REST may be slow, and the join is done.
            if placement.isReady { speakOnStage() }
        case .ringEnded(let ended): ringEnded(ended)
        case .needsNewSession(let reason): handle(.connection(id, .sessionEnded(reason)))
        case .stopped(let message):
            logger.warning("voice in \(guild): \(message)")
            handle(.connection(id, .stopped(message)))
        case .disconnected(let message): handle(.connection(id, .removed(message)))
        }
    }

    // MARK: Streams

    private func follow(_ stream: any RingStream) {
        stream.follow { [weak self, weak stream] in
            guard let self, let stream else { return }
            Task { await self.ringReplaced(of: stream) }
        }
    }

    private func ringReplaced(of stream: any RingStream) {
        if stream === air.current {
            // It begins where the old one was, which may hold a quarter of a second yet.
            connection?.play(stream.ring, atOnce: true)
            if let next = air.next { connection?.enqueue(next.ring) }
            applyPause()
        } else if stream === air.next {
            connection?.enqueue(stream.ring)
        }
    }

    private func ringEnded(_ ended: VoiceSender.EndedRing) {
        switch ended.ending {
        case .ended: air.ended(ended.ring)
        case .failed: break  // the media side says why, or replaces the ring
        case .corrupt:
            if let current = air.current, current.ring === ended.ring { current.broken("the packet ring is corrupt") }
        }
    }

    private func applyPause() {
        guard air.current != nil else { return }
        if isPaused || isSuppressed { connection?.pause() } else { connection?.resume() }
    }

    // MARK: Stages

    private func speakOnStage() {
        guard let channel = placement.target, parts.cache.channel(channel, in: guild)?.type == ChannelType.stage,
            isSuppressed
        else { return }
        Task { [weak self, gateway = parts.gateway, guild] in
            let answer = await gateway.speakOnStage(guild: guild, channel: channel)
            await self?.stageAnswered(answer, in: channel)
        }
    }

    private func stageAnswered(_ answer: StageAnswer, in channel: DiscordModel.Snowflake) {
        if case .refused(let reason) = answer { logger.warning("stage in \(guild): \(reason)") }
        guard placement.target == channel, answer != .speaking, isSuppressed, !toldSuppressed else { return }
        tellSuppressed()
    }

    private func tellSuppressed() {
        toldSuppressed = isSuppressed
        tell(.suppressed(isSuppressed))
    }
}

/// Op 4s of one guild, in the order in which they were decided: a join must not overtake a leave.
final class VoiceAsks: Sendable {
    private enum Item: Sendable {
        case channel(DiscordModel.Snowflake?, sent: @Sendable () -> Void)
        case wait(Task<Void, Never>)
        case flush(CheckedContinuation<Void, Never>)
    }

    private let sink: AsyncStream<Item>.Continuation

    init(guild: DiscordModel.Snowflake, gateway: any VoiceGateway) {
        // Unbounded: joins are bounded by commands, and renewals by their number.
        let (items, sink) = AsyncStream.makeStream(of: Item.self)
        self.sink = sink
        Task {
            for await item in items {
                switch item {
                case .channel(let channel, let sent):
                    await gateway.updateVoiceState(guild: guild, channel: channel, sent: sent)
                case .wait(let task): await task.value
                case .flush(let continuation): continuation.resume()
                }
            }
        }
    }

    deinit { sink.finish() }

    func ask(_ channel: DiscordModel.Snowflake?, sent: @escaping @Sendable () -> Void) {
        sink.yield(.channel(channel, sent: sent))
    }

    /// Lets nothing that is asked from now on go out before `task` has ended.
    func wait(for task: Task<Void, Never>) { sink.yield(.wait(task)) }

    /// Returns when all that was asked before is with the gateway.
    func flush() async { await withCheckedContinuation { _ = sink.yield(.flush($0)) } }
}
