import Testing

@testable import TimmyCore

@Suite("Guilds stay apart", .timeLimit(.minutes(2)))
struct IsolationTests {
    @Test func stopInOneLeavesTheOtherUntouched() async throws {
        let journal = MemoryJournal()
        let (a, b) = (Rig(guild: GuildID(1), journal: journal), Rig(guild: GuildID(2), journal: journal))
        try await a.add("red", "blue")
        try await b.add("green", "grey")
        #expect(await a.hears("red"))
        #expect(await b.hears("green"))
        let before = await b.session.snapshot(first: 0, count: 10)
        let calls = b.voice.calls
        try await a.tell(.stop)
        #expect(await eventually { a.voice.calls.last == .leave })
        #expect(await b.session.snapshot(first: 0, count: 10) == before)
        #expect(b.voice.calls == calls && b.audio.streams.allSatisfy { $0.closes == 0 })
        #expect(journal.record(GuildID(2))?.queue.count == 2)
    }

    /// Each guild gets its own random script; run side by side in random order it must end as when run alone.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func randomSchedulesDoNotMix(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let scripts = (0..<2).map { _ in (0..<40).map { _ in Self.randomCommand(&random) } }
        var alone: [GuildRecord] = []
        for (index, script) in scripts.enumerated() {
            let rig = Rig(guild: GuildID(UInt64(index) + 1))
            for command in script { _ = await code { try await rig.tell(command) } }
            alone.append(try #require(rig.journal.record(rig.guild)))
        }
        let journal = MemoryJournal()
        let rigs = [Rig(guild: GuildID(1), journal: journal), Rig(guild: GuildID(2), journal: journal)]
        await withTaskGroup(of: Void.self) { group in
            for (rig, script) in zip(rigs, scripts) {
                let pauses = script.map { _ in Int.random(in: 0...5, using: &random) }
                group.addTask {
                    for (command, pause) in zip(script, pauses) {
                        for _ in 0..<pause { await Task.yield() }
                        _ = await code { try await rig.tell(command) }
                    }
                }
            }
        }
        for (rig, alone) in zip(rigs, alone) {
            #expect(journal.record(rig.guild) == alone, "seed \(seed)")
            let guild = rig.guild.rawValue
            #expect(
                rig.voice.calls.allSatisfy { if case .join(let channel) = $0 { channel == rig.channel } else { true } })
            #expect(journal.state.withLock { $0.entries.contains { $0.guild.rawValue == guild } })
        }
    }

    private static func randomCommand(_ random: inout SplitMix64) -> GuildCommand {
        let number = Int.random(in: 0..<1000, using: &random)
        switch number % 12 {
        case 0...3: return .add([song("s\(number)"), song("t\(number)")], AddMode.allCases[number % 3])
        case 4: return .skip(count: 1 + number % 2, ifCurrent: nil)
        case 5: return .previous
        case 6: return .shuffle(seed: UInt64(number))
        case 7: return .loop(LoopMode.allCases[number % 3])
        case 8: return .volume(number % 220)
        case 9: return .remove(number % 5..<(number % 5 + 2))
        case 10: return .move(from: number % 4, to: number % 3)
        default: return number % 36 == 11 ? .stop : .clear
        }
    }
}
