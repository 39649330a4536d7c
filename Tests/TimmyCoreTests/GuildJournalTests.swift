import Testing

@testable import TimmyCore

@Suite("Guild session and journal", .timeLimit(.minutes(5)))
struct GuildJournalTests {
    @Test func aChangeThatCannotBeStoredIsRefusedWhole() async throws {
        let rig = Rig()
        try await rig.add("one", "two", "three")
        #expect(await rig.hears("one"))
        let before = await rig.session.snapshot(first: 0, count: 100)
        rig.journal.fail(diskFull)
        for command in [
            GuildCommand.add([song("x")], .append), .skip(count: 1, ifCurrent: nil), .shuffle(seed: 1), .clear, .stop,
            .volume(5), .pause, .loop(.queue), .remove(0..<1), .seek(.absolute(.seconds(9))),
        ] {
            #expect(await code { try await rig.tell(command) } == .journalFailed)
        }
        #expect(await rig.session.snapshot(first: 0, count: 100) == before)
        #expect(rig.audio.streams.count == 1 && !rig.voice.calls.contains(.leave) && !rig.voice.calls.contains(.pause))
        rig.journal.fail(nil)
        try await rig.tell(.skip(count: 1, ifCurrent: nil))
        #expect(await rig.hears("two"))
        #expect(rig.journal.record(rig.guild)?.queue.current?.track.title == "two")
    }

    @Test func theFirstPlayIsTakenBackWhenItCannotBeStored() async throws {
        let rig = Rig()
        rig.journal.fail(diskFull)
        #expect(await code { try await rig.add("one") } == .journalFailed)
        let snapshot = await rig.session.snapshot()
        #expect(snapshot.current == nil && snapshot.upcomingCount == 0)
        #expect(await eventually { rig.voice.calls.last == .leave })
        #expect(rig.voice.titles.isEmpty)
    }

    @Test func musicGoesOnWithoutTheJournalAndTheJournalCatchesUp() async throws {
        let rig = Rig()
        try await rig.add("one", "two", "three")
        #expect(await rig.hears("one"))
        rig.journal.fail(diskFull)
        rig.audio.stream("one")?.end()
        #expect(await rig.hears("two"))
        rig.journal.fail(nil)
        try await rig.tell(.volume(60))
        let record = try #require(rig.journal.record(rig.guild))
        #expect(record.queue.current?.track.title == "two")
        #expect(record.queue.upcoming.map(\.track.title) == ["three"])
        #expect(record.queue.history.map(\.track.title) == ["one"])
    }

    @Test func theReplyComesAfterTheJournal() async throws {
        let rig = Rig()
        try await rig.add("one")
        rig.journal.gate.shut()
        let answered = Flag()
        let task = Task {
            try await rig.tell(.volume(50))
            answered.raise()
        }
        #expect(await eventually { rig.journal.gate.waiting == 1 })
        #expect(!answered.isUp)
        #expect(await rig.session.snapshot().volume == 100, "not visible before it is durable")
        rig.journal.gate.open()
        try await task.value
        #expect(answered.isUp && rig.journal.record(rig.guild)?.playback.volume == 50)
    }

    @Test func afterAKillItGoesOnAtNearlyTheSameSecond() async throws {
        let journal = MemoryJournal()
        let time = ManualTime()
        let rig = Rig(journal: journal, time: time)
        try await rig.add("one", "two", "three")
        #expect(await rig.hears("one"))
        try await rig.tell(.loop(.queue))
        try await rig.tell(.volume(80))
        try await rig.tell(.skip(count: 1, ifCurrent: nil))
        #expect(await rig.hears("two"))
        rig.audio.stream("two")?.play(to: .seconds(61))
        #expect(
            await eventually {
                time.advance(by: .seconds(2))
                return journal.record(rig.guild)?.playback.position == .seconds(61)
            })
        // Killed here: nothing is said, nothing is left. What a store kept goes through its encoding.
        let record = try JSONCoding.roundTrip(try #require(journal.record(rig.guild)))
        let next = Rig(journal: journal, time: time, record: record)
        next.session.restore()
        #expect(await next.hears("two"))
        #expect(next.voice.onAir?.options == AudioOptions(startAt: .seconds(61), volume: 80))
        #expect(next.voice.calls.first == .join(rig.channel))
        #expect(await next.upcoming == ["three", "one"])
        #expect(await next.session.snapshot().loop == .queue)
        let added = try await next.add("four").affected
        #expect(added[0].id == EntryID(4), "ids are not used twice")
    }

    @Test func whatHappensBeforeTheRestoreDoesNotUndoIt() async throws {
        let rig = Rig()
        try await rig.add("one", "two")
        let next = Rig(journal: rig.journal, record: rig.journal.record(rig.guild))
        next.session.handle(.listeners([]))
        try await next.tell(.volume(70))
        #expect(rig.journal.record(rig.guild)?.playback.voiceChannel == rig.channel)
        next.session.restore()
        #expect(await next.hears("one"))
    }

    @Test func pausedStaysPausedAndStoppedStaysStopped() async throws {
        let rig = Rig()
        try await rig.add("one")
        #expect(await rig.hears("one"))
        try await rig.tell(.pause)
        let paused = Rig(record: rig.journal.record(rig.guild))
        paused.session.restore()
        #expect(await eventually { await paused.session.snapshot().status == .paused })
        #expect(paused.voice.titles.isEmpty)
        try await paused.tell(.resume)
        #expect(await paused.hears("one"))
        try await rig.tell(.stop)
        let stopped = Rig(record: rig.journal.record(rig.guild))
        stopped.session.restore()
        #expect(await code { try await stopped.tell(.pause) } == .nothingPlaying)
        #expect(stopped.voice.calls.isEmpty)
    }

    @Test func aDrainStoresThePositionAndLeaves() async throws {
        let rig = Rig()
        try await rig.add("one")
        #expect(await rig.hears("one"))
        rig.audio.stream("one")?.play(to: .seconds(17))
        await rig.session.close(keepPosition: true)
        #expect(rig.voice.calls.last == .leave && rig.audio.streams[0].closes == 1)
        let record = try #require(rig.journal.record(rig.guild))
        #expect(record.playback.position == .seconds(17) && record.playback.voiceChannel == rig.channel)
        #expect(await code { try await rig.add("two") } == .shuttingDown)
    }
}
