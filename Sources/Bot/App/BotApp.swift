import DiscordGateway
import DiscordModel
import DiscordREST
import DiscordVoice
import Foundation
import HostServices
import Logging
import Media
import PluginHost
import PluginStore
import Synchronization
import TimmyCore

/// The whole bot, wired together.
public final class BotApp: Sendable {
    private let configuration: BotConfiguration
    private let logger: Logger
    private let rest: RESTClient
    private let engine: MediaEngine
    private let pump = VoicePump()
    private let cache = GuildCache()
    private let plugins: PluginHost
    private let care: PluginCare
    private let web: HTTPService
    private let player: Player
    private let search: SearchService
    private let voices: VoiceDirectory
    private let shard: GatewayShard
    private let router: InteractionRouter
    private let application = Slot<DiscordModel.Snowflake>()
    private let running = Mutex<Task<Void, any Error>?>(nil)
    private let stopping = Mutex<Task<Bool, Never>?>(nil)
    private let owners: OwnerBook
    private let refusedPlugins = Slot<[PluginReport]>()
    private let health: HealthWatch
    /// Guilds that come and go: reading and closing them takes long, and the gateway's events do not wait for it.
    private let residence = GuildWork()

    /// - Throws: `ConfigurationError` where a setting that `run` needs is missing or cannot be used, `MissingPart` where
    ///   a part of the installation is.
    public convenience init(_ configuration: BotConfiguration, logger: Logger) async throws {
        try await self.init(configuration, logger: logger, web: HTTPService())
    }

    /// - Parameter web: the plugins' way to the network; a test's own may go to loopback.
    init(_ configuration: BotConfiguration, logger: Logger, web: HTTPService) async throws {
        guard let token = configuration.token else {
            throw ConfigurationError(
                setting: "DISCORD_TOKEN", reason: "is not set; `timmybot doctor` says how to get one")
        }
        guard FileManager.default.isExecutableFile(atPath: configuration.mediaWorker) else {
            throw MissingPart(
                part: "media worker", reason: "\(configuration.mediaWorker) is not there or cannot be executed",
                remedy: "build it with `make build`, or set TIMMYBOT_MEDIA_WORKER")
        }
        // Everything that may fail comes before the HTTP client, which must not be dropped without its shutdown.
        let journal = try Self.journal(configuration.dataDirectory, logger)
        let settings = ["timmy.library": try Self.librarySettings(configuration.libraryDirectory)]
        self.configuration = configuration
        self.logger = logger
        self.web = web
        let rest = RESTClient(
            base: configuration.apiBase, token: token, trustedCAFile: configuration.trustedCAFile, logger: logger)
        self.rest = rest
        engine = MediaEngine(MediaConfiguration(workerPath: configuration.mediaWorker), logger: logger)
        let late = LatePlayer()
        var services = Self.services(late, engine, web, configuration, logger)
        services.settings = SettingsFile(directory: "\(configuration.dataDirectory)/settings")
        services.history = late
        let store = PluginStore(dataDirectory: configuration.dataDirectory)
        var hosting = PluginHost.Configuration(
            directory: configuration.pluginDirectory, cacheDirectory: store.directory, settings: settings)
        hosting.settingsDirectory = store.settingsDirectory
        plugins = PluginHost(hosting, services: services, logger: logger)
        health = HealthWatch(plugins: plugins, logger: logger)
        care = PluginCare(
            plugins: plugins, health: health, store: store,
            folder: configuration.pluginDirectory, dataDirectory: configuration.dataDirectory, logger: logger)
        let information = GatewayInformationFromREST(rest: rest, shards: configuration.shard.count, logger: logger)
        shard = GatewayShard(
            GatewayConfiguration(
                token: token, shard: configuration.shard, compression: configuration.compression,
                trustedCAFile: configuration.trustedCAFile),
            information: information, logger: logger)
        voices = VoiceDirectory(
            VoiceParts(
                cache: cache, gateway: ShardVoiceGateway(shard: shard, rest: rest), pump: pump,
                trustedCAFile: configuration.trustedCAFile, logger: logger))
        search = SearchService()
        let allowlist = Allowlist(Set(configuration.allowedGuilds.map { GuildID($0.rawValue) }))
        let registry = GuildRegistry(
            voice: voices, audio: EngineAudioPort(engine: engine), sources: search,
            journal: journal, allowlist: allowlist)
        player = Player(registry: registry, search: search, allowlist: allowlist)
        let order = ArrivalOrder()
        late.set(CorePlayer(player, order: order))
        owners = OwnerBook(logger: logger) { try await rest.currentApplication() }
        router = InteractionRouter(
            plugins: plugins, player: player, cache: cache, rest: rest, owners: owners, order: order,
            refused: refusedPlugins, health: health, logger: logger)
    }

