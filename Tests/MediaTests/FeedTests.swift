import Foundation
import Glibc
import MediaWire
import TestSupport
import Testing

@testable import Media
@testable import Sandbox

/// Sound that no descriptor holds, on its way through the real worker.
@Suite("Feeds", .serialized)
struct FeedTests {
    private func compare(_ packets: some Sequence<Puller.Packet>, _ song: String) async throws -> (
        value: Double, start: Double
    ) {
        let original = try await Songs.shared.composed(song)
        let found = try #require(
            Correlation.find(try Puller.decode(packets), in: original, maximumOffset: original.count))
        return (found.value, Double(found.offset) / 48_000)
    }

    // MARK: What comes out

    @Test(arguments: ["morning-train.opus", "glass-harbour.flac", "paper-lanterns.mp3", "long-way-home.m4a"])
    func containersThatCanSeek(_ name: String) async throws {
        let engine = makeEngine()
        let feed = TestFeed(.bytes(try await songBytes(name)), canSeek: true, piece: 10_000)
        let puller = try await play(engine, feed)
        #expect(puller.stream.isPassthrough == name.hasSuffix("opus"))
        #expect(puller.stream.info.duration > 10_000)
        let (value, start) = try await compare(try await puller.pull(250), name)
        #expect(value > 0.98 && abs(start) < 0.05, "\(value) at \(start)")
        await puller.stream.close()
        #expect(await eventually { feed.closes == 1 })
        await engine.shutdown()
    }

    @Test(arguments: [("morning-train.opus", 700), ("glass-harbour.flac", 64 << 10), ("paper-lanterns.mp3", 417)])
    func containersThatCannot(_ name: String, _ piece: Int) async throws {
        let engine = makeEngine()
        let feed = TestFeed(.bytes(try await songBytes(name)), piece: piece)
        let puller = try await play(engine, feed)
        let (value, start) = try await compare(try await puller.pull(250), name)
        #expect(value > 0.98 && abs(start) < 0.05, "\(value) at \(start)")
        #expect(feed.seeks.isEmpty)
        await engine.shutdown()
        #expect(await eventually { feed.closes == 1 })
    }

    /// Pieces of any size, even ones that end within a sample.
    @Test(arguments: [7, 3_841, 64 << 10])
    func samples(_ piece: Int) async throws {
        let engine = makeEngine()
        let pcm = Array(try songPCM("glass-harbour.flac").prefix(48_000 * 4 * 6))
        let feed = TestFeed(.bytes(pcm), .pcm, piece: piece)
        let puller = try await play(engine, feed)
        let packets = try await puller.pull()
        #expect(packets.count == 300)
        #expect(puller.outcome == .ended)
        let (value, start) = try await compare(packets, "glass-harbour.flac")
        #expect(value > 0.98 && abs(start) < 0.05, "\(value) at \(start)")
        await engine.shutdown()
    }

    @Test func packetsGoThroughUntouched() async throws {
        let engine = makeEngine()
        let packets = try await songPackets(engine, "morning-train.opus", 200)
        let puller = try await play(engine, TestFeed(.packets(packets), .opusPackets))
        #expect(puller.stream.isPassthrough)
        let heard = try await puller.pull()
        #expect(heard.map(\.bytes) == packets)
        #expect(heard.map(\.position) == (0..<200).map { UInt64($0) * 960 })
        #expect(puller.outcome == .ended)
        await engine.shutdown()
    }

    @Test func packetsAreTranscodedWhereTheVolumeAsksForIt() async throws {
        let engine = makeEngine()
        let packets = try await songPackets(engine, "morning-train.opus", 250)
        let puller = try await play(engine, TestFeed(.packets(packets), .opusPackets)) { $0.volume = 0.5 }
        #expect(!puller.stream.isPassthrough)
        let heard = try await puller.pull()
        let (value, start) = try await compare(heard, "morning-train.opus")
        #expect(value > 0.98 && abs(start) < 0.05, "\(value) at \(start)")
        let untouched = try Puller.decode(packets.map { Puller.Packet(bytes: $0, position: 0) })
        let loudness = { (samples: [Float]) in samples.reduce(0) { $0 + $1 * $1 } / Float(samples.count) }
        #expect(abs(loudness(try Puller.decode(heard)) / loudness(untouched) - 0.25) < 0.03)
        await engine.shutdown()
    }

    @Test func nonsenseAmongPacketsIsPassedOver() async throws {
        let engine = makeEngine()
        let packets = try await songPackets(engine, "morning-train.opus", 100)
        // Code 3 without a count of frames is no packet (RFC 6716, section 3.2.5).
        let mixed: [[UInt8]] = packets.flatMap { packet -> [[UInt8]] in [packet, [0xFF]] }
        let heard = try await play(engine, TestFeed(.packets(mixed), .opusPackets)).pull()
        #expect(heard.map(\.bytes) == packets)
        await engine.shutdown()
    }

    // MARK: Somewhere else

    @Test(arguments: [MediaFormat.container, .pcm, .opusPackets], ["seeking", "readingOn", "begunThere"])
    func beginsWhereItShould(_ format: MediaFormat, _ way: String) async throws {
        let engine = makeEngine()
        let song = format == .opusPackets ? "morning-train.opus" : "glass-harbour.flac"
        let start = 12
        var content: TestFeed.Content
        switch format {
        case .container: content = .bytes(try await songBytes(song))
        case .pcm: content = .bytes(try songPCM(song))
        case .opusPackets: content = .packets(try await songPackets(engine, song, 1_000))
        }
        if way == "begunThere" {
            switch content {
            case .packets(let packets): content = .packets(Array(packets.dropFirst(50 * start)))
            case .bytes(let bytes) where format == .pcm: content = .bytes(Array(bytes.dropFirst(4 * 48_000 * start)))
            // A container of its own, whose times begin at zero.
            case .bytes: content = .bytes(try await songBytes("morning-train.opus"))
            }
        }
        let origin = way == "begunThere" ? UInt64(start) * 48_000 : 0
        let feed = TestFeed(content, format, canSeek: way == "seeking")
        let puller = try await play(engine, feed, origin: origin) { $0.start = UInt64(start) * 48_000 }
        let heard = try await puller.pull(200)
        #expect(abs(Int(heard.first?.position ?? 0) - start * 48_000) <= 960)
        let isOther = way == "begunThere" && format == .container
        let (value, found) = try await compare(heard, isOther ? "morning-train.opus" : song)
        #expect(value > 0.98, "\(value)")
        #expect(abs(found - (isOther ? 0 : Double(start))) < 0.05, "\(found)")
        if way == "seeking", format == .pcm { #expect(feed.seeks == [UInt64(start) * 48_000 * 4]) }
        await engine.shutdown()
    }

    /// A worker that somebody has taken over may ask for anything.
    @Test func placesThatNoFileHasAreRefused() throws {
        let server = FeedServer(EndlessFeed())
        let worker = try #require(server.attach())
        for offset in [UInt64.max - 1, UInt64(Int64.max) + 1] {
            #expect(try Self.ask(worker, offset) == FeedWire.cannotSeek)
        }
        for offset in [FeedWire.onwards, UInt64(Int64.max), FeedWire.onwards] {
            #expect(try Self.ask(worker, offset) == 8)
        }
        server.finish()
    }

    /// What a request is answered with: a size, whose payload is read too, or a status.
    private static func ask(_ worker: MediaFile, _ offset: UInt64) throws -> Int64 {
        let request = [offset.littleEndian, 0]
        try #require(
            send(worker.descriptor, request, FeedWire.requestSize, Int32(MSG_NOSIGNAL)) == FeedWire.requestSize)
        var reply = [Int64](repeating: 0, count: 2)
        try #require(recv(worker.descriptor, &reply, 16, 0) >= FeedWire.replyHeader)
        return Int64(littleEndian: reply[0])
    }

    /// Has eight bytes wherever it is asked.
    private final class EndlessFeed: MediaFeed {
        let format = MediaFormat.container
        let canSeek = true, mayFallSilent = false
        let length: Int64? = nil
        func read(into buffer: UnsafeMutableRawBufferPointer) throws(MediaError) -> Int { 8 }
        func seek(to offset: UInt64) throws(MediaError) {}
        func interrupt() {}
        func close() {}
    }

    // MARK: Waiting

    @Test func aSlowFeedIsPlayedAsItComes() async throws {
        let engine = makeEngine()
        let packets = try await songPackets(engine, "morning-train.opus", 120)
        let feed = TestFeed(.packets(packets), .opusPackets, mayFallSilent: true, allowed: 5)
        let puller = try await play(engine, feed)
        #expect(try await puller.pull(5).count == 5)
        for round in 1...5 {
            #expect(puller.stream.ring.count == 0)
            feed.allow(5)
            #expect(try await puller.pull(5).map(\.bytes) == Array(packets[round * 5..<round * 5 + 5]))
        }
        feed.allow(100)
        #expect(try await puller.pull().count == 90)
        await engine.shutdown()
    }

    @Test(arguments: [MediaFormat.container, .pcm, .opusPackets], [false, true])
    func aFeedThatNeverAnswersIsGivenUpAndHoldsNobodyUp(_ format: MediaFormat, _ ignores: Bool) async throws {
        let engine = makeEngine { $0.inputLimit = 600 }
        let bystander = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        let silent = TestFeed.Content.bytes([UInt8](repeating: 0, count: 10))
        let feed = TestFeed(silent, format, allowed: 0, ignoresInterrupt: ignores)
        await #expect(throws: MediaError(.unreadable, "no more bytes came", retryAfter: .zero)) {
            _ = try await play(engine, feed)
        }
        #expect(await eventually(within: .seconds(1)) { feed.interrupts == 1 })
        #expect(await eventually(within: .seconds(1)) { feed.isClosed } != ignores)
        #expect(try await bystander.pull(100).count == 100)
        #expect(await engine.restarts == 0)
        // Only its own thread waited for it.
        feed.release()
        #expect(await eventually(within: .seconds(1)) { feed.closes == 1 })
        await engine.shutdown()
    }

    @Test func closingWhileItWaitsTakesNoSecond() async throws {
        let engine = makeEngine()
        let packets = try await songPackets(engine, "morning-train.opus", 20)
        let feed = TestFeed(.packets(packets), .opusPackets, mayFallSilent: true, allowed: 10)
        let puller = try await play(engine, feed)
        #expect(try await puller.pull(10).count == 10)
        let time = ContinuousClock.now
        await puller.stream.close()
        #expect(await eventually { feed.isClosed })
        #expect(ContinuousClock.now - time < .seconds(1))
        #expect((feed.closes, feed.interrupts) == (1, 1))
        await engine.shutdown()
    }

    @Test func aReaderThatFallsSilentInMidTrackEndsTheTrackAndNothingElse() async throws {
        let engine = makeEngine { $0.inputLimit = 600 }
        let bystander = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        let packets = try await songPackets(engine, "morning-train.opus", 60)
        let feed = TestFeed(.packets(packets), .opusPackets, allowed: 30)
        let puller = try await play(engine, feed)
        _ = try await puller.pull()
        #expect(puller.packets.count == 30 && puller.outcome == .failed)
        #expect(try await bystander.pull(50).count == 50)
        #expect(await engine.restarts == 0)
        await engine.shutdown()
    }

    @Test func whyAFeedBrokeOffIsWhatPeopleRead() async throws {
        let engine = makeEngine()
        let reason = MediaError(.unreadable, "HTTP 503 of example.org", user: "The station is off the air.")
        let feed = TestFeed(.bytes([]), allowed: 0)
        feed.breakOff(reason)
        await #expect(throws: reason) { _ = try await play(engine, feed) }
        #expect(await eventually { feed.closes == 1 })
        await engine.shutdown()
    }

    @Test(arguments: ["morning-train.opus", "glass-harbour.flac", "paper-lanterns.mp3"])
    func aFeedThatBreaksOffInMidTrackIsNotAtItsEnd(_ name: String) async throws {
        let engine = makeEngine()
        let reason = MediaError(.unreadable, "the connection was lost", user: "The server has hung up.")
        let bytes = try await songBytes(name)
        let feed = TestFeed(.bytes(bytes), allowed: bytes.count / 3)
        let puller = try await play(engine, feed)
        try await puller.pull(100)
        feed.breakOff(reason)
        try await puller.pull()
        #expect(puller.outcome == .failed)
        #expect(await ending(puller.stream) == reason)
        await engine.shutdown()
    }

    /// Two questions wait in a busy worker, and both answers name the thread that waited for the feed.
    @Test func aFeedThatWasJustGivenUpIsNotHeldAgainstItsWorker() async throws {
        let engine = makeEngine()
        let bystander = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        let packets = try await songPackets(engine, "morning-train.opus", 20)
        let silent = try await play(engine, TestFeed(.packets(packets), .opusPackets, allowed: 10))
        let worker = try #require(await engine.seats[.player]?.worker)
        let report = [LaneReport(id: silent.stream.id, cpu: 0, wall: 60_000)]
        await engine.judge(report, of: worker)
        #expect(await ending(silent.stream) == MediaError(.unreadable, "no more bytes came", retryAfter: .zero))
        await engine.judge(report, of: worker)
        #expect(await engine.restarts == 0)
        #expect(await engine.seats[.player]?.worker === worker)
        #expect(try await bystander.pull(50).count == 50)
        await engine.shutdown()
    }

    @Test func aHundredSlowLiveFeedsHoldUpNoOtherTrack() async throws {
        let engine = makeEngine()
        let mp3 = try await songBytes("paper-lanterns.mp3")
        let normal = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        // Some have not begun yet, the others break off in the middle of a frame.
        let feeds = (0..<100).map { TestFeed(.bytes(mp3), mayFallSilent: true, allowed: $0 % 2 == 0 ? 0 : 5_000 + $0) }
        let opening = Task { [feeds] in
            await withTaskGroup(of: Void.self) { group in
                for feed in feeds {
                    group.addTask {
                        guard let puller = try? await play(engine, feed) else { return }
                        // Held until the feed's end.
                        for await _ in puller.stream.events {}
                    }
                }
            }
        }
        // Of those that have not begun only a few are opened at once.
        #expect(
            await eventually { feeds.count { $0.served >= 5_000 } == 50 && feeds.count { $0.isReading } > 50 })
        // 4 s of music, far faster than it is played.
        let time = ContinuousClock.now
        #expect(try await normal.pull(200).count == 200)
        #expect(ContinuousClock.now - time < .seconds(10))
        // One more opens, too.
        let late = try await play(engine, try await Songs.shared.path("morning-train.opus"))
        #expect(try await late.pull(50).count == 50)
        #expect(await engine.restarts == 0)
        await engine.shutdown()
        await opening.value
        #expect(await eventually { feeds.allSatisfy { $0.closes == 1 } })
    }

    // MARK: Losing the worker

    private func killWorker(_ engine: MediaEngine) async throws {
        let pid = try #require(await engine.workerPID)
        kill(pid, SIGKILL)
        #expect(await eventually { await engine.workerPID.map { $0 != pid } == true })
    }

    @Test(arguments: ["paper-lanterns.mp3", "glass-harbour.flac"])
    func aFeedThatCanSeekGoesOnAtItsPosition(_ name: String) async throws {
        let engine = makeEngine()
        let feed = TestFeed(.bytes(try await songBytes(name)), canSeek: true)
        let puller = try await play(engine, feed)
        try await puller.pull(150)
        try await killWorker(engine)
        let played = puller.packets.count
        let rest = try await puller.pull(200)
        let (value, start) = try await compare(rest, name)
        #expect(value > 0.98 && abs(start - Double(played) / 50) < 0.5, "\(value) at \(start)")
        await engine.shutdown()
        #expect(await eventually { feed.closes == 1 })
    }

    @Test func samplesThatCannotSeekGoOnWhereTheyAre() async throws {
        let engine = makeEngine()
        let feed = TestFeed(.bytes(try songPCM("glass-harbour.flac")), .pcm, piece: 3_840)
        let puller = try await play(engine, feed)
        try await puller.pull(150)
        try await killWorker(engine)
        let played = puller.packets.count
        let rest = try await puller.pull(200)
        let (value, start) = try await compare(rest, "glass-harbour.flac")
        #expect(value > 0.98 && abs(start - Double(played) / 50) < 0.5, "\(value) at \(start)")
        #expect(abs(Double(rest.first?.position ?? 0) / 48_000 - Double(played) / 50) < 0.5)
        await engine.shutdown()
    }

    @Test func ofPacketsThatCannotSeekNoneOfThoseThatWereReadAheadIsLost() async throws {
        let engine = makeEngine()
        let packets = try await songPackets(engine, "morning-train.opus", 400)
        let feed = TestFeed(.packets(packets), .opusPackets)
        let puller = try await play(engine, feed)
        try await puller.pull(100)
        try await killWorker(engine)
        try await puller.pull()
        let places = puller.packets.compactMap { packet in packets.firstIndex(of: packet.bytes) }
        #expect(places.count == puller.packets.count && places.last == 399)
        // What the lost ring held is gone; what the worker held is not.
        for (first, second) in zip(places, places.dropFirst()) {
            #expect(second > first && second - first <= 1 + puller.ahead + 2, "\(first), then \(second)")
        }
        await engine.shutdown()
    }
}
