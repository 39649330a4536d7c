import Foundation
import MediaWire
import Testing

@testable import Media
@testable import Sandbox

/// Filters that come and go while a track plays.
@Suite("Filters in mid-track", .serialized)
struct FilterTests {
    /// 300 ms.
    private static let latest = 15

    /// Takes packets at a listener's pace: some when the worker has caught up with those before.
    private func listen(_ puller: Puller, _ count: Int) async throws {
        for taken in stride(from: 0, to: count, by: 4) {
            try await puller.waitUntilFull()
            try await puller.pull(min(4, count - taken))
        }
        try await puller.waitUntilFull()
    }

    /// How far apart two sounds are, by frames of 20 ms, in parts of the loudness of the second.
    private func distance(_ heard: [Float], _ plain: [Float], _ frames: Range<Int>) -> Float {
        var apart: Float = 0, loud: Float = 0
        for sample in frames.lowerBound * 960..<frames.upperBound * 960 {
            let step = heard[sample] - plain[sample]
            apart += step * step
            loud += plain[sample] * plain[sample]
        }
        return (apart / max(loud, 1e-9)).squareRoot()
    }

    @Test(arguments: [
        ("morning-train.opus", AudioFilter.bassboost), ("glass-harbour.flac", .bassboost),
        ("morning-train.opus", .night),
    ])
    func aFilterComesAndGoesWithin300MillisecondsAndWithoutAGap(_ name: String, _ filter: AudioFilter) async throws {
        let engine = makeEngine()
        let path = try await Songs.shared.path(name)
        let reference = try await play(engine, path)
        try await reference.pull(420)
        let plain = try Puller.decode(reference.packets)

        let puller = try await play(engine, path)
        try await listen(puller, 150)
        try await puller.change(volume: 1, filter: filter.rawValue)
        try await listen(puller, 120)
        try await puller.change(volume: 1, filter: "")
        try await listen(puller, 120)

        for (first, second) in zip(puller.packets.dropFirst(), puller.packets.dropFirst(2)) {
            #expect(second.position == first.position + 960, "no gap at \(first.position)")
        }
        let heard = try Puller.decode(puller.packets)
        #expect(puller.packets.prefix(140) == reference.packets.prefix(140))
        let on = 150 + Self.latest, off = 270 + Self.latest
        let filtered = distance(heard, plain, on..<270)
        #expect(filtered > 0.2, "\(filter) is heard: \(filtered)")
        #expect(distance(heard, plain, on..<on + 15) > 0.1, "and at once")
        let after = distance(heard, plain, off + 5..<390)
        #expect(after < filtered / 3, "\(filter) is gone: \(after), was \(filtered)")
        if name.hasSuffix("opus") {
            #expect(puller.packets[off..<390] == reference.packets[off..<390], "untouched again")
        }
        await engine.shutdown()
    }

    /// A ring of untouched packets outlasts a stall of the worker's, and a change need not wait for it.
    @Test func untouchedPacketsAreKeptFurtherAheadAndTakenBack() async throws {
        let engine = makeEngine()
        let path = try await Songs.shared.path("morning-train.opus")
        let puller = try await play(engine, path)
        #expect(await eventually { puller.stream.ring.count == 28 })
        try await puller.change(volume: 0.5, filter: "")
        #expect(await eventually { puller.stream.ring.count == 12 })
        try await listen(puller, 60)
        let reference = try await play(engine, path)
        try await reference.pull(60)
        #expect(puller.packets.map(\.position) == reference.packets.map(\.position))
        #expect(puller.packets.prefix(12) == reference.packets.prefix(12))
        for (one, other) in zip(puller.packets, reference.packets).dropFirst(Self.latest) {
            #expect(one.bytes != other.bytes, "\(one.position)")
        }
        await engine.shutdown()
    }

    /// Opus to encoded and back, with a change that cannot be heard: what is heard is the song in step all the way, also
    /// across both seams.
    @Test func theSeamsAreNotHeard() async throws {
        let engine = makeEngine()
        let path = try await Songs.shared.path("morning-train.opus")
        let reference = try await play(engine, path)
        try await reference.pull(320)
        let plain = try Puller.decode(reference.packets)
        let puller = try await play(engine, path)
        try await listen(puller, 100)
        try await puller.change(volume: 0.999, filter: "")
        try await listen(puller, 100)
        try await puller.change(volume: 1, filter: "")
        try await listen(puller, 100)
        let changed = zip(puller.packets, reference.packets).enumerated().filter { $1.0.bytes != $1.1.bytes }.map(
            \.offset)
        #expect(changed.count > 80, "it was encoded in between")
        #expect(changed.max().map { $0 < 200 + Self.latest } == true, "and is untouched again")
        let heard = try Puller.decode(puller.packets)
        for start in stride(from: 90, to: 290, by: 5) {
            let apart = distance(heard, plain, start..<start + 5)
            #expect(apart < 0.35, "frame \(start): \(apart)")
        }
        await engine.shutdown()
    }
}