    private static func services(
        _ player: LatePlayer, _ engine: MediaEngine, _ web: HTTPService, _ configuration: BotConfiguration,
        _ logger: Logger
    ) -> PluginServices {
        let data = configuration.dataDirectory
        let accounts = AccountBook(
            .init(directory: "\(data)/accounts", callbackURL: "http://127.0.0.1:8080/oauth/callback"), http: web,
            logger: logger)
        return PluginServices(
            player: player, probe: EngineProbe(engine: engine), http: web,
            store: FileStore(directory: "\(data)/plugin-store", logger: logger), accounts: accounts)
    }

    private static func journal(_ directory: String, _ logger: Logger) throws(ConfigurationError) -> FileJournal {
        do {
            return try FileJournal(directory: "\(directory)/guilds", logger: logger)
        } catch {
            throw ConfigurationError(
                setting: "TIMMYBOT_DATA_DIR", reason: "'\(directory)' is no folder that can be written to")
        }
    }

    private static func librarySettings(_ directory: String) throws -> String {
        let path = URL(fileURLWithPath: directory).standardizedFileURL.path
        return String(decoding: try JSONEncoder().encode(["directory": path]), as: UTF8.self)
    }

    /// Plugins that were not loaded at the start, and why; empty before that.
    public var refusals: [PluginReport] { refusedPlugins.get() ?? [] }

    /// Runs until `stop`, whose end it does not wait for; throws `GatewayStopped` where Discord will not have the bot.
    public func run() async throws {
        let work = Task { try await serve() }
        running.withLock { $0 = work }
        do {
            try await withTaskCancellationHandler {
                try await work.value
            } onCancel: {
                work.cancel()
            }
        } catch is CancellationError {}
    }

