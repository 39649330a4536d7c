import MediaWire

/// Why a worker was given up.
enum Loss: Sendable, Equatable {
    /// It ended by itself. `crashed` is what the crashing thread was at, where that is known; `busy` what any was at;
    /// `wasFull` whether memory was short, so that whoever asked next had to crash.
    case ended(String, crashed: UInt32, busy: [UInt32], wasFull: Bool = false)
    /// It does not answer.
    case silent(busy: [UInt32])
    /// A thread computes at this one without an end.
    case fooled(UInt32)
    /// A thread waits for this one's input without an end.
    case stalled(UInt32)

    enum Charge: Equatable {
        /// The next worker would be lost as well.
        case fatal(MediaError)
        case certain(MediaError)
        /// It was at work when something happened that may have had another cause.
        case suspected(MediaError)
    }

    /// What is held against the stream or probe `id`; nil where it only had the same worker.
    func charge(_ id: UInt32) -> Charge? {
        guard id != 0 else { return nil }
        let crash = MediaError(.damaged, "the media worker did not survive this file")
        switch self {
        case .ended(_, id, _, let wasFull): return wasFull ? .suspected(crash) : .certain(crash)
        case .ended(_, 0, let busy, _), .silent(let busy): return busy.contains(id) ? .suspected(crash) : nil
        case .fooled(id): return .certain(MediaError(.tooExpensive, "decoding does not come to an end"))
        case .stalled(id): return .fatal(MediaError(.unreadable, "no more bytes came"))
        case .ended, .fooled, .stalled: return nil
        }
    }

    /// For the operator.
    var reason: String {
        switch self {
        case .ended(let how, let crashed, _, let wasFull):
            (crashed == 0 ? how : "\(how) at stream \(crashed)") + (wasFull ? ", short of memory" : "")
        case .silent: "it does not answer"
        case .fooled(let id): "stream \(id) does not come to an end"
        case .stalled(let id): "stream \(id) gets no input"
        }
    }
}

/// The workers that were lost at one stream or probe. One more attempt is made, in a process of its own; what then plays
/// well for a while is forgiven.
struct Strikes: Sendable, Equatable {
    /// Samples (48 kHz) of undisturbed playing after which earlier strikes do not count: ten seconds.
    static let forgiveness: UInt64 = 480_000

    private var certain = 0
    private var suspected = 0
    /// Where the track was at the last strike.
    private var at: UInt64 = 0

    /// Whether it may be served beside others.
    var isClean: Bool { certain + suspected == 0 }

    /// Why it is given up; nil where it gets another attempt.
    mutating func add(_ charge: Loss.Charge, position: UInt64) -> MediaError? {
        if position >= at &+ Self.forgiveness { (certain, suspected) = (0, 0) }
        at = position
        switch charge {
        case .fatal(let error): return error
        case .certain(let error):
            certain += 1
            return certain + suspected >= 2 ? error : nil
        case .suspected(let error):
            suspected += 1
            return certain >= 2 || certain + suspected >= 3 ? error : nil
        }
    }
}

/// How long to wait before the next start, where starts fail.
struct Backoff: Sendable, Equatable {
    static let first = Duration.milliseconds(100)
    static let longest = Duration.seconds(30)
    private(set) var failures = 0

    mutating func failed() -> Duration {
        failures += 1
        return min(Self.longest, Self.first * (1 << min(failures - 1, 16)))
    }

    mutating func succeeded() { failures = 0 }
}
