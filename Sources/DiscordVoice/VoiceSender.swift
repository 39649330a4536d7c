import AudioRing
import DAVE
import Glibc
import Synchronization

/// Counters of one sender; read from any thread.
public struct VoiceStatistics: Sendable, Equatable {
    /// Audio frames sent.
    public var sent = 0
    /// Silence frames sent.
    public var silent = 0
    /// Ticks on which the ring had nothing although the stream goes on.
    public var underruns = 0
    /// Frames that were not sent because the call's encryption had no key for us yet.
    public var withheld = 0
    /// Frames that the kernel or a cipher refused.
    public var failed = 0
    /// Ticks by how late they were: under 1, 2, 5, 10, 20 ms, and later.
    public var late = [Int](repeating: 0, count: 6)
}

/// The sending half of one voice connection: ring, DAVE, RTP, transport encryption, socket.
///
/// `tick` belongs to the pump's thread and neither waits nor allocates. Everything else may be called from anywhere.
///
/// `@unchecked Sendable`: fields below "pump thread" are touched by that thread only; the rest are atomics or behind a
/// lock that is held for the exchange of references.
public final class VoiceSender: @unchecked Sendable {
    /// How the current ring ended, until the next one is given.
    public enum Ending: Int, Sendable { case none, ended, failed, corrupt }

    private static let silenceFrame: [UInt8] = [0xF8, 0xFF, 0xFE]
    /// Frames of silence after the last audio, so that decoders do not smear it. Source: Discord, "Voice Connections".
    private static let silenceFrames = 5
    private static let maximumFrame = AudioRing.maximumPacketSize + FrameEncryptor.overhead

    public let encryptor = FrameEncryptor()

    private struct Sources: Sendable {
        var current: AudioRing?
        var next: AudioRing?
        var replace = false
        var retired: AudioRing?
        var alsoRetired: AudioRing?
    }

    private let sources = Mutex(Sources())
    private let sourcesChanged = Atomic(false)
    private let paused = Atomic(false)
    private let endingValue = Atomic(0)
    private let endings = Atomic(0)
    private let counters: UnsafeMutablePointer<Int>
    private static let counterCount = 11

    // Pump thread.
    private let descriptor: Int32
    private let ssrc: UInt32
    private let cipher: TransportCipher
    private let opus: UnsafeMutableRawBufferPointer
    private let packet: UnsafeMutableRawBufferPointer
    private var ring: AudioRing?
    private var next: AudioRing?
    private var sequence = UInt16.random(in: 0...(.max))
    private var timestamp = UInt32.random(in: 0...(.max))
    private var lastTick: Int?
    private var silenceLeft = 0
    /// Whether the current ring has given anything yet: before that, waiting for it is no underrun.
    private var primed = false

    /// - Parameter descriptor: a connected, non-blocking UDP socket; owned by the caller, who keeps it open until the
    ///   pump has let go of this sender.
    public init(descriptor: Int32, ssrc: UInt32, cipher: sending TransportCipher) {
        self.descriptor = descriptor
        self.ssrc = ssrc
        self.cipher = cipher
        opus = .allocate(byteCount: AudioRing.maximumPacketSize, alignment: 16)
        packet = .allocate(
            byteCount: RTP.headerSize + Self.maximumFrame + TransportCipher.overhead, alignment: 16)
        counters = .allocate(capacity: Self.counterCount)
        counters.initialize(repeating: 0, count: Self.counterCount)
    }

    deinit {
        opus.deallocate()
        packet.deallocate()
        counters.deallocate()
    }

    // MARK: Any thread

    /// Plays `ring` from the next tick on; nil stops with five frames of silence.
    public func play(_ ring: AudioRing?) {
        endingValue.store(0, ordering: .relaxed)
        sources.withLock {
            $0.current = ring
            $0.next = nil
            $0.replace = true
        }
        sourcesChanged.store(true, ordering: .releasing)
    }

    /// Plays `ring` without a gap once the current one has ended.
    public func enqueue(_ ring: AudioRing) {
        sources.withLock { $0.next = ring }
        sourcesChanged.store(true, ordering: .releasing)
    }

