import AudioRing
import Foundation
import MediaWire
import TestSupport
import Testing

@testable import Media
@testable import Sandbox

/// What comes out of the ring is the song.
@Suite("The media worker's sound", .serialized)
struct SoundTests {
    /// Packets of an Ogg stream (RFC 3533), read by the page structure and nothing else.
    private func oggPackets(_ path: String) throws -> [[UInt8]] {
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        var packets: [[UInt8]] = [], open: [UInt8] = [], at = 0
        while at + 27 <= bytes.count, Array(bytes[at..<at + 4]) == Array("OggS".utf8) {
            let count = Int(bytes[at + 26])
            var body = at + 27 + count
            for segment in 0..<count {
                let length = Int(bytes[at + 27 + segment])
                open += bytes[body..<body + length]
                body += length
                if length < 255 {
                    packets.append(open)
                    open = []
                }
            }
            at = body
        }
        return Array(packets.dropFirst(2))  // OpusHead and OpusTags
    }

    @Test func opusGoesThroughByteForByte() async throws {
        let engine = makeEngine()
        let path = try await Songs.shared.path("morning-train.opus")
        let puller = try await play(engine, path)
        try await puller.pull()
        #expect(puller.outcome == .ended)
        #expect(puller.stream.isPassthrough)
        let original = try oggPackets(path)
        #expect(original.count > 3_000)
        #expect(puller.packets.map(\.bytes) == original)
        // The first packet begins before the track does, by the pre-skip (RFC 7845, section 4.2).
        for (first, second) in zip(puller.packets.dropFirst(), puller.packets.dropFirst(2)) {
            #expect(second.position == first.position + 960)
        }
        await engine.shutdown()
    }

    @Test(arguments: ["glass-harbour.flac", "paper-lanterns.mp3", "long-way-home.m4a"])
    func everythingElseIsEncoded(_ name: String) async throws {
        let engine = makeEngine()
        let puller = try await play(engine, try await Songs.shared.path(name))
        #expect(!puller.stream.isPassthrough)
        try await puller.pull()
        #expect(puller.outcome == .ended)
        let composed = try await Songs.shared.composed(name)
        // A codec may add its own delay at the start and fill its last frame.
        #expect(abs(puller.packets.count * 960 - composed.count) < 48_000 / 5, "\(puller.packets.count) packets")
        let heard = try Puller.decode(puller.packets.prefix(500))
        let match = Correlation.find(heard, in: composed, maximumOffset: 9_600)
        let found = try #require(match)
        #expect(found.value > 0.98 && abs(found.offset) < 4_800, "\(found)")
        await engine.shutdown()
    }

    @Test(arguments: ["morning-train.opus", "glass-harbour.flac", "paper-lanterns.mp3", "long-way-home.m4a"])
    func seekingIsExact(_ name: String) async throws {
        let engine = makeEngine()
        let puller = try await play(engine, try await Songs.shared.path(name)) { $0.start = 30 * 48_000 }
        try await puller.pull(150)
        let first = Int(puller.packets[0].position)
        #expect(abs(first - 30 * 48_000) <= 960, "\(first)")
        let heard = try Puller.decode(puller.packets.dropFirst(10))
        let composed = Array(try await Songs.shared.composed(name).dropFirst(first + 9_600))
        let match = Correlation.find(heard, in: composed, maximumOffset: 9_600)
        let found = try #require(match)
        #expect(found.value > 0.98 && abs(found.offset) <= 4_000, "\(found)")
        await engine.shutdown()
    }

    @Test func seekingBeyondTheEndEnds() async throws {
        let engine = makeEngine()
        for name in ["morning-train.opus", "glass-harbour.flac"] {
            do {
                let puller = try await play(engine, try await Songs.shared.path(name)) { $0.start = 3_600 * 48_000 }
                try await puller.pull()
                #expect(puller.packets.count < 10)
            } catch let error as MediaError {
                #expect(error.failure != .internalError, "\(error)")
            }
        }
        await engine.shutdown()
    }

