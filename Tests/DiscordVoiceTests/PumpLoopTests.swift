import AudioRing
import Testing

@testable import DiscordVoice

@Suite("Pump schedule")
struct PumpLoopTests {
    private static let start = 5_000_000_000
    private static let frame = 20_000_000

    /// A pump with `count` senders, spread over all slots.
    private func pump(_ count: Int) throws -> (loop: PumpLoop, benches: [Bench]) {
        var loop = PumpLoop(start: Self.start)
        let benches = try (0..<count).map { _ in try Bench() }
        for (index, bench) in benches.enumerated() { loop.senders[index % VoicePump.slots].append(bench.sender) }
        return (loop, benches)
    }

    private func ticks(_ bench: Bench) -> Int { bench.sender.statistics.late.reduce(0, +) }

    @Test func everySenderIsServedOnceInTwentyMilliseconds() throws {
        var (loop, benches) = try pump(45)
        var now = Self.start
        while now < Self.start + 50 * Self.frame { now = loop.run(now: now, clock: { now }) }
        for bench in benches { #expect(ticks(bench) == 50) }
        #expect(benches.allSatisfy { $0.sender.statistics.late[0] == 50 }, "the schedule itself is never late")
    }

    @Test func sendersAreSpreadOverTheFrame() throws {
        var (loop, benches) = try pump(20)
        var now = Self.start
        for step in 1...20 {
            now = loop.run(now: now, clock: { now })
            #expect(benches.filter { ticks($0) == 1 }.count == step)
            #expect(now == Self.start + step * 1_000_000)
        }
    }

    @Test func sendersShareSlotsUntilTheyAreFull() {
        var counts = [Int](repeating: 0, count: VoicePump.slots)
        func add() { counts[VoicePump.slot(for: counts)] += 1 }
        for _ in 0..<VoicePump.slotFill { add() }
        #expect(counts[0] == VoicePump.slotFill, "one wake-up serves them all")
        add()
        #expect(counts[10] == 1, "the next slot is far away")
        counts[0] -= 5
        for _ in 0..<5 { add() }
        #expect(counts[0] == VoicePump.slotFill, "who comes takes the place of who left")
        for _ in 0..<40 * VoicePump.slotFill { add() }
        let fullest = counts.max() ?? 0, emptiest = counts.min() ?? 0
        #expect(fullest - emptiest <= 1, "past their capacity all slots fill alike")
    }

    @Test func anEmptyPumpSleepsAWholeFrame() throws {
        var (loop, _) = try pump(0)
        #expect(loop.run(now: Self.start, clock: { Self.start }) == Self.start + 21_000_000)
    }

    @Test func aShortStallIsCaughtUpWithoutLosingAFrame() throws {
        var (loop, benches) = try pump(3)
        var now = Self.start
        while now < Self.start + 10 * Self.frame { now = loop.run(now: now, clock: { now }) }
        now += 70_000_000
        while now < Self.start + 20 * Self.frame { now = loop.run(now: now, clock: { now }) }
        for bench in benches {
            #expect(ticks(bench) == 20)
            #expect(bench.sender.statistics.late[5] >= 1, "the late ones are counted as late")
        }
        #expect(loop.skipped == 0)
    }

    @Test func aLongStallIsSkippedNotBurst() throws {
        var (loop, benches) = try pump(1)
        var now = Self.start
        while now < Self.start + 5 * Self.frame { now = loop.run(now: now, clock: { now }) }
        let before = ticks(benches[0])
        now += 60 * 1_000_000_000
        now = loop.run(now: now, clock: { now })
        #expect(ticks(benches[0]) - before <= 1)
        #expect(loop.skipped >= 59_900)
        #expect(now > Self.start + 60 * 1_000_000_000)
    }

    @Test func theThreadServesRealSendersAndLetsGo() async throws {
        let pump = VoicePump()
        pump.start()
        let bench = try Bench()
        let ring = try AudioRing()
        ring.fill(10, mark: 1)
        bench.sender.play(ring)
        pump.add(bench.sender)
        while bench.sender.statistics.sent < 10 { await Task.yield() }
        await pump.remove(bench.sender)
        let after = bench.sender.statistics
        // Nobody but the test calls it now.
        _ = bench.run(1)
        #expect(bench.sender.statistics.late.reduce(0, +) == after.late.reduce(0, +) + 1)
        pump.stop()
    }
}
