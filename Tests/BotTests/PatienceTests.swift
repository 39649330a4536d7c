import DiscordModel
import Foundation
import Logging
import PluginHost
import TestSupport
import Testing
import TimmyCore

@testable import Bot

private struct NoProbe: ProbeService {
    func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe {
        throw PluginFailure(detail: "there is no worker")
    }
}

/// Discord counts from an interaction's arrival, also while that waits for its turn.
@Suite("Patience", .timeLimit(.minutes(5)))
struct PatienceTests {
    @Test func waitingForATurnIsPartOfIt() async throws {
        let (clock, discord, asking) = (ManualClock(), FakeDiscord(), Gate())
        asking.close()
        let router = try Self.router(clock, discord) {
            await asking.pass()
            throw CancellationError()
        }
        // The first one never reaches the player, and the second one waits for it.
        for _ in 0..<2 { router.accept(try Self.interaction()) }
        // Two clocks of arrivals, and the second one's turn.
        #expect(await eventually { asking.waiting == 1 && clock.sleeperCount == 3 })
        clock.advance(by: ArrivalOrder.patience)
        #expect(await eventually { clock.sleeperCount == 2 })
        #expect(discord.calls.isEmpty)
        clock.advance(by: InteractionRouter.patience - ArrivalOrder.patience)
        #expect(await eventually { discord.calls == [.callback(5), .callback(5)] }, "\(discord.calls)")
        asking.open()
        await router.idle()
    }

    private static func interaction() throws -> Interaction {
        try #require(
            Interaction([
                "id": "1", "application_id": "2", "type": 2, "token": "t", "guild_id": "3", "channel_id": "4",
                "member": ["user": ["id": "5"], "permissions": "0"], "locale": "de",
                "data": ["name": .string(PluginsCommand.name)],
            ]))
    }

    /// A router without plugins, whose owner is asked for with `ask`.
    private static func router(
        _ clock: ManualClock, _ discord: FakeDiscord, ask: @escaping @Sendable () async throws -> JSONValue
    ) throws -> InteractionRouter {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let folder = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString)"
        let search = SearchService(), allowlist = Allowlist([GuildID(3)])
        let voices = VoiceDirectory(
            VoiceParts(
                cache: GuildCache(), gateway: NoGateway(), pump: .init(), trustedCAFile: nil, logger: logger))
        let registry = GuildRegistry(
            voice: voices, audio: NoAudio(), sources: search, journal: try FileJournal(directory: folder),
            allowlist: allowlist)
        let plugins = PluginHost(
            .init(directory: folder, cacheDirectory: folder),
            services: PluginServices(player: LatePlayer(), probe: NoProbe()), logger: logger)
        return InteractionRouter(
            plugins: plugins, player: Player(registry: registry, search: search, allowlist: allowlist),
            cache: GuildCache(), rest: discord, owners: OwnerBook(logger: logger, ask: ask),
            order: ArrivalOrder(clock: clock), refused: Slot(), health: HealthWatch(plugins: plugins, logger: logger),
            logger: logger, clock: clock)
    }

    private struct NoAudio: AudioPort {
        func open(_ media: any TimmyCore.Media, options: AudioOptions) async throws(PlayerError) -> any AudioStream {
            throw PlayerError(.mediaFailed, "there is no worker")
        }
    }
}
