import AudioRing
import Synchronization
import Testing
import TimmyCore

@testable import Bot

/// A stream that notes what it is told.
private final class FakeRingStream: RingStream {
    private let state: Mutex<(ring: AudioRing, told: [String], isFollowed: Bool)>
    let events = AsyncStream<AudioStreamEvent> { $0.finish() }

    init() throws { state = Mutex((try AudioRing(), [], false)) }

    var ring: AudioRing { state.withLock { $0.ring } }
    var told: [String] { state.withLock { $0.told } }
    var isFollowed: Bool { state.withLock { $0.isFollowed } }
    func follow(_ body: (@Sendable () -> Void)?) { state.withLock { $0.isFollowed = body != nil } }
    func finished() { state.withLock { $0.told.append("finished") } }
    func broken(_ reason: String) { state.withLock { $0.told.append(reason) } }
    func replaceRing() throws {
        let fresh = try AudioRing()
        state.withLock { $0.ring = fresh }
    }

    var position: Duration { .zero }
    func setVolume(_ percent: Int) async {}
    func setFilter(_ filter: AudioFilter) async {}
    func close() async {}
}

@Suite("On air") struct OnAirTests {
    /// The end of a ring may be on its way here when something else is played.
    @Test func theEndOfAnEarlierRingDoesNotEndWhatPlaysNow() throws {
        var air = OnAir()
        let first = try FakeRingStream(), second = try FakeRingStream()
        air.play(first)
        let old = first.ring
        air.play(second)
        air.ended(old)
        #expect(air.current === second && second.told.isEmpty && first.told.isEmpty)
        let replaced = second.ring
        try second.replaceRing()
        air.ended(replaced)
        #expect(air.current === second && second.told.isEmpty)
        air.ended(second.ring)
        #expect(air.current == nil && second.told == ["finished"])
        air.ended(second.ring)
        #expect(second.told == ["finished"])
    }

    @Test func whatWasPreparedIsOnAirAfterwards() throws {
        var air = OnAir()
        let first = try FakeRingStream(), second = try FakeRingStream(), third = try FakeRingStream()
        for stream in [first, second, third] { stream.follow {} }
        air.play(first)
        let changes = [air.prepare(third), air.prepare(second)]
        #expect(changes == [true, true])
        #expect(!third.isFollowed, "it is let go of")
        air.ended(first.ring)
        #expect(air.current === second && first.told == ["finished"] && !first.isFollowed && second.isFollowed)
        // The core learns of it later.
        let changed = air.prepare(second)
        #expect(!changed)
        air.play(second)
        #expect(air.current === second && air.next == nil && second.isFollowed)
        air.clear()
        #expect(air.current == nil && !second.isFollowed)
    }
}
