import Testing

@testable import TimmyCore

@Suite("Guild session and voice", .timeLimit(.minutes(5)))
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

    /// With hundreds of guilds to come back, the send limit lets the last ones ask for their channel minutes later.
    @Test func aRejoinThatNobodyWaitsForMayTakeLonger() {
        var machine = GuildMachine(guild: GuildID(1))
        machine.voice = .connected(ChannelID(5))
        let moment = Moment(wall: Timestamp(milliseconds: 0))
        func timer(_ kind: TimerKind, _ actions: [GuildAction]) -> (generation: UInt64, after: Duration)? {
            for case .setTimer(kind, let generation, let after) in actions { return (generation, after) }
            return nil
        }
        let rejoin = timer(.rejoin, machine.handle(.voice(.lost(lost)), at: moment))
        let asked = machine.handle(.timer(.rejoin, generation: rejoin?.generation ?? 0), at: moment)
        #expect(timer(.join, asked)?.after == machine.settings.rejoinTimeout)
        #expect(machine.settings.rejoinTimeout > machine.settings.joinTimeout * 5)
    }

    @Test func aPermissionProblemEndsRejoiningAtOnce() async throws {
        let rig = Rig()
        try await rig.add("one")
        rig.voice.refusal.withLock { $0 = .cannotConnect(rig.channel) }
        rig.session.handle(.lost(lost))
        #expect(await eventually { rig.voice.calls.last == .leave })
        #expect(rig.voice.calls.filter { $0 == .join(rig.channel) }.count == 2)
    }

    /// Close codes that no new attempt would change: 4017, 4021 and their like.
    @Test(arguments: [PlayerError.Retry.never, .afterUserAction])
    func aLossThatRejoiningWouldNotMendIsNotRejoined(_ retry: PlayerError.Retry) async throws {
        let rig = Rig()
        try await rig.add("one", "two")
        #expect(await rig.hears("one"))
        rig.audio.stream("one")?.play(to: .seconds(20))
        let news = rig.hub.updates(of: rig.guild)
        rig.session.handle(.lost(PlayerError(.voiceFailed, "4021", user: "Discord put me out.", retry: retry)))
        #expect(await eventually { rig.voice.calls.last == .leave })
        #expect(rig.voice.calls.filter { $0 == .join(rig.channel) }.count == 1)
        let snapshot = await rig.session.snapshot()
        #expect(snapshot.status == .idle && snapshot.upcomingCount == 1 && snapshot.position == .seconds(20))
        for await update in news {
            guard case .reconnectFailed(let error)? = update.notices.first else { continue }
            #expect(error.userMessage == "Discord put me out.")
            break
        }
        try await rig.tell(.resume)
        #expect(await eventually { rig.voice.onAir?.options.startAt == .seconds(20) })
    }

    @Test func waitingToSpeakIsTold() async throws {
        let rig = Rig()
        try await rig.add("one")
        let news = rig.hub.updates(of: rig.guild)
        rig.session.handle(.suppressed(true))
        rig.session.handle(.suppressed(false))
        var told: [String] = []
        for await update in news {
            for notice in update.notices {
                if case .waitingToSpeak(rig.channel) = notice { told.append("waiting") }
                if case .allowedToSpeak(rig.channel) = notice { told.append("allowed") }
            }
            if told.count == 2 { break }
        }
        #expect(told == ["waiting", "allowed"])
    }

    /// The voice port learns of the next track while the current one still plays.
    @Test func theNextTrackIsHandedOverAheadOfTime() async throws {
        let rig = Rig()
        try await rig.add("one", "two", "three")
        #expect(await rig.hears("one"))
        rig.audio.stream("one")?.play(to: .seconds(170))
        await rig.pass(.seconds(2))
        #expect(await eventually { rig.voice.calls.last == .prepare("two") })
        // Another one is to be next after all.
        try await rig.tell(.remove(0..<1))
        #expect(await eventually { rig.voice.calls.last == .prepare("three") })
        #expect(rig.voice.calls.suffix(3) == [.prepare("two"), .prepare(nil), .prepare("three")])
        #expect(rig.audio.stream("two")?.closes == 1)
        rig.audio.stream("one")?.end()
        #expect(await eventually { rig.voice.titles == ["one", "three"] })
        #expect(rig.audio.stream("three")?.closes == 0 && rig.audio.streams.count == 3)
        #expect(rig.voice.calls.last == .play("three"))
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

    /// The port tells who listens just before the join returns.
    @Test func whoLeftDuringTheJoinIsNotCounted() async throws {
        let rig = Rig { $0.aloneTimeout = .seconds(60) }
        rig.voice.gate.shut()
        async let added = rig.add("one")
        #expect(await eventually { rig.voice.gate.waiting == 1 })
        rig.session.handle(.listeners([]))
        rig.voice.gate.open()
        _ = try await added
        #expect(await rig.session.snapshot().listeners == 0)
        let other = Caller(user: UserID(8), voiceChannel: ChannelID(555))
        try await rig.session.check(other)
        #expect(
            await eventually {
                rig.time.advance(by: .seconds(10)); return rig.voice.calls.last == .leave
            })
    }

    @Test func movedDuringTheJoinIsWhereItWasMovedTo() async throws {
        let rig = Rig()
        rig.voice.gate.shut()
        async let added = rig.add("one")
        #expect(await eventually { rig.voice.gate.waiting == 1 })
        rig.session.handle(.moved(ChannelID(42)))
        rig.voice.gate.open()
        _ = try await added
        #expect(await rig.hears("one"))
        #expect(await rig.session.snapshot().voiceChannel == ChannelID(42))
        #expect(rig.journal.record(rig.guild)?.playback.voiceChannel == ChannelID(42))
    }

    @Test func movedWhileItComesBackIsWhereItWasMovedTo() async throws {
        let rig = Rig()
        try await rig.add("one")
        #expect(await rig.hears("one"))
        rig.voice.gate.shut()
        rig.session.handle(.lost(lost))
        #expect(await eventually { rig.voice.gate.waiting == 1 })
        rig.session.handle(.moved(ChannelID(42)))
        rig.voice.gate.open()
        #expect(await eventually { rig.voice.titles == ["one", "one"] })
        #expect(await rig.session.snapshot().voiceChannel == ChannelID(42))
        #expect(rig.voice.calls.filter { $0 == .join(rig.channel) }.count == 2, "where it was dragged, it stays")
    }

    /// What the bot came for is done once, where it is, and it does not go after the caller.
    @Test func aPreviousThatWasDraggedElsewhereStaysThere() async throws {
        let rig = Rig()
        try await rig.add("one")
        try await rig.tell(.stop)
        rig.voice.gate.shut()
        async let told = rig.tell(.previous)
        #expect(await eventually { rig.voice.gate.waiting == 1 })
        rig.session.handle(.moved(ChannelID(42)))
        rig.session.handle(.listeners([UserID(8)]))
        rig.voice.gate.open()
        #expect(try await told.current?.track.title == "one")
        #expect(await rig.session.snapshot().voiceChannel == ChannelID(42))
        #expect(await rig.hears("one"))
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