    public var isPaused: Bool {
        get { paused.load(ordering: .relaxed) }
        set { paused.store(newValue, ordering: .relaxed) }
    }

    /// How the ring before the current one, or the current one, ended.
    public var ending: Ending { Ending(rawValue: endingValue.load(ordering: .acquiring)) ?? .none }
    /// Rings that have ended so far, for watchers.
    public var endingCount: Int { endings.load(ordering: .acquiring) }

    public var statistics: VoiceStatistics {
        var result = VoiceStatistics()
        result.sent = counters[0]
        result.silent = counters[1]
        result.underruns = counters[2]
        result.withheld = counters[3]
        result.failed = counters[4]
        result.late = (0..<6).map { counters[5 + $0] }
        return result
    }

    // MARK: Pump thread

    /// One frame. `tick` counts 20 ms steps and may skip; `lateness` is in nanoseconds.
    func tick(_ tick: Int, lateness: Int) {
        let steps = max(1, tick - (lastTick ?? tick - 1))
        lastTick = tick
        timestamp &+= UInt32(truncatingIfNeeded: steps) &* RTP.samplesPerFrame
        if sourcesChanged.load(ordering: .acquiring) { takeSources() }
        counters[5 + Self.bucket(lateness)] += 1
        guard let ring, !paused.load(ordering: .relaxed) else { return silence() }
        play(from: ring)
    }

    private func play(from ring: AudioRing) {
        switch ring.pop(into: opus) {
        case .packet(let length, _):
            silenceLeft = Self.silenceFrames
            primed = true
            send(UnsafeRawBufferPointer(rebasing: opus[..<length]), counter: 0)
        case .empty:
            if primed { counters[2] += 1 }
            silence()
        case .ended: finish(.ended)
        case .failed: finish(.failed)
        case .corrupt: finish(.corrupt)
        }
    }

    private func finish(_ ending: Ending) {
        endingValue.store(ending.rawValue, ordering: .releasing)
        endings.wrappingAdd(1, ordering: .releasing)
        sources.withLock {
            $0.alsoRetired = $0.retired
            $0.retired = ring
        }
        ring = ending == .ended ? next : nil
        primed = false
        next = nil
        if let ring { play(from: ring) } else { silence() }
    }

    /// The lock is held elsewhere only to exchange references; the old ring is released by the next `play`.
    private func takeSources() {
        guard sourcesChanged.exchange(false, ordering: .acquiring) else { return }
        sources.withLock {
            if $0.replace {
                $0.replace = false
                $0.alsoRetired = next
                $0.retired = ring
                ring = $0.current
                primed = false
                next = nil
                $0.current = nil
            }
            if let queued = $0.next {
                next = queued
                $0.next = nil
            }
        }
    }

    private func silence() {
        guard silenceLeft > 0 else { return }
        silenceLeft -= 1
        Self.silenceFrame.withUnsafeBytes { send($0, counter: 1) }
    }

    private func send(_ frame: UnsafeRawBufferPointer, counter: Int) {
        guard let base = packet.baseAddress else { return }
        let room = UnsafeMutableRawBufferPointer(rebasing: packet[RTP.headerSize...])
        let count = encryptor.encrypt(frame, into: room)
        guard count > 0 else {
            counters[count == 0 ? 3 : 4] += 1
            return
        }
        sequence &+= 1
        RTP.writeHeader(sequence: sequence, timestamp: timestamp, ssrc: ssrc, to: base)
        let size = cipher.seal(base, header: RTP.headerSize, count: count)
        guard size > 0, Glibc.send(descriptor, base, size, Int32(MSG_DONTWAIT)) == size else {
            counters[4] += 1
            return
        }
        counters[counter] += 1
    }

    private static func bucket(_ lateness: Int) -> Int {
        switch lateness {
        case ..<1_000_000: 0
        case ..<2_000_000: 1
        case ..<5_000_000: 2
        case ..<10_000_000: 3
        case ..<20_000_000: 4
        default: 5
        }
    }
}
