/// One change of a queue, complete in itself: it can be stored and applied again later.
public enum QueueEdit: Sendable, Hashable, Codable {
    public enum Reason: String, Sendable, Hashable, Codable {
        /// The track ended by itself: a looping track plays again.
        case finished
        /// Somebody wants the next one, or nothing was playing yet.
        case skipped
        /// The track cannot be played: it does not come again in a looping queue.
        case failed
    }

    case insert([QueuedTrack], at: Int)
    /// Removes `upcoming[lower..<upper]`.
    case remove(lower: Int, upper: Int)
    /// Takes `upcoming[from]` out and puts it in so that it stands at `to`.
    case move(from: Int, to: Int)
    /// Drops all upcoming tracks; the current one goes on.
    case clear
    case reorder([EntryID])
    case loop(LoopMode)
    /// `at`: when, for the history.
    case advance(Reason, count: Int, at: Timestamp? = nil)
    case previous(at: Timestamp? = nil)
    /// Ends the current track and starts none; upcoming ones stay.
    case halt
    /// Ends the current track and starts none; it waits at the front for its next chance, and before it the track
    /// `after` which it came, where the history ends with that one.
    case suspend(after: EntryID?)
    /// Ends the current track and drops the upcoming ones; history stays.
    case stop
}

extension Queue {
    /// The edit that shuffles the upcoming tracks, every order equally likely.
    public func shuffled(using random: inout some RandomNumberGenerator) -> QueueEdit {
        .reorder(upcoming.map(\.id).shuffled(using: &random))
    }
}

/// SplitMix64: small, seedable, good enough to shuffle songs and to repeat a test. Not for secrets.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64
    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
