import Testing

@testable import TimmyCore

@Suite("Guild session", .timeLimit(.minutes(5)))
struct GuildSessionTests {
    @Test func playJoinsTheCallersChannelAndStarts() async throws {
        let rig = Rig()
        let reply = try await rig.add("one", "two")
        #expect(reply.startedNow && reply.index == nil && reply.affected.map(\.track.title) == ["one", "two"])
        #expect(rig.voice.calls.first == .join(rig.channel))
        #expect(await rig.hears("one"))
        let second = try await rig.add("three")
        #expect(second.index == 1 && !second.startedNow)
        let snapshot = await rig.session.snapshot()
        #expect(snapshot.status == .playing && snapshot.upcomingCount == 2)
        #expect(snapshot.voiceChannel == rig.channel && snapshot.upcomingDuration == .seconds(360))
    }

    @Test func refusesWithoutVoiceChannelAndWhenOthersListenElsewhere() async throws {
        let rig = Rig()
        let outside = Caller(user: UserID(8))
        #expect(
            await code { _ = try await rig.session.perform(.add([song("x")], .append), by: outside) } == .notInVoice)
        try await rig.add("one")
        rig.session.handle(.listeners([rig.user]))
        let elsewhere = Caller(user: UserID(8), voiceChannel: ChannelID(555))
        for command in [GuildCommand.add([song("x")], .append), .stop, .skip(count: 1, ifCurrent: nil), .volume(10)] {
            #expect(await code { _ = try await rig.session.perform(command, by: elsewhere) } == .playingElsewhere)
        }
        #expect(await rig.current == "one")
        // Nobody listens any more: the bot moves to who asks, and the track goes on where it was.
        rig.audio.stream("one")?.play(to: .seconds(33))
        rig.session.handle(.listeners([]))
        let reply = try await rig.session.perform(.add([song("x")], .append), by: elsewhere)
        #expect(reply.index == 0)
        #expect(rig.voice.calls.contains(.join(ChannelID(555))))
        #expect(await rig.hears("one"))
        let snapshot = await rig.session.snapshot()
        #expect(snapshot.voiceChannel == ChannelID(555) && snapshot.position == .seconds(33))
    }

    @Test func aFailedJoinTellsTheUserAndAddsNothing() async throws {
        let rig = Rig()
        rig.voice.refusal.withLock { $0 = .cannotSpeak(rig.channel) }
        #expect(await code { try await rig.add("one") } == .cannotSpeak)
        let snapshot = await rig.session.snapshot()
        #expect(snapshot.current == nil && snapshot.upcomingCount == 0 && snapshot.voiceChannel == nil)
        #expect(rig.voice.calls.last == .leave)
        #expect(await eventually { rig.audio.streams.allSatisfy { $0.closes == 1 } })
        #expect(rig.journal.record(rig.guild)?.queue.isEmpty != false)
        rig.voice.refusal.withLock { $0 = nil }
        #expect(try await rig.add("one").startedNow)
    }

    @Test func playWhileJoiningWaitsItsTurn() async throws {
        let rig = Rig()
        rig.voice.gate.shut()
        async let first = rig.add("one")
        #expect(await eventually { rig.voice.gate.waiting == 1 })
        async let second = rig.add("two")
        #expect(await eventually { await rig.session.waiting == 2 })
        // The first track is opened while Discord still lets us in.
        #expect(await eventually { rig.audio.streams.map(\.track.title) == ["one"] })
        rig.voice.gate.open()
        #expect(try await first.startedNow)
        #expect(try await second.index == 0)
        #expect(await rig.hears("one"))
        #expect(rig.audio.streams.count == 1)
    }

    @Test func stopWhileJoiningAnswersEverybody() async throws {
        let rig = Rig()
        rig.voice.gate.shut()
        async let first = code { try await rig.add("one") }
        #expect(await eventually { rig.voice.gate.waiting == 1 })
        try await rig.tell(.stop)
        #expect(await first == .cancelled)
        rig.voice.gate.open()
        // The join that came through too late is taken back.
        #expect(await eventually { rig.voice.calls.filter { $0 == .leave }.count == 2 })
        #expect(rig.voice.titles.isEmpty)
        #expect(await rig.session.snapshot().status == .idle)
    }

    @Test func joinThatNeverAnswersTimesOut() async throws {
        let rig = Rig()
        rig.voice.gate.shut()
        async let first = code { try await rig.add("one") }
        #expect(await eventually { rig.voice.gate.waiting == 1 && rig.time.sleeping > 0 })
        await rig.pass(.seconds(31))
        #expect(await first == .timedOut)
        rig.voice.gate.open()
    }

    @Test func skipWhileOpening() async throws {
        let rig = Rig()
        rig.source.gate.shut()
        try await rig.add("one", "two")
        #expect(await rig.session.snapshot().status == .opening)
        try await rig.tell(.skip(count: 1, ifCurrent: nil))
        rig.source.gate.open()
        #expect(await rig.hears("two"))
        #expect(rig.voice.titles == ["two"])
        #expect(await eventually { rig.audio.stream("one")?.closes ?? 1 == 1 })
    }

    @Test func twoPressesOfOneButtonSkipOnce() async throws {
        let rig = Rig()
        let entries = try await rig.add("one", "two", "three").affected
        async let a = code { try await rig.tell(.skip(count: 1, ifCurrent: entries[0].id)) }
        async let b = code { try await rig.tell(.skip(count: 1, ifCurrent: entries[0].id)) }
        let codes = await [a, b]
        #expect(codes.filter { $0 == nil }.count == 1)
        #expect(await rig.current == "two")
    }

    @Test func pauseSeekVolumeAndFilter() async throws {
        let rig = Rig { $0.filters = [AudioFilter(rawValue: "bass")] }
        try await rig.add("one", "two")
        #expect(await rig.hears("one"))
        try await rig.tell(.pause)
        #expect(await eventually { rig.voice.calls.last == .pause })
        #expect(try await rig.tell(.seek(.absolute(.seconds(90)))).position == .seconds(90))
        #expect(await eventually { rig.audio.streams.count == 2 && rig.audio.streams[0].closes == 1 })
        #expect(rig.audio.streams[1].options.startAt == .seconds(90))
        #expect(rig.voice.titles == ["one"], "a seek does not lift the pause")
        try await rig.tell(.resume)
        #expect(await eventually { rig.voice.titles == ["one", "one"] })
        try await rig.tell(.volume(150))
        try await rig.tell(.filter(AudioFilter(rawValue: "bass")))
        #expect(
            await eventually { rig.audio.streams[1].volume == 150 && rig.audio.streams[1].filter.rawValue == "bass" })
        try await rig.tell(.skip(count: 1, ifCurrent: nil))
        #expect(await rig.hears("two"))
        #expect(rig.audio.stream("two")?.options == AudioOptions(volume: 150, filter: AudioFilter(rawValue: "bass")))
        for bad in [
            GuildCommand.volume(201), .volume(-1), .seek(.absolute(.seconds(999))), .filter(AudioFilter(rawValue: "x")),
            .remove(5..<6), .move(from: 0, to: 9), .skip(count: 0, ifCurrent: nil),
        ] {
            #expect(await code { try await rig.tell(bad) } == .invalidArgument)
        }
        #expect(try await rig.tell(.seek(.relative(.seconds(-50)))).position == .zero)
        #expect(try await rig.tell(.seek(.relative(.seconds(5000)))).position == .seconds(179))
    }

    @Test func nextTrackIsPreparedBeforeTheEnd() async throws {
        let rig = Rig()
        try await rig.add("one", "two")
        #expect(await rig.hears("one"))
        rig.audio.stream("one")?.play(to: .seconds(100))
        await rig.pass(.seconds(2))
        #expect(await eventually { await rig.session.snapshot().position == .seconds(100) })
        #expect(rig.audio.stream("two") == nil)
        rig.audio.stream("one")?.play(to: .seconds(170))
        #expect(
            await eventually {
                rig.time.advance(by: .seconds(2)); return rig.audio.stream("two") != nil
            })
        #expect(rig.voice.titles == ["one"])
        rig.audio.stream("one")?.end()
        #expect(await rig.hears("two"))
        #expect(rig.audio.streams.count == 2, "the prepared stream is the one that plays")
        #expect(await eventually { rig.audio.stream("one")?.closes == 1 })
        // Sent before the old one was closed: nothing lies between them.
        #expect(!rig.voice.calls.contains(.silence))
    }

    @Test func brokenTracksAreSkippedUntilTheStreakIsTooLong() async throws {
        let rig = Rig { $0.failureStreak = 3 }
        rig.source.broken.withLock { $0 = ["a": broken, "b": broken, "c": broken, "d": broken] }
        let updates = rig.hub.updates(of: rig.guild, buffered: 100)
        try await rig.add("a", "ok", "b", "c", "d", "last")
        #expect(await rig.hears("ok"))
        rig.audio.stream("ok")?.end()
        #expect(await rig.hears(nil))
        #expect(await eventually { await rig.session.snapshot().current == nil })
        #expect(await rig.upcoming == ["last"], "three in a row end it, the rest waits")
        rig.hub.finish()
        var failed: [String] = []
        var gaveUp = 0
        for await update in updates {
            for notice in update.notices {
                if case .trackFailed(let entry, let error) = notice {
                    failed.append(entry.track.title)
                    #expect(error.userMessage == "That track is not available.")
                }
                if case .gaveUp = notice { gaveUp += 1 }
            }
        }
        #expect(failed == ["a", "b", "c", "d"] && gaveUp == 1)
        try await rig.tell(.resume)
        #expect(await rig.hears("last"))
    }

    @Test func aStreamThatDiesGoesOnAtItsPosition() async throws {
        let rig = Rig { $0.reopenAttempts = 2 }
        try await rig.add("one", "two")
        #expect(await rig.hears("one"))
        rig.audio.stream("one")?.play(to: .seconds(42))
        rig.audio.stream("one")?.fail(PlayerError(.mediaFailed, "worker died", retry: .after(.zero)))
        #expect(await eventually { rig.audio.streams.count == 2 })
        #expect(rig.audio.streams[1].options.startAt == .seconds(42))
        #expect(await rig.hears("one"))
        // It dies again and again: after the allowed attempts it is skipped.
        for attempt in 2...3 {
            rig.audio.streams.last?.fail(PlayerError(.mediaFailed, "worker died", retry: .after(.zero)))
            #expect(
                await eventually {
                    rig.time.advance(by: .milliseconds(100)); return rig.audio.streams.count > attempt
                })
        }
        #expect(await rig.hears("two"))
    }

    @Test func anEmptyLoopingTrackDoesNotSpin() async throws {
        let rig = Rig()
        try await rig.add("empty")
        #expect(await rig.hears("empty"))
        try await rig.tell(.loop(.track))
        rig.audio.stream("empty")?.end(at: .zero)
        #expect(await eventually { await rig.session.snapshot().current == nil })
        #expect(rig.audio.streams.count == 1)
    }

    @Test func previousAndPlayNow() async throws {
        let rig = Rig()
        try await rig.add("one", "two")
        #expect(await rig.hears("one"))
        try await rig.add("now", mode: .now)
        #expect(await rig.hears("now"))
        try await rig.add("next", mode: .next)
        #expect(await rig.upcoming == ["next", "two"])
        try await rig.tell(.previous)
        #expect(await rig.hears("one"))
        #expect(await rig.upcoming == ["now", "next", "two"])
        try await rig.tell(.previous)
        #expect(
            await eventually { rig.audio.streams.filter { $0.track.title == "one" }.count == 3 },
            "no history: from the start")
    }

    /// After an idle or alone leave, or a stop, there is nobody to hear what begins.
    @Test(arguments: [GuildCommand.previous, .skip(count: 1, ifCurrent: nil)])
    func whatBeginsIsHeardWhereTheCallerIs(_ command: GuildCommand) async throws {
        let rig = Rig()
        try await rig.add("one", "two", "three")
        try await rig.tell(.skip(count: 1, ifCurrent: nil))
        #expect(await rig.hears("two"))
        rig.session.handle(.disconnected)
        #expect(await eventually { await rig.session.snapshot().voiceChannel == nil })
        let nowhere = Caller(user: UserID(0), isPrivileged: true)
        #expect(await code { _ = try await rig.session.perform(command, by: nowhere) } == .notInVoice)
        #expect(await rig.current == "two", "refused, and nothing has changed")
        rig.voice.refusal.withLock { $0 = .cannotSpeak(rig.channel) }
        #expect(await code { try await rig.tell(command) } == .cannotSpeak)
        #expect(await rig.current == "two", "not reached, and nothing has changed")
        rig.voice.refusal.withLock { $0 = nil }
        let reply = try await rig.tell(command)
        let begins = if case .previous = command { "one" } else { "three" }
        #expect(reply.current?.track.title == begins)
        #expect(await rig.hears(begins))
        #expect(await rig.session.snapshot().voiceChannel == rig.channel)
    }

    @Test func previousAfterAStopComesBack() async throws {
        let rig = Rig()
        try await rig.add("one")
        #expect(await rig.hears("one"))
        try await rig.tell(.stop)
        try await rig.tell(.previous)
        #expect(await rig.hears("one"))
        // A skip that leaves nothing to be heard needs no channel.
        rig.session.handle(.disconnected)
        #expect(await eventually { await rig.session.snapshot().voiceChannel == nil })
        #expect(try await rig.tell(.skip(count: 1, ifCurrent: nil)).affected.map(\.track.title) == ["one"])
        #expect(rig.voice.calls.filter { $0 == .join(rig.channel) }.count == 2)
    }

    @Test func stopClearsAndLeaves() async throws {
        let rig = Rig()
        try await rig.add("one", "two")
        #expect(await rig.hears("one"))
        try await rig.tell(.stop)
        #expect(await eventually { rig.voice.calls.last == .leave })
        #expect(await eventually { rig.audio.streams.allSatisfy { $0.closes == 1 } })
        let snapshot = await rig.session.snapshot()
        #expect(snapshot.status == .idle && snapshot.upcomingCount == 0 && snapshot.historyCount == 1)
        #expect(await code { try await rig.tell(.stop) } == .nothingPlaying)
        #expect(await code { try await rig.tell(.skip(count: 1, ifCurrent: nil)) } == .nothingPlaying)
    }

    @Test func aRefusedCommandLeavesNothingBehind() async throws {
        let rig = Rig { $0.failureStreak = 1 }
        try await rig.add("one")
        #expect(await rig.hears("one"))
        var caller = rig.caller
        caller.textChannel = ChannelID(9)
        #expect(await code { _ = try await rig.session.perform(.volume(999), by: caller) } == .invalidArgument)
        #expect(await rig.session.snapshot().textChannel == nil)
        try await rig.add("two")
        rig.audio.stream("one")?.fail(broken)
        #expect(await rig.hears(nil))
        rig.session.handle(.disconnected)
        #expect(await eventually { await rig.session.snapshot().voiceChannel == nil })
        // Nothing plays, one waits, and an operator who sits nowhere gives no channel to join.
        let console = Caller(user: UserID(0), isPrivileged: true)
        #expect(await code { _ = try await rig.session.perform(.resume, by: console) } == .notInVoice)
        let snapshot = await rig.session.snapshot()
        #expect(snapshot.current == nil && snapshot.upcomingCount == 1)
    }

    @Test func tooManyWaitingCommandsAreRefused() async throws {
        let rig = Rig { $0.maxWaiting = 4 }
        try await rig.add("one")
        rig.journal.gate.shut()
        let results = await withTaskGroup(of: PlayerError.Code?.self) { group in
            for percent in 0..<20 { group.addTask { await code { try await rig.tell(.volume(percent)) } } }
            var results: [PlayerError.Code?] = []
            for await result in group {
                results.append(result)
                if results.filter({ $0 == .busy }).count >= 10 { rig.journal.gate.open() }
            }
            return results
        }
        #expect(results.contains(.busy) && results.contains(nil))
    }
}
