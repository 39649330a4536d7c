import AudioRing
import DAVE
import Testing

@testable import DiscordVoice

@Suite("Voice sender")
struct VoiceSenderTests {
    @Test func aFrameEachTickInOrder() throws {
        let bench = try Bench(), ring = try AudioRing()
        ring.fill(10, mark: 5)
        bench.sender.play(ring)
        let heard = bench.run(10)
        #expect(heard.map(\.payload) == (0..<10).map { [0xFC, 5, UInt8($0)] })
        for (before, after) in zip(heard, heard.dropFirst()) {
            #expect(after.sequence == before.sequence &+ 1)
            #expect(after.timestamp == before.timestamp &+ 960)
        }
        #expect(bench.sender.statistics.sent == 10)
        #expect(bench.sender.statistics.underruns == 0)
    }

    @Test func fiveFramesOfSilenceThenNothing() throws {
        let bench = try Bench(), ring = try AudioRing()
        ring.fill(2, mark: 1)
        ring.finish(.ended)
        bench.sender.play(ring)
        let heard = bench.run(20)
        #expect(heard.map(\.isSilence) == [false, false] + Array(repeating: true, count: 5))
        #expect(bench.sender.takeEnded() == [.init(ring, .ended)])
        #expect(bench.sender.takeEnded().isEmpty)
        #expect(bench.sender.statistics.silent == 5)
    }

    @Test func pausingKeepsThePlaceAndTheClock() throws {
        let bench = try Bench(), ring = try AudioRing()
        ring.fill(10, mark: 1)
        bench.sender.play(ring)
        let before = bench.run(3)
        bench.sender.isPaused = true
        let pause = bench.run(50)
        #expect(pause.count == 5)
        #expect(pause.allSatisfy { $0.isSilence })
        bench.sender.isPaused = false
        let after = bench.run(1)
        #expect(after.first?.payload == [0xFC, 1, 3])
        // RTP time goes on while nothing is sent, the sequence does not.
        #expect(after.first?.timestamp == before.last.map { $0.timestamp &+ 51 * 960 })
        #expect(after.first?.sequence == before.last.map { $0.sequence &+ 6 })
    }

    @Test func anUnderrunIsSilenceAndIsCounted() throws {
        let bench = try Bench(), ring = try AudioRing()
        bench.sender.play(ring)
        #expect(bench.run(3).isEmpty, "nothing was heard yet, so nothing fades")
        #expect(bench.sender.statistics.underruns == 0, "waiting for a start is no underrun")
        ring.fill(1, mark: 1)
        #expect(bench.run(1).count == 1)
        let gap = bench.run(3)
        #expect(gap.count == 3)
        #expect(gap.allSatisfy { $0.isSilence })
        #expect(bench.sender.statistics.underruns == 3)
        ring.fill(1, mark: 2)
        #expect(bench.run(1).first?.payload == [0xFC, 2, 0])
    }

    @Test func theNextRingFollowsWithoutAGap() throws {
        let bench = try Bench(), first = try AudioRing(), second = try AudioRing()
        first.fill(2, mark: 1)
        first.finish(.ended)
        second.fill(2, mark: 2)
        bench.sender.play(first)
        bench.sender.enqueue(second)
        #expect(bench.run(3).map { $0.payload[1] } == [1, 1, 2])
        // Told that the second one is the current one now, it goes on where it is.
        bench.sender.play(second)
        #expect(bench.run(1).map { $0.payload } == [[0xFC, 2, 1]])
        #expect(bench.sender.takeEnded() == [.init(first, .ended)])
    }

    @Test func whatWasToFollowCanBeTakenBack() throws {
        let bench = try Bench(), first = try AudioRing(), second = try AudioRing()
        first.fill(2, mark: 1)
        first.finish(.ended)
        second.fill(2, mark: 2)
        bench.sender.play(first)
        bench.sender.enqueue(second)
        _ = bench.run(1)
        bench.sender.enqueue(nil)
        #expect(bench.run(3).map(\.isSilence) == [false, true, true])
    }

    @Test func aNewRingReplacesAtOnce() throws {
        let bench = try Bench(), first = try AudioRing(), second = try AudioRing(), queued = try AudioRing()
        first.fill(10, mark: 1)
        queued.fill(10, mark: 3)
        second.fill(10, mark: 2)
        bench.sender.play(first)
        bench.sender.enqueue(queued)
        _ = bench.run(2)
        bench.sender.play(second)
        #expect(bench.run(3).map { $0.payload[1] } == [2, 2, 2])
        bench.sender.play(nil)
        #expect(bench.run(10).map(\.isSilence) == Array(repeating: true, count: 5))
    }

