import Synchronization

/// Counters of one sender; read from any thread.
public struct VoiceStatistics: Sendable, Equatable {
    /// Audio frames sent.
    public var sent = 0
    /// Silence frames sent.
    public var silent = 0
    /// Ticks on which the ring had nothing although the stream goes on.
    public var underruns = 0
    /// Ticks on which a frame was not sent because the call's encryption had no key for us yet.
    public var withheld = 0
    /// Frames that the kernel or a cipher refused.
    public var failed = 0
    /// Ticks by how late they were: under 1, 2, 5, 10, 20 ms, and later.
    public var late = [Int](repeating: 0, count: 6)
}

/// The same while they are counted: written by the pump's thread alone, read by all.
struct VoiceCounters: ~Copyable {
    let sent = Atomic(0)
    let silent = Atomic(0)
    let underruns = Atomic(0)
    let withheld = Atomic(0)
    let failed = Atomic(0)
    private let late1 = Atomic(0)
    private let late2 = Atomic(0)
    private let late5 = Atomic(0)
    private let late10 = Atomic(0)
    private let late20 = Atomic(0)
    private let later = Atomic(0)

    /// - Parameter lateness: nanoseconds.
    func countTick(lateness: Int) {
        switch lateness {
        case ..<1_000_000: late1.increment()
        case ..<2_000_000: late2.increment()
        case ..<5_000_000: late5.increment()
        case ..<10_000_000: late10.increment()
        case ..<20_000_000: late20.increment()
        default: later.increment()
        }
    }

    var statistics: VoiceStatistics {
        var result = VoiceStatistics()
        result.sent = sent.load(ordering: .relaxed)
        result.silent = silent.load(ordering: .relaxed)
        result.underruns = underruns.load(ordering: .relaxed)
        result.withheld = withheld.load(ordering: .relaxed)
        result.failed = failed.load(ordering: .relaxed)
        result.late = [
            late1.load(ordering: .relaxed), late2.load(ordering: .relaxed), late5.load(ordering: .relaxed),
            late10.load(ordering: .relaxed), late20.load(ordering: .relaxed), later.load(ordering: .relaxed),
        ]
        return result
    }
}

extension Atomic<Int> {
    /// For the one thread that writes: no locked instruction is needed.
    @inline(__always)
    func increment() { store(load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
}
