import DiscordModel
import DiscordVoice
import Logging
import Synchronization
import TestSupport
import Testing
import TimmyCore
import WebSocketClient

@testable import Bot

/// Takes op 4s and does nothing about them.
private final class SilentGateway: VoiceGateway {
    private let log = Mutex<[DiscordModel.Snowflake?]>([])
    var asks: [DiscordModel.Snowflake?] { log.withLock { $0 } }

    func updateVoiceState(
        guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake?, sent: @escaping @Sendable () -> Void
    ) async {
        // Others get their turn here, and must not overtake.
        await Task.yield()
        log.withLock { $0.append(channel) }
        sent()
    }

    private let session = Mutex<Int?>(1)
    var standingSession: Int? {
        get { session.withLock { $0 } }
        set { session.withLock { $0 = newValue } }
    }

    func speakOnStage(guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake) async -> StageAnswer { .speaking }
}

/// What the core was told.
private final class Told: Sendable {
    private let last = Mutex<Set<UserID>?>(nil)
    /// The newest news of who listens.
    var listeners: Set<UInt64>? { last.withLock { $0.map { Set($0.map(\.rawValue)) } } }

    func note(_ event: TimmyCore.VoiceEvent) {
        if case .listeners(let users) = event { last.withLock { $0 = users } }
    }
}

/// A guild's voice port with everything around it under the test's hand.
@Suite("Guild voice", .timeLimit(.minutes(5)))
struct GuildVoiceTests {
    private let gateway = SilentGateway()
    private let clock = HandClock()
    private let cache = GuildCache()
    private let told = Told()
    private let voice: GuildVoice

    init() {
        cache.botUser = 9
        let channels: JSONValue = [["id": "10", "type": 2, "name": "a"], ["id": "11", "type": 2, "name": "b"]]
        let everything: JSONValue = [["id": "1", "permissions": "8"]]
        cache.apply("GUILD_CREATE", ["id": "1", "owner_id": "9", "channels": channels, "roles": everything])
        let parts = VoiceParts(
            cache: cache, gateway: gateway, pump: VoicePump(), trustedCAFile: nil,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: clock,
            connect: { [clock] _ in
                // A server that never answers.
                try await clock.sleep(for: .seconds(3_600))
                throw CancellationError()
            })
        voice = GuildVoice(guild: 1, parts: parts) { [told] in told.note($0) }
    }

    /// Asked, answered, and with audio.
    private func joined() async throws {
        let join = Task { try await voice.join(ChannelID(10)) }
        await asked([10])
        await voice.ownVoiceState(channel: 10, sessionID: "s", isSuppressed: false)
        await voice.voiceServer(token: "t", endpoint: "voice.example")
        // Taken as joined, as a connection would say.
        await voice.take(.ready, of: 1)
        try await join.value
    }

    private func asked(_ wanted: [DiscordModel.Snowflake?]) async {
        while gateway.asks.count < wanted.count { await Task.yield() }
        #expect(gateway.asks == wanted)
    }

    private func failure(of join: Task<Void, any Error>) async -> PlayerError.Code? {
        do {
            try await join.value
            return nil
        } catch { return (error as? PlayerError)?.code }
    }

    /// The session cancels a join and starts the next one at once: the first one's end must not touch the second.
    @Test func aNewerJoinTakesThePlaceOfACancelledOne() async throws {
        let first = Task { try await voice.join(ChannelID(10)) }
        await asked([10])
        first.cancel()
        let second = Task { try await voice.join(ChannelID(11)) }
        #expect(await failure(of: first) == .cancelled)
        while !gateway.asks.contains(11) { await Task.yield() }
        // Whether the first one was still there when the second one came or not, nothing comes after that.
        for _ in 0..<100 { await Task.yield() }
        #expect(gateway.asks.last == .some(11))
        await voice.leave()
        #expect(await failure(of: second) == .cancelled)
        #expect(gateway.asks.last == .some(nil))
    }

    @Test func aJoinThatNobodyAnswersEndsInPlainWords() async throws {
        let join = Task { try await voice.join(ChannelID(10)) }
        await asked([10])
        await clock.wake(VoicePlacement.answerTime)
        #expect(await failure(of: join) == .cannotConnect)
        await asked([10, nil])
    }

    @Test func aLeaveIsWithTheGatewayWhenItReturns() async throws {
        let join = Task { try await voice.join(ChannelID(10)) }
        await asked([10])
        await voice.leave()
        #expect(gateway.asks == [10, nil])
        #expect(await failure(of: join) == .cancelled)
    }

    /// Each sleep of the renewals is the shell's; the decisions are those of the placement.
    @Test func aServerThatIsNeverNamedAgainIsAskedFor() async throws {
        try await joined()
        await voice.voiceServer(token: "t", endpoint: nil)
        await clock.wake(VoicePlacement.answerTime)
        await asked([10, nil, 10])
        await voice.leave()
    }

    /// The gateway drops with the call and is a while in coming back: only then can it say what happened.
    @Test func aGatewayWithoutASessionIsGivenTimeToExplain() async throws {
        try await joined()
        gateway.standingSession = nil
        await voice.take(.disconnected(message: "4014"), of: 1)
        for _ in 0..<3 { await clock.wake(VoicePlacement.dismissalTime) }
        // It came up in the course of this one.
        while !clock.isSlept(for: VoicePlacement.dismissalTime) { await Task.yield() }
        gateway.standingSession = 2
        await clock.wake(VoicePlacement.dismissalTime)
        while !clock.isSlept(for: VoicePlacement.dismissalTime) { await Task.yield() }
        #expect(gateway.asks == [10])
        await clock.wake(VoicePlacement.dismissalTime)
        await asked([10, nil])
    }

    /// People come while the voice session is being renewed.
    @Test func listenersAreToldAtAllTimes() async throws {
        try await joined()
        #expect(told.listeners == [])
        await voice.voiceServer(token: "t", endpoint: nil)
        cache.apply("VOICE_STATE_UPDATE", ["guild_id": "1", "user_id": "5", "channel_id": "10", "session_id": "x"])
        await voice.listenersChanged()
        #expect(told.listeners == [5])
        await voice.leave()
    }
}
