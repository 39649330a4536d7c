import AudioRing
import TimmyCore

/// A stream whose packets come in rings that the voice pump reads.
protocol RingStream: AudioStream {
    /// The ring of the moment.
    var ring: AudioRing { get }
    /// `body` is called whenever the ring was replaced, until another one or nil is given.
    func follow(_ body: (@Sendable () -> Void)?)
    /// The voice side has sent the last packet.
    func finished()
    /// The voice side cannot go on with the ring.
    func broken(_ reason: String)
}

/// What a guild plays, and what follows it without a gap.
struct OnAir: Sendable {
    private(set) var current: (any RingStream)?
    private(set) var next: (any RingStream)?

    /// `stream` is on air from now on, and nothing follows it yet. It may be what was `next`, begun by the pump already.
    mutating func play(_ stream: any RingStream) {
        if let current, current !== stream { current.follow(nil) }
        if let next, next !== stream { next.follow(nil) }
        current = stream
        next = nil
    }

    /// False where there is nothing to be done: `stream` is on air already.
    mutating func prepare(_ stream: (any RingStream)?) -> Bool {
        if let stream, stream === current { return false }
        if let next, next !== stream { next.follow(nil) }
        next = stream
        return true
    }

    mutating func clear() {
        current?.follow(nil)
        next?.follow(nil)
        (current, next) = (nil, nil)
    }

    /// A ring came to its end. What is told of one that is no longer on air, because something else was played or the
    /// ring was replaced meanwhile, changes nothing.
    mutating func ended(_ ring: AudioRing) {
        guard let ended = current, ended.ring === ring else { return }
        ended.follow(nil)
        // The pump has gone on with it.
        current = next
        next = nil
        ended.finished()
    }
}
