import AudioRing
import DiscordModel
import DiscordVoice
import Foundation
import Logging
import TimmyCore

/// What voice needs from the rest of Discord.
protocol VoiceGateway: Sendable {
    func updateVoiceState(guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake?) async
    /// Lifts our suppression on a stage, or asks to speak.
    func speakOnStage(guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake) async
}

/// One guild's place in voice: joins through the gateway, keeps the voice connection, and tells the core what happens.
actor GuildVoice: VoicePort {
    private let guild: DiscordModel.Snowflake
    private let cache: GuildCache
    private let gateway: any VoiceGateway
    private let pump: VoicePump
    private let trustedCAFile: String?
    private let logger: Logger
    private let tell: @Sendable (TimmyCore.VoiceEvent) -> Void

    /// Where Discord was asked to put us; nil is nowhere.
    private var target: DiscordModel.Snowflake?
    private var sessionID: String?
    private var server: (token: String, endpoint: String)?
    private var connection: VoiceConnection?
    private var connectionTask: Task<Void, Never>?
    private var isReady = false
    private var waiting: [CheckedContinuation<Void, any Error>] = []
    private var stream: TrackStream?
    private var isPaused = false
    private var renewals = 0
    /// A connection that is letting its last frames out.
    private var closing: Task<Void, Never>?
    /// Leaving the channel, after that. A join waits for it: Discord would take the leave for its end.
    private var leaving: Task<Void, Never>?
    /// Waits for what the gateway has to say after the voice server put us out.
    private var dismissal: Task<Void, Never>?

    init(
        guild: DiscordModel.Snowflake, cache: GuildCache, gateway: any VoiceGateway, pump: VoicePump,
        trustedCAFile: String?,
        logger: Logger, tell: @escaping @Sendable (TimmyCore.VoiceEvent) -> Void
    ) {
        self.guild = guild
        self.cache = cache
        self.gateway = gateway
        self.pump = pump
        self.trustedCAFile = trustedCAFile
        self.logger = logger
        self.tell = tell
    }

    // MARK: VoicePort

    func join(_ channel: ChannelID) async throws(PlayerError) {
        let channel = DiscordModel.Snowflake(rawValue: channel.rawValue)
        try check(channel)
        if target == channel, isReady { return }
        await leaving?.value
        guard !Task.isCancelled else { throw PlayerError(.cancelled, "the join was cancelled") }
        target = channel
        isReady = false
        sessionID = nil
        server = nil
        renewals = 0
        await gateway.updateVoiceState(guild: guild, channel: channel)
        do {
            try await ready(within: .seconds(15))
        } catch {
            await abandon()
            if Task.isCancelled { throw PlayerError(.cancelled, "the join was cancelled") }
            throw error as? PlayerError
                ?? PlayerError(
                    .cannotConnect, "no answer from Discord's voice",
                    user: "I could not get into the channel. It may be full.",
                    cause: error, retry: .afterUserAction)
        }
        tell(.listeners(Set(cache.listeners(in: channel, of: guild).map { UserID($0.rawValue) })))
    }

    private func check(_ channel: DiscordModel.Snowflake) throws(PlayerError) {
        guard let found = cache.channel(channel, in: guild),
            let permissions = cache.ownPermissions(in: channel, of: guild)
        else {
            throw PlayerError(
                .cannotConnect, "unknown channel \(channel)", user: "I cannot see that channel.",
                retry: .afterUserAction)
        }
        guard permissions.contains([.viewChannel, .connect]) else {
            throw PlayerError(
                .cannotConnect, "no CONNECT in \(channel)", user: "I am not allowed to join that channel.",
                retry: .afterUserAction)
        }
        guard permissions.contains(.speak) || found.type == ChannelType.stage else {
            throw PlayerError(
                .cannotSpeak, "no SPEAK in \(channel)", user: "I am not allowed to speak in that channel.",
                retry: .afterUserAction)
        }
        let full =
            found.userLimit > 0 && cache.occupants(of: channel, in: guild) >= found.userLimit && target != channel
        guard !full || permissions.contains(.moveMembers) else {
            throw PlayerError(
                .channelFull, "channel \(channel) is full", user: "That channel is full.", retry: .afterUserAction)
        }
    }

    /// Waits until audio can be sent.
    private func ready(within limit: Duration) async throws {
        if isReady { return }
        let timer = Task { [weak self] in
            do { try await ContinuousClock().sleep(for: limit) } catch { return }
            await self?.settle(.failure(CancellationError()))
        }
        defer { timer.cancel() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiting.append($0) }
        } onCancel: {
            Task { await self.settle(.failure(CancellationError())) }
        }
    }

    private func settle(_ outcome: Result<Void, any Error>) {
        let list = waiting
        waiting = []
        for continuation in list { continuation.resume(with: outcome) }
    }

    func leave() async {
        await abandon()
    }

    private func abandon() async {
        let wasIn = target != nil
        target = nil
        sessionID = nil
        server = nil
        stream?.follow(nil)
        stream = nil
        settle(.failure(CancellationError()))
        await dropConnection()
        if wasIn {
            leaving = Task { [closing, gateway, guild] in
                await closing?.value
                await gateway.updateVoiceState(guild: guild, channel: nil)
            }
        }
        await leaving?.value
    }

    func play(_ stream: any AudioStream) async {
        guard let stream = stream as? TrackStream else { return }
        self.stream?.follow(nil)
        self.stream = stream
        isPaused = false
        stream.follow { [weak self] ring in
            guard let self else { return }
            Task { await self.switchRing(of: stream, to: ring) }
        }
        await connection?.play(stream.ring)
    }

    private func switchRing(of stream: TrackStream, to ring: AudioRing) async {
        guard stream === self.stream else { return }
        await connection?.play(ring)
        if isPaused { await connection?.pause() }
    }

    func pause() async {
        isPaused = true
        await connection?.pause()
    }

    func resume() async {
        isPaused = false
        await connection?.resume()
    }

    func silence() async {
        stream?.follow(nil)
        stream = nil
        await connection?.stop()
    }

    /// Counters and privacy code of the connection, for operators.
    func report() async -> (statistics: VoiceStatistics, privacyCode: String?)? {
        guard let connection else { return nil }
        return (await connection.statistics, await connection.voicePrivacyCode)
    }

    // MARK: From the gateway, in order

    /// VOICE_STATE_UPDATE of ourselves.
    func ownVoiceState(channel: DiscordModel.Snowflake?, sessionID: String) async {
        guard let channel else {
            // Until Discord has confirmed what we last asked for, this is the echo of an earlier leave.
            guard target != nil, self.sessionID != nil else { return }
            target = nil
            self.sessionID = nil
            server = nil
            settle(.failure(PlayerError(.cannotConnect, "disconnected", user: "I was disconnected from the channel.")))
            await dropConnection()
            return tell(.disconnected)
        }
        guard target != nil, self.sessionID != nil || channel == target else { return }
        self.sessionID = sessionID
        if channel != target {
            target = channel
            server = nil
            tell(.moved(ChannelID(channel.rawValue)))
            tell(.listeners(Set(cache.listeners(in: channel, of: guild).map { UserID($0.rawValue) })))
        }
        await connectIfComplete()
    }

    /// VOICE_SERVER_UPDATE; without an endpoint the server is gone and a new one will be named.
    func voiceServer(token: String, endpoint: String?) async {
        guard target != nil else { return }
        guard let endpoint else {
            server = nil
            return await dropConnection()
        }
        server = (token, endpoint)
        await connectIfComplete()
    }

    /// Somebody came or went.
    func listenersChanged() {
        guard let target, isReady else { return }
        tell(.listeners(Set(cache.listeners(in: target, of: guild).map { UserID($0.rawValue) })))
    }

    private func connectIfComplete() async {
        guard let target, let sessionID, let given = server, let own = cache.botUser else { return }
        // Each server update is good for one connection.
        server = nil
        await dropConnection()
        let identity = VoiceIdentity(
            guildID: guild, channelID: target, userID: own, sessionID: sessionID, token: given.token)
        let made = VoiceConnection(
            identity, endpoint: given.endpoint, trustedCAFile: trustedCAFile, pump: pump, logger: logger)
        connection = made
        if let stream {
            await made.play(stream.ring)
            if isPaused { await made.pause() }
        }
        connectionTask = Task { [weak self] in
            let running = Task { await made.run() }
            for await event in made.events { await self?.take(event, from: made) }
            await running.value
        }
    }

    private func dropConnection() async {
        isReady = false
        dismissal?.cancel()
        guard let old = connection else { return }
        connection = nil
        connectionTask?.cancel()
        connectionTask = nil
        closing = Task { [closing] in
            await closing?.value
            await old.close()
        }
    }

    private func take(_ event: DiscordVoice.VoiceEvent, from source: VoiceConnection) async {
        guard source === connection else { return }
        switch event {
        case .ready:
            isReady = true
            renewals = 0
            if let target, cache.channel(target, in: guild)?.type == ChannelType.stage {
                await gateway.speakOnStage(guild: guild, channel: target)
            }
            settle(.success(()))
        case .ringEnded(let ending):
            guard let stream else { return }
            switch ending {
            case .ended: stream.finished()
            case .failed: break  // the media side says why, or replaces the ring
            case .corrupt: stream.broken("the packet ring is corrupt")
            case .none: break
            }
        case .needsNewSession(let reason): await renew(reason)
        case .stopped(let message):
            logger.warning("voice in \(guild): \(message)")
            await dropConnection()
            lost(message)
        case .disconnected(let message): await awaitGateway(message)
        }
    }

    /// The voice server has put us out. Our voice state (a kick) or a new voice server (a move) follows on the gateway,
    /// in either order; where neither comes, the connection is lost.
    private func awaitGateway(_ message: String) async {
        logger.info("voice in \(guild): \(message)")
        await dropConnection()
        dismissal?.cancel()
        dismissal = Task { [weak self] in
            do { try await ContinuousClock().sleep(for: .seconds(5)) } catch { return }
            await self?.lost(message)
        }
    }

    private func lost(_ message: String) {
        guard target != nil, connection == nil else { return }
        let error = PlayerError(.voiceFailed, message, user: "I lost the voice connection.", retry: .after(.seconds(1)))
        settle(.failure(error))
        tell(.lost(error))
    }

    /// A voice session that cannot be resumed: asks Discord for a new one, a few times.
    private func renew(_ reason: String) async {
        logger.info("voice in \(guild): \(reason)")
        await dropConnection()
        renewals += 1
        guard renewals <= 3, let channel = target else {
            let error = PlayerError(
                .voiceFailed, reason, user: "I lost the voice connection.", retry: .after(.seconds(2)))
            settle(.failure(error))
            return tell(.lost(error))
        }
        sessionID = nil
        server = nil
        await gateway.updateVoiceState(guild: guild, channel: nil)
        target = channel
        await gateway.updateVoiceState(guild: guild, channel: channel)
    }
}