    /// Loudness of a frame; 0 is silence.
    private func loudness(_ samples: some Collection<Float>) -> Float {
        (samples.reduce(0) { $0 + $1 * $1 } / Float(max(1, samples.count))).squareRoot()
    }

    @Test(arguments: ["morning-train.opus", "glass-harbour.flac"])
    func volumeChangesWithin300Milliseconds(_ name: String) async throws {
        let engine = makeEngine()
        let puller = try await play(engine, try await Songs.shared.path(name))
        try await puller.pull(100)
        // The listener's pace: a packet is taken when the worker has caught up with the one before.
        try await puller.waitUntilFull()
        let before = puller.packets.count
        try await puller.change(volume: 0, filter: "")
        for _ in 0..<80 {
            try await puller.pull(1)
            try await puller.waitUntilFull()
        }
        for (first, second) in zip(puller.packets.dropFirst(), puller.packets.dropFirst(2)) {
            #expect(second.position == first.position + 960, "no gap at \(first.position)")
        }
        let heard = try Puller.decode(puller.packets)
        #expect(loudness(heard[48_000..<96_000]) > 0.01)
        // 300 ms are 15 frames; then the filter's and the encoder's own tail dies away.
        let after = heard.dropFirst((before + 15) * 960)
        #expect(loudness(after.prefix(9_600)) < 0.01 && loudness(after.dropFirst(9_600)) < 0.001, "\(loudness(after))")
        await engine.shutdown()
    }

    @Test(arguments: AudioFilter.allCases)
    func everyFilterSounds(_ filter: AudioFilter) async throws {
        let engine = makeEngine()
        let puller = try await play(engine, try await Songs.shared.path("morning-train.opus")) {
            $0.filter = filter.rawValue
        }
        #expect(!puller.stream.isPassthrough)
        try await puller.pull(200)
        let heard = try Puller.decode(puller.packets.dropFirst(50))
        let plain = try await Songs.shared.composed("morning-train.opus")
        #expect(loudness(heard) > 0.01)
        let match = Correlation.find(heard, in: plain, maximumOffset: 60_000)
        let found = try #require(match)
        #expect(found.value > 0.5 && found.value < 0.99999, "the song, and not untouched: \(found)")
        await engine.shutdown()
    }

    /// Their packets mean nothing to a decoder of one stream.
    @Test func twoStreamsOfOneChannelAreTranscoded() async throws {
        let engine = makeEngine()
        // From there on they are small enough for two to fit where one does: it is not their size that gives them away.
        let packets = Array(try await songPackets(engine, "morning-train.opus", 200).dropFirst(22))
        #expect(packets.allSatisfy { 2 * $0.count < AudioRing.maximumPacketSize })
        let file = HostileFiles.twoStreams(of: packets)
        let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).opus"
        defer { unlink(path) }
        try Data(file).write(to: URL(fileURLWithPath: path))
        let puller = try await play(engine, path)
        #expect(!puller.stream.isPassthrough)
        try await puller.pull(150)
        let plain = try await Songs.shared.composed("morning-train.opus")
        let match = Correlation.find(try Puller.decode(puller.packets), in: plain, maximumOffset: 60_000)
        let found = try #require(match)
        #expect(found.value > 0.95, "\(found)")
        await engine.shutdown()
    }

    @Test func tagsAndPictureAreRead() async throws {
        let engine = makeEngine()
        for name in ["morning-train.opus", "glass-harbour.flac", "paper-lanterns.mp3", "long-way-home.m4a"] {
            let probed = try await engine.probe(openFile(try await Songs.shared.path(name)))
            let title = name.prefix { $0 != "." }.split(separator: "-").map(\.capitalized).joined(separator: " ")
            #expect(probed.info.title.lowercased() == title.lowercased(), "\(probed.info)")
            #expect(!probed.info.artist.isEmpty)
            #expect((60_000...200_000).contains(probed.info.duration), "\(probed.info)")
        }
        let cover = try await engine.probe(openFile(try await Songs.shared.path("morning-train.opus")))
        #expect(cover.info.artworkType == "image/png" && cover.artwork.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        await engine.shutdown()
    }
}
