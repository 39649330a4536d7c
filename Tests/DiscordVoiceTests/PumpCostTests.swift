import AudioRing

import Glibc
import Synchronization
import TestSupport
import Testing

@testable import DAVE
@testable import DiscordVoice

/// The pump's thread must not meet the heap: an allocation may wait for a lock that another thread holds.
@Suite("What a frame costs")
struct PumpCostTests {
    private static let frame = 20_000_000
    private static let packet: [UInt8] = [0xFC] + [UInt8](repeating: 5, count: 159)

    private static func fill(_ ring: AudioRing) {
        packet.withUnsafeBytes { bytes in while ring.freeSlots > 0 { _ = ring.push(bytes, position: 0) } }
    }

    /// Goes every way once, so that what the Swift runtime makes on first use is made.
    private static func warmUp(_ bench: Bench) throws {
        let rings = try (0..<3).map { _ in try AudioRing() }
        for ring in rings { fill(ring) }
        rings[0].finish(.ended)
        bench.sender.play(rings[0])
        bench.sender.enqueue(rings[1])
        _ = heapCalls { for tick in 0..<20 { bench.sender.tick(tick, lateness: 0) } }
        bench.sender.isPaused = true
        bench.sender.tick(20, lateness: 2_500_000)
        bench.sender.isPaused = false
        bench.sender.play(rings[2])
        for tick in 21..<50 { bench.sender.tick(tick, lateness: 0) }
        bench.sender.play(nil)
        for tick in 50..<60 { bench.sender.tick(tick, lateness: 0) }
        _ = bench.sender.takeEnded()
        _ = bench.loopback.packets()
    }

    @Test func theCountingWorks() {
        final class Something { var value = 1 }
        var kept: Something?
        #expect(heapCalls { kept = Something() }.taken == 1)
        #expect(heapCalls { kept = nil }.released == 1)
        withExtendedLifetime(kept) {}
        var memory: UnsafeMutableRawPointer?
        let calls = heapCalls {
            memory = .allocate(byteCount: 64, alignment: 64)
            memory?.deallocate()
        }
        #expect(calls.taken == 1 && calls.released == 1)
    }

    /// Thousands of ticks of the pump's own loop: audio, encrypted twice and sent; underruns; pauses; waiting for a key.
    @Test(arguments: [false, true]) func thousandsOfTicksDoNotTouchTheHeap(_ isEncrypted: Bool) throws {
        let bench = try Bench(), ring = try AudioRing()
        try Self.warmUp(bench)
        let before = bench.sender.statistics
        if isEncrypted { bench.sender.encryptor.install(KeyRatchet(baseSecret: [UInt8](repeating: 9, count: 16))) }
        var loop = PumpLoop(start: 0)
        loop.senders[0] = [bench.sender]
        bench.sender.play(ring)
        var now = 0
        func run(_ frames: Int) -> (taken: Int, released: Int) {
            heapCalls {
                for _ in 0..<frames {
                    Self.fill(ring)
                    now = loop.run(now: now, clock: { 0 })
                }
            }
        }
        // The first frames take over ring and key, which were made elsewhere.
        _ = run(5)
        let audio = run(4_000)
        #expect(audio == (0, 0))
        #expect(bench.sender.statistics.sent - before.sent >= 4_000)
        let underrun = heapCalls { for _ in 0..<200 { now = loop.run(now: now, clock: { 0 }) } }
        #expect(underrun == (0, 0))
        #expect(bench.sender.statistics.underruns - before.underruns > 100)
        #expect(bench.sender.statistics.silent - before.silent == 5)
        bench.sender.isPaused = true
        #expect(run(100) == (0, 0))
        bench.sender.isPaused = false
        bench.sender.encryptor.block()
        #expect(run(100) == (0, 0))
        #expect(bench.sender.statistics.withheld >= 99)
    }

    /// Rings that end and are replaced go to others, who release them.
    @Test func ringsAreReleasedElsewhere() throws {
        let bench = try Bench()
        let rings = try (0..<8).map { _ in try AudioRing() }
        for ring in rings {
            Self.fill(ring)
            ring.finish(.ended)
        }
        try Self.warmUp(bench)
        let before = bench.sender.statistics
        bench.sender.play(rings[0])
        var tick = 60
        for (index, next) in rings.dropFirst().enumerated() {
            bench.sender.enqueue(next)
            let calls = heapCalls {
                // Up to the first frame of the next ring.
                for _ in 0..<(index == 0 ? AudioRing.capacity + 1 : AudioRing.capacity) {
                    tick += 1
                    bench.sender.tick(tick, lateness: 0)
                }
            }
            #expect(calls == (0, 0))
        }
        #expect(bench.sender.takeEnded() == rings.prefix(7).map { .init($0, .ended) })
        #expect(bench.sender.statistics.sent - before.sent == 7 * AudioRing.capacity + 1)
    }

    /// Counters are read while the pump counts.
    @Test func countersAreReadFromOtherThreads() async throws {
        let pump = VoicePump()
        let bench = try Bench(), ring = try AudioRing()
        Self.fill(ring)
        bench.sender.play(ring)
        pump.add(bench.sender)
        pump.start()
        var last = VoiceStatistics()
        while last.sent < 16 {
            let now = bench.sender.statistics
            #expect(now.sent >= last.sent && now.late.reduce(0, +) >= last.late.reduce(0, +))
            last = now
            await Task.yield()
        }
        await pump.remove(bench.sender)
        pump.stop()
    }
}