    /// After a seek the new ring may need a moment: the old one plays on until there is something to play.
    @Test func whatIsReplacedPlaysOnUntilTheNewRingHasSomething() throws {
        let bench = try Bench(), first = try AudioRing(), second = try AudioRing(), queued = try AudioRing()
        first.fill(16, mark: 1)
        queued.fill(10, mark: 3)
        bench.sender.play(first)
        bench.sender.enqueue(queued)
        _ = bench.run(2)
        bench.sender.play(second)
        #expect(bench.run(3).map { $0.payload[1] } == [1, 1, 1])
        second.fill(2, mark: 2)
        #expect(bench.run(2).map { $0.payload[1] } == [2, 2])
        #expect(first.count == 11, "what was replaced is not read any more")
        // It does not wait for ever, nor does the old one's end start what was queued behind it.
        let late = try AudioRing()
        bench.sender.play(first)
        bench.sender.enqueue(queued)
        #expect(bench.run(9).map { $0.payload[1] } == Array(repeating: 1, count: 9))
        first.finish(.ended)
        bench.sender.play(late)
        let heard = bench.run(VoiceSender.overlap + 5)
        #expect(heard.map(\.isSilence) == [false, false] + Array(repeating: true, count: 5))
        late.fill(1, mark: 4)
        #expect(bench.run(1).map { $0.payload[1] } == [4])
    }

    /// After a crash of the media worker the new ring begins with what is still in the old one.
    @Test func whatIsReplacedAtOnceIsNotHeardTwice() throws {
        let bench = try Bench(), first = try AudioRing(), second = try AudioRing()
        first.fill(10, mark: 1)
        bench.sender.play(first)
        _ = bench.run(2)
        bench.sender.play(second, atOnce: true)
        #expect(bench.run(3).map(\.isSilence) == [true, true, true])
        second.fill(2, mark: 1, from: 2)
        #expect(bench.run(2).map { $0.payload[2] } == [2, 3])
        #expect(first.count == 8)
    }

    @Test func aFailedRingIsToldApart() throws {
        let bench = try Bench(), ring = try AudioRing(), next = try AudioRing()
        ring.fill(1, mark: 1)
        ring.finish(.failed)
        next.fill(1, mark: 2)
        bench.sender.play(ring)
        bench.sender.enqueue(next)
        let heard = bench.run(3)
        #expect(bench.sender.takeEnded() == [.init(ring, .failed)])
        #expect(heard.map(\.isSilence) == [false, true, true], "what was queued behind a failure is not played")
    }

    @Test func nothingLeavesBeforeItIsSaidHowFramesAreEncrypted() throws {
        let loopback = Loopback(), ring = try AudioRing()
        let cipher = try #require(TransportCipher(.aes256GCM, key: Bench.key))
        let sender = VoiceSender(descriptor: loopback.sender, ssrc: 1, cipher: cipher)
        ring.fill(3, mark: 1)
        sender.play(ring)
        for tick in 0..<10 { sender.tick(tick, lateness: 0) }
        #expect(loopback.packets().isEmpty)
        sender.encryptor.install(nil)
        for tick in 10..<13 { sender.tick(tick, lateness: 0) }
        #expect(loopback.packets().count == 3, "and nothing is lost by that")
    }

    @Test func withoutAKeyNothingLeavesAndNothingIsLost() throws {
        let bench = try Bench(), ring = try AudioRing()
        bench.sender.encryptor.block()
        ring.fill(5, mark: 1)
        bench.sender.play(ring)
        #expect(bench.run(5).isEmpty)
        #expect(bench.sender.statistics.withheld == 5)
        #expect(bench.sender.statistics.sent == 0)
        bench.sender.encryptor.install(nil)
        #expect(bench.run(5).map { $0.payload[2] } == [0, 1, 2, 3, 4])
    }

    @Test func aKeyThatNeverComesDoesNotStopTheMusicForEver() throws {
        let bench = try Bench(), ring = try AudioRing()
        bench.sender.encryptor.block()
        ring.fill(2, mark: 1)
        ring.finish(.ended)
        bench.sender.play(ring)
        #expect(bench.run(VoiceSender.patience + 3).isEmpty)
        #expect(bench.sender.takeEnded() == [.init(ring, .ended)])
    }

    @Test func endsAreToldOneByOneEvenWhenNobodyLooked() throws {
        let bench = try Bench()
        let rings = try (0..<3).map { _ in try AudioRing() }
        for ring in rings {
            ring.fill(1, mark: 1)
            ring.finish(.ended)
            bench.sender.play(ring)
            _ = bench.run(3)
        }
        #expect(bench.sender.takeEnded() == rings.map { .init($0, .ended) })
        for _ in 0..<100 {
            bench.sender.play(try AudioRing())
            _ = bench.run(1)
        }
        #expect(bench.sender.takeEnded().isEmpty, "a ring that was replaced has not ended")
    }

    @Test func latenessIsCountedInBuckets() throws {
        let bench = try Bench()
        for late in [0, 999_999, 1_500_000, 4_000_000, 9_000_000, 19_000_000, 500_000_000] {
            _ = bench.run(1, lateness: late)
        }
        #expect(bench.sender.statistics.late == [2, 1, 1, 1, 1, 1])
    }

    @Test func skippedTicksMoveTheTimestamp() throws {
        let bench = try Bench(), ring = try AudioRing()
        ring.fill(4, mark: 1)
        bench.sender.play(ring)
        let before = bench.run(1)
        bench.stall(10)
        let after = bench.run(1)
        #expect(after.first?.timestamp == before.first.map { $0.timestamp &+ 11 * 960 })
        #expect(after.first?.sequence == before.first.map { $0.sequence &+ 1 })
    }
}
