import Synchronization
import Testing

@testable import TimmyCore

/// Voice ports of all guilds, kept so that tests can look at them and send events.
final class FakeVoicePorts: VoicePorts {
    private let made = Mutex<[GuildID: (FakeVoice, @Sendable (VoiceEvent) -> Void)]>([:])
    let count = Mutex(0)

    func port(for guild: GuildID, events: @escaping @Sendable (VoiceEvent) -> Void) -> any VoicePort {
        let voice = FakeVoice()
        count.withLock { $0 += 1 }
        // Too early on purpose: the session does not exist yet.
        events(.listeners([]))
        made.withLock { $0[guild] = (voice, events) }
        return voice
    }

    func voice(_ guild: GuildID) -> FakeVoice? { made.withLock { $0[guild]?.0 } }
    func send(_ event: VoiceEvent, to guild: GuildID) { made.withLock { $0[guild]?.1 }?(event) }
}

struct PlayerRig {
    let voices = FakeVoicePorts()
    let audio = FakeAudio()
    let source = FakeSource("fake", tracks: [song("Alpha"), song("Alphabet")], links: "https://fake.example/")
    let journal: MemoryJournal
    let time = ManualTime()
    let allowlist = Allowlist([GuildID(1), GuildID(2)])
    let player: Player

    init(journal: MemoryJournal = MemoryJournal(), settings: SessionSettings = SessionSettings(), burst: Int = 100) {
        self.journal = journal
        let search = SearchService(sources: [source], time: time)
        let registry = GuildRegistry(
            voice: voices, audio: audio, sources: search, journal: journal, time: time, allowlist: allowlist,
            settings: settings)
        player = Player(
            registry: registry, search: search, allowlist: allowlist, time: time,
            limiter: RateLimiter(burst: burst, perSecond: 1))
    }

    func caller(_ guild: UInt64 = 1, user: UInt64 = 7) -> Caller {
        Caller(user: UserID(user), voiceChannel: ChannelID(guild * 100))
    }

    func play(_ query: String, _ guild: UInt64 = 1, user: UInt64 = 7, mode: AddMode = .append) async throws(PlayerError)
        -> PlayResult
    {
        try await player.play(
            PlayRequest(guild: GuildID(guild), caller: caller(guild, user: user), query: query, mode: mode))
    }
}

@Suite("Player", .timeLimit(.minutes(5)))
struct PlayerTests {
    private let guild = GuildID(1)

    @Test func playsTheBestHitALinkOrAToken() async throws {
        let rig = PlayerRig()
        let first = try await rig.play("alpha")
        #expect(first.startedNow && first.queuePosition == 0 && first.added.map(\.track.title) == ["Alpha"])
        let list = try await rig.play("https://fake.example/list")
        #expect(list.added.count == 2 && list.queuePosition == 1)
        let suggestion = try #require(await rig.player.suggest("alphabet", guild: guild).first)
        #expect(suggestion.label == "Alphabet · Band · 3:00")
        let chosen = try await rig.play(suggestion.token)
        #expect(chosen.added.map(\.track.title) == ["Alphabet"] && chosen.queuePosition == 3)
        #expect(await code { _ = try await rig.play(suggestion.token, 2) } == .expired, "tokens stay in their guild")
        rig.time.advance(by: .seconds(16 * 60))
        #expect(await code { _ = try await rig.play(suggestion.token) } == .expired)
    }

    @Test func refusesBeforeItSearches() async throws {
        let rig = PlayerRig()
        #expect(await code { _ = try await rig.play("alpha", 3) } == .notApproved)
        let nowhere = PlayRequest(guild: guild, caller: Caller(user: UserID(7)), query: "alpha")
        #expect(await code { _ = try await rig.player.play(nowhere) } == .notInVoice)
        #expect(rig.source.asked.withLock { $0 } == 0)
        #expect(await rig.player.suggest("alpha", guild: GuildID(3)).isEmpty)
    }

    @Test func slowsDownWhoIsTooFast() async throws {
        let rig = PlayerRig(burst: 3)
        for _ in 0..<3 { _ = try await rig.play("alpha") }
        #expect(await code { _ = try await rig.play("alpha") } == .rateLimited)
        _ = try await rig.play("alpha", 1, user: 8)
        rig.time.advance(by: .seconds(1))
        _ = try await rig.play("alpha")
        #expect(await code { _ = try await rig.play("alpha") } == .rateLimited)
    }