    private func serve() async throws {
        try await engine.start()
        pump.start()
        let reports = await loadPlugins()
        refusedPlugins.set(reports.filter { $0.refusal != nil })
        if !reports.contains(where: { $0.refusal == nil }) {
            logger.warning(
                "no plugin is loaded from \(configuration.pluginDirectory): there are no commands and no music")
        }
        await search.setSources(plugins.sources.map(PluginSource.init))
        care.listen()
        let following = Task { await followChanges() }
        defer { following.cancel() }
        let watching = Task { [health] in await health.run() }
        defer { watching.cancel() }
        let poster = NoticePoster(hub: player.registry.hub, cache: cache, logger: logger) { [rest] channel, body in
            _ = try await rest.createMessage(channel: channel, body)
        }
        let notices = Task { await poster.run() }
        defer { notices.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.shard.run() }
            group.addTask { await self.dispatch() }
            try await group.next()
            await self.shard.stop()
            try await group.waitForAll()
        }
    }

    /// Loading blocks while plugins start, so it has a thread of its own.
    private func loadPlugins() async -> [PluginReport] {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [care] in continuation.resume(returning: care.load()) }
        }
    }

    /// Takes no more interactions, lets those under way be answered, stores positions, leaves voice, and closes the
    /// gateway; within ten seconds, whatever hangs. Called again it waits for the same end.
    ///
    /// - Returns: false where something did not end in time and was given up; the log says what.
    @discardableResult
    public func stop() async -> Bool {
        let task = stopping.withLock { known in
            let task = known ?? Task { await drain() }
            known = task
            return task
        }
        return await task.value
    }

    private func drain() async -> Bool {
        // Cancelled only when sessions and voice have had their time: who waits for them shall be answered.
        var areAnswered = await step("answers", .milliseconds(3_500)) { _ = await $0.router.drain(within: .seconds(8)) }
        let isStored = await step("positions and voice", .milliseconds(3_500)) { await $0.player.registry.close() }
        // Who waited for a voice channel has been told just now that the bot is leaving.
        if !areAnswered { areAnswered = await step("late answers", .seconds(1)) { await $0.router.idle() } }
        var isWhole = areAnswered && isStored
        isWhole =
            await step("gateway", .seconds(1)) { app in
                await app.shard.flushed()
                await app.shard.stop()
            } && isWhole
        pump.stop()
        isWhole =
            await step("plugins", .milliseconds(1_000)) { app in
                app.care.stop()
                await app.plugins.close()
            } && isWhole
        isWhole =
            await step("connections", .milliseconds(500)) { app in
                await app.engine.shutdown()
                await app.web.shutdown()
                await app.rest.shutdown()
            } && isWhole
        running.withLock { $0 }?.cancel()
        return isWhole
    }

    /// One part of the stop, given up after `limit`.
    private func step(_ what: String, _ limit: Duration, _ body: @escaping @Sendable (BotApp) async -> Void) async
        -> Bool
    {
        let isDone = await ends(within: limit) { await body(self) }
        if !isDone { logger.warning("stopping: \(what) did not end in \(limit)") }
        return isDone
    }

    /// Returns when no interaction is under way.
    public func idle() async { await router.idle() }

    /// Refuses new interactions, waits for those under way and cancels what is left after `limit`; answers how many.
    @discardableResult
    public func drain(within limit: Duration) async -> Int { await router.drain(within: limit) }

    /// Voice counters and privacy code of a guild, for operators and the demo's report.
    public func voiceReport(guild: UInt64) async -> (statistics: VoiceStatistics, privacyCode: String?)? {
        await voices.existing(GuildID(guild))?.report()
    }

    /// Process id of the media worker that plays, for operators and tests; nil while there is none.
    public var mediaWorkerPID: Int32? { get async { await engine.workerPID } }

    // MARK: Events, in order

    private func dispatch() async {
        for await event in shard.events { await handle(event) }
    }

    private func handle(_ event: GatewayDispatch) async {
        if event.name == "READY" { await ready(event.data) }
        cache.apply(event.name, event.data)
        switch event.name {
        case "INTERACTION_CREATE":
            guard let interaction = Interaction(event.data) else {
                return logger.info("an interaction that cannot be read")
            }
            router.accept(interaction)
        case "VOICE_STATE_UPDATE": await voiceState(event.data)
        case "VOICE_SERVER_UPDATE":
            guard let guild = event.guildID, let token = event.data["token"]?.string else { return }
            await voices.existing(GuildID(guild.rawValue))?.voiceServer(
                token: token, endpoint: event.data["endpoint"]?.string)
        case "GUILD_CREATE":
            guard let guild = event.guildID else { return }
            residence.add(GuildID(guild.rawValue)) {
                await self.restore(GuildID(guild.rawValue))
                await self.voices.existing(GuildID(guild.rawValue))?.listenersChanged()
            }
        case "GUILD_DELETE" where event.data["unavailable"]?.bool != true:
            guard let guild = event.guildID else { return }
            residence.add(GuildID(guild.rawValue)) { await self.remove(GuildID(guild.rawValue)) }
        default: break
        }
    }

    private func ready(_ data: JSONValue) async {
        cache.botUser = data["user"]?["id"]?.snowflake
        // READY opens a new session (an old one says RESUMED), and Discord knows of no call of a new one.
        for voice in voices.all { await voice.newGatewaySession() }
        logger.info("logged in as \(data["user"]?["username"]?.string ?? "?")")
        guard let id = data["application"]?["id"]?.snowflake else { return }
        application.set(id)
        Task { [owners] in
            await owners.refresh()
            await registerCommands()
        }
    }

    /// Plugins came, went or changed while the bot runs.
    private func followChanges() async {
        for await change in plugins.changes {
            if change.sources { await search.setSources(plugins.sources.map(PluginSource.init)) }
            if change.commands { await registerCommands() }
        }
    }

    private func registerCommands() async {
        guard let application = application.get() else { return }
        let commands = plugins.commands.map(\.registration) + [PluginsCommand.registration]
        do {
            let sent = try await rest.registerCommands(application: application, commands)
            logger.info("\(commands.count) commands \(sent ? "registered" : "are registered already")")
        } catch {
            logger.error("commands could not be registered: \(error)")
        }
    }

    private func voiceState(_ data: JSONValue) async {
        guard let guild = data["guild_id"]?.snowflake, let user = data["user_id"]?.snowflake,
            let voice = voices.existing(GuildID(guild.rawValue))
        else { return }
        if user == cache.botUser {
            await voice.ownVoiceState(
                channel: data["channel_id"]?.snowflake, sessionID: data["session_id"]?.string ?? "",
                isSuppressed: data["suppress"]?.bool ?? false)
        } else {
            await voice.listenersChanged()
        }
    }

    /// After a restart the guild goes on where it was. One whose session a command has made meanwhile does so too, unless
    /// it has been told something else.
    private func restore(_ guild: GuildID) async {
        guard player.allowlist.isApproved(guild) else { return }
        do throws(PlayerError) {
            if let session = await player.registry.existing(guild) { return session.restore() }
            guard try await player.registry.hasRecord(guild) else { return }
            try await player.registry.session(guild).restore()
        } catch {
            if error.code != .shuttingDown { logger.warning("guild \(guild): \(error)") }
        }
    }

    private func remove(_ guild: GuildID) async {
        // A command may make a new session before this returns, and its port has to stay.
        let port = voices.existing(guild)
        try? await player.remove(guild)
        if let port { voices.forget(guild, port) }
    }
}

struct GatewayInformationFromREST: GatewayInformationSource {
    let rest: RESTClient
    /// How many shards the operator runs.
    let shards: Int
    let logger: Logger

    func gatewayInformation() async throws -> GatewayInformation {
        let answer: JSONValue
        do {
            answer = try await rest.gatewayBot()
        } catch let error as RESTError where error.status == 401 {
            throw GatewayStopped(
                message: "Discord refused the bot token: check DISCORD_TOKEN (401)", refusesToken: true)
        }
        guard let information = GatewayInformation(answer) else {
            throw RESTError(
                kind: .unreadable, route: "GET /gateway/bot", message: "the answer is not what it should be")
        }
        if information.shards > shards {
            logger.warning(
                """
                Discord recommends \(information.shards) shards for this bot and \(shards) is configured: run one \
                process for each, with TIMMYBOT_SHARD_COUNT=\(information.shards) and its own TIMMYBOT_SHARD_ID
                """)
        }
        return information
    }
}
