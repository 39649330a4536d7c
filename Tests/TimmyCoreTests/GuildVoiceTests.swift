import Testing

@testable import TimmyCore

@Suite("Guild session and voice", .timeLimit(.minutes(1)))
struct GuildVoiceTests {
    private let lost = PlayerError(.voiceFailed, "socket died", retry: .after(.zero))

    @Test func lostVoiceIsJoinedAgainAndTheTrackGoesOn() async throws {
        let rig = Rig()
        try await rig.add("one")
        #expect(await rig.hears("one"))
        rig.audio.stream("one")?.play(to: .seconds(20))
        rig.session.handle(.lost(lost))
        #expect(await eventually { rig.voice.calls.filter { $0 == .join(rig.channel) }.count == 2 })
        #expect(await eventually { rig.voice.titles == ["one", "one"] })
        #expect(rig.audio.streams.count == 1, "the stream is kept")
        #expect(await rig.session.snapshot().position == .seconds(20))
    }

    @Test func rejoiningBacksOffAndGivesUpKeepingTheQueue() async throws {
        let rig = Rig { $0.rejoinDelays = [.zero, .seconds(1), .seconds(2)] }
        try await rig.add("one", "two")
        #expect(await rig.hears("one"))
        rig.audio.stream("one")?.play(to: .seconds(20))
        rig.voice.refusal.withLock { $0 = PlayerError(.voiceFailed, "still down", retry: .after(.zero)) }
        rig.session.handle(.lost(lost))
        #expect(
            await eventually {
                rig.time.advance(by: .milliseconds(10)); return rig.voice.calls.last == .leave
            })
        #expect(rig.voice.calls.filter { $0 == .join(rig.channel) }.count == 4)
        let snapshot = await rig.session.snapshot()
        #expect(snapshot.status == .idle && snapshot.current?.track.title == "one" && snapshot.upcomingCount == 1)
        #expect(snapshot.position == .seconds(20))
        rig.voice.refusal.withLock { $0 = nil }
        try await rig.tell(.resume)
        #expect(await eventually { rig.voice.onAir?.options.startAt == .seconds(20) })
    }

    @Test func aPermissionProblemEndsRejoiningAtOnce() async throws {
        let rig = Rig()
        try await rig.add("one")
        rig.voice.refusal.withLock { $0 = .cannotConnect(rig.channel) }
        rig.session.handle(.lost(lost))
        #expect(await eventually { rig.voice.calls.last == .leave })
        #expect(rig.voice.calls.filter { $0 == .join(rig.channel) }.count == 2)
    }

    @Test func disconnectedByAnAdminStaysOutAndKeepsTheQueue() async throws {
        let rig = Rig()
        try await rig.add("one", "two")
        #expect(await rig.hears("one"))
        rig.audio.stream("one")?.play(to: .seconds(70))
        rig.session.handle(.disconnected)
        #expect(await eventually { await rig.session.snapshot().voiceChannel == nil })
        #expect(await eventually { rig.audio.streams[0].closes == 1 })
        #expect(rig.voice.calls.filter { $0 == .join(rig.channel) }.count == 1)
        try await rig.add("three")
        #expect(await eventually { rig.voice.onAir?.options.startAt == .seconds(70) })
        #expect(await rig.upcoming == ["two", "three"])
    }

    @Test func movedByAnAdminGoesOn() async throws {
        let rig = Rig()
        try await rig.add("one")
        #expect(await rig.hears("one"))
        rig.session.handle(.moved(ChannelID(42)))
        #expect(await eventually { await rig.session.snapshot().voiceChannel == ChannelID(42) })
        #expect(rig.voice.titles == ["one"] && rig.audio.streams.count == 1)
        #expect(rig.journal.record(rig.guild)?.playback.voiceChannel == ChannelID(42))
    }

    @Test func leavesAnEmptyChannelAfterAWhileAndKeepsTheQueue() async throws {
        let rig = Rig { $0.aloneTimeout = .seconds(60) }
        try await rig.add("one")
        #expect(await rig.hears("one"))
        rig.session.handle(.listeners([]))
        #expect(await eventually { await rig.session.snapshot().listeners == 0 })
        await rig.pass(.seconds(59))
        rig.session.handle(.listeners([rig.user]))
        #expect(await eventually { await rig.session.snapshot().listeners == 1 })
        rig.time.advance(by: .seconds(120))
        rig.session.handle(.listeners([]))
        #expect(await eventually { await rig.session.snapshot().listeners == 0 })
        #expect(!rig.voice.calls.contains(.leave), "somebody came back in time")
        #expect(
            await eventually {
                rig.time.advance(by: .seconds(10)); return rig.voice.calls.last == .leave
            })
        #expect(await rig.current == "one")
    }

    @Test func leavesWhenNothingPlaysForAWhile() async throws {
        let rig = Rig { $0.idleTimeout = .seconds(60) }
        try await rig.add("one")
        #expect(await rig.hears("one"))
        rig.audio.stream("one")?.end()
        #expect(await eventually { await rig.session.snapshot().current == nil })
        #expect(
            await eventually {
                rig.time.advance(by: .seconds(10)); return rig.voice.calls.last == .leave
            })
        #expect(rig.journal.record(rig.guild)?.playback.voiceChannel == nil)
    }
}