    @Test func positionsCountFromOne() async throws {
        let rig = PlayerRig()
        _ = try await rig.play("alpha")
        for _ in 0..<2 { _ = try await rig.play("https://fake.example/list") }
        let moved = try await rig.player.move(guild, by: rig.caller(), from: 4, to: 1)
        #expect(moved.affected.first?.id == EntryID(5) && moved.index == 0)
        let removed = try await rig.player.remove(guild, by: rig.caller(), first: 2, last: 3)
        #expect(removed.affected.map(\.id.rawValue) == [2, 3])
        for (first, last) in [(0, 1), (3, 2), (9, 9), (Int.min, Int.max), (1, Int.max)] {
            #expect(
                await code { try await rig.player.remove(guild, by: rig.caller(), first: first, last: last) }
                    == .invalidArgument)
        }
        #expect(
            await code { try await rig.player.move(guild, by: rig.caller(), from: .min, to: .max) } == .invalidArgument)
        let page = try await rig.player.snapshot(guild, page: 9, pageSize: 1)
        #expect(page.page == 1 && page.pageCount == 2 && page.tracks.map(\.id.rawValue) == [4])
    }

    @Test func theHistorySaysWhoAskedAndWhenItBegan() async throws {
        let rig = PlayerRig()
        _ = try await rig.play("alpha", user: 7)
        let began = rig.time.wall()
        rig.time.advance(by: .seconds(60))
        _ = try await rig.play("alphabet", user: 8)
        #expect(try await rig.player.history(guild, limit: 10).isEmpty, "what plays is not history yet")
        try await rig.player.skip(guild, by: rig.caller())
        rig.time.advance(by: .seconds(60))
        try await rig.player.skip(guild, by: rig.caller())
        let played = try await rig.player.history(guild, limit: 10)
        #expect(played.map(\.suggestion.track.title) == ["Alphabet", "Alpha"])
        #expect(played.map(\.requestedBy) == [UserID(8), UserID(7)])
        let second = Timestamp(milliseconds: began.milliseconds + 60_000)
        #expect(played.map(\.startedAt) == [second, began])
    }

    @Test func limitsOfQueueAndUser() async throws {
        var settings = SessionSettings()
        settings.queueLimit = 4
        settings.fairPlay.maxPerUser = 3
        let rig = PlayerRig(settings: settings)
        _ = try await rig.play("https://fake.example/list")
        let second = try await rig.play("https://fake.example/list")
        #expect(second.added.count == 1 && second.leftOut == 1)
        #expect(await code { _ = try await rig.play("alpha") } == .userLimit)
        _ = try await rig.play("alpha", 1, user: 8)
        #expect(await code { _ = try await rig.play("alpha", 1, user: 8) } == .queueFull)
    }

    @Test func oneSessionPerGuildHoweverManyAsk() async throws {
        let rig = PlayerRig()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { _ = try await rig.play("alpha") } }
            try await group.waitForAll()
        }
        #expect(rig.voices.count.withLock { $0 } == 1)
        #expect(try await rig.player.snapshot(guild).upcomingCount == 19)
        #expect(rig.voices.voice(guild)?.calls.filter { $0 == .join(ChannelID(100)) }.count == 1)
    }

    @Test func aRemovedGuildIsForgottenAndTheOthersPlayOn() async throws {
        let rig = PlayerRig()
        _ = try await rig.play("alpha", 1)
        _ = try await rig.play("alpha", 2)
        rig.allowlist.revoke(guild)
        try await rig.player.remove(guild)
        #expect(rig.voices.voice(guild)?.calls.last == .leave)
        #expect(rig.journal.record(guild) == nil && rig.journal.record(GuildID(2)) != nil)
        #expect(await code { _ = try await rig.play("alpha", 1) } == .notApproved)
        #expect(try await rig.player.snapshot(GuildID(2)).current != nil)
        rig.allowlist.approve(guild)
        #expect(try await rig.play("alpha", 1).startedNow)
    }

    @Test func aRestartGoesOnInEveryGuild() async throws {
        let rig = PlayerRig()
        _ = try await rig.play("alpha", 1)
        _ = try await rig.play("alpha", 2)
        await rig.player.registry.close()
        #expect(await code { _ = try await rig.play("alpha", 1) } == .shuttingDown)
        let next = PlayerRig(journal: rig.journal)
        for number in 1...2 as ClosedRange<UInt64> {
            try await next.player.registry.session(GuildID(number)).restore()
            #expect(await eventually { next.voices.voice(GuildID(number))?.onAir != nil })
        }
    }

    @Test func voiceEventsReachTheirSessionOnly() async throws {
        let rig = PlayerRig()
        _ = try await rig.play("alpha", 1)
        _ = try await rig.play("alpha", 2)
        rig.voices.send(.disconnected, to: guild)
        #expect(await eventually { (try? await rig.player.snapshot(guild).voiceChannel) == .some(nil) })
        #expect(try await rig.player.snapshot(GuildID(2)).voiceChannel == ChannelID(200))
    }

    @Test func updatesArriveBoundedAndPerGuild() async throws {
        let rig = PlayerRig()
        let updates = rig.player.updates(of: guild, buffered: 2)
        _ = try await rig.play("alpha", 2)
        _ = try await rig.play("alpha", 1)
        for percent in 1...10 { _ = try await rig.player.setVolume(guild, by: rig.caller(), percent: percent) }
        await rig.player.registry.close()
        var volumes: [Int] = []
        for await update in updates {
            #expect(update.snapshot.guild == guild)
            volumes.append(update.snapshot.volume)
        }
        #expect(volumes.count <= 2 && volumes.last == 10)
    }
}
