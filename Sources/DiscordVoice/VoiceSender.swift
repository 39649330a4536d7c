import AudioRing
import CLinux
import DAVE
import Glibc
import Synchronization

/// The sending half of one voice connection: ring, DAVE, RTP, transport encryption, socket.
///
/// Starts with its encryptor blocked: nothing leaves before the session has said how frames are encrypted.
/// `tick` belongs to the pump's thread and neither waits nor allocates. Everything else may be called from anywhere.
///
/// `@unchecked Sendable`: fields below "pump thread" are touched by that thread only; the rest are atomics or behind a
/// lock that is held for the exchange of references.
public final class VoiceSender: @unchecked Sendable {
    /// How a ring ended.
    public enum Ending: Int, Sendable { case ended, failed, corrupt }

    /// A ring that came to its end; the reference keeps its identity from being given to another one.
    public struct EndedRing: Sendable, Equatable {
        public let ring: AudioRing
        public let ending: Ending

        public init(_ ring: AudioRing, _ ending: Ending) {
            self.ring = ring
            self.ending = ending
        }

        public static func == (a: Self, b: Self) -> Bool { a.ring === b.ring && a.ending == b.ending }
    }

    private static let silenceFrame: [UInt8] = [0xF8, 0xFF, 0xFE]
    /// Frames of silence after the last audio, so that decoders do not smear it. Source: Discord, "Voice Connections".
    private static let silenceFrames = 5
    private static let maximumFrame = AudioRing.maximumPacketSize + FrameEncryptor.overhead
    /// Ticks for which audio waits for a key: a few seconds are a handshake; after that it goes on unheard.
    static let patience = 250
    /// Ticks for which what plays goes on while the ring that is to replace it has nothing yet, as after a seek.
    static let overlap = 15

    public let encryptor = FrameEncryptor()

    /// What the pump's thread has let go of: released, and told of where it ended, by others.
    private struct Dropped: Sendable {
        let ring: AudioRing
        let ending: Ending?
    }

    private struct Sources: Sendable {
        var current: AudioRing?
        var replace = false
        /// Whether what plays ends here, also where there is nothing yet to take its place.
        var atOnce = false
        var next: AudioRing?
        var replaceNext = false
        /// Never grows past its reserved capacity.
        var dropped: [Dropped]
    }

    private static let droppedLimit = 16
    private let sources: Mutex<Sources>
    private let sourcesChanged = Atomic(false)
    private let hasDropped = Atomic(false)
    private let paused = Atomic(false)
    /// Rung when a ring ends; -1 is nobody.
    private let bell = Atomic<Int32>(-1)
    private let counters = VoiceCounters()

    // Pump thread.
    private let descriptor: Int32
    private let ssrc: UInt32
    private let cipher: TransportCipher
    /// A frame is put behind the place of the header, and encrypted where it is: with hundreds of senders, every further
    /// piece of memory is one that the processor has forgotten by the next tick.
    private let packet: UnsafeMutableRawBufferPointer
    private var ring: AudioRing?
    private var next: AudioRing?
    private var sequence = UInt16.random(in: 0...(.max))
    private var timestamp = UInt32.random(in: 0...(.max))
    private var lastTick: Int?
    private var silenceLeft = 0
    /// Whether the current ring has given anything yet: before that, waiting for it is no underrun.
    private var primed = false
    /// Ticks that audio has waited for a key.
    private var held = 0
    /// Ticks that a ring has waited to replace the current one.
    private var overlapped = 0

    /// - Parameter descriptor: a connected, non-blocking UDP socket; owned by the caller, who keeps it open until the
    ///   pump has let go of this sender.
    public init(descriptor: Int32, ssrc: UInt32, cipher: sending TransportCipher) {
        self.descriptor = descriptor
        self.ssrc = ssrc
        self.cipher = cipher
        packet = .allocate(
            byteCount: RTP.headerSize + Self.maximumFrame + TransportCipher.overhead, alignment: 16)
        sources = Mutex(Sources(dropped: Self.emptyDropped()))
        encryptor.block()
    }

    deinit { packet.deallocate() }

    /// Where a frame goes.
    private var room: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: packet[RTP.headerSize...])
    }

    private static func emptyDropped() -> [Dropped] {
        var list: [Dropped] = []
        list.reserveCapacity(droppedLimit)
        return list
    }

    // MARK: Any thread

    /// Plays `ring` from the next tick on (from its first packet on, where that is soon), and nothing after it; nil stops
    /// with five frames of silence. The ring that plays already goes on where it is.
    ///
    /// - Parameter atOnce: what plays is not heard until `ring` has something: `ring` begins with the same packets.
    public func play(_ ring: AudioRing?, atOnce: Bool = false) {
        sources.withLock {
            $0.current = ring
            $0.replace = true
            $0.atOnce = atOnce
            $0.next = nil
            $0.replaceNext = true
        }
        sourcesChanged.store(true, ordering: .releasing)
    }

    /// Plays `ring` without a gap once the current one has ended; nil plays nothing then.
    public func enqueue(_ ring: AudioRing?) {
        sources.withLock {
            $0.next = ring
            $0.replaceNext = true
        }
        sourcesChanged.store(true, ordering: .releasing)
    }

    public var isPaused: Bool {
        get { paused.load(ordering: .relaxed) }
        set { paused.store(newValue, ordering: .relaxed) }
    }

    public var statistics: VoiceStatistics { counters.statistics }

    /// The rings that ended since the last call, in order. Others that are no longer needed are released here.
    public func takeEnded() -> [EndedRing] {
        guard hasDropped.exchange(false, ordering: .acquiring) else { return [] }
        var dropped = Self.emptyDropped()
        sources.withLock { swap(&$0.dropped, &dropped) }
        return dropped.compactMap { item in item.ending.map { EndedRing(item.ring, $0) } }
    }

    /// Rings this doorbell (`tb_event_open`) whenever a ring ends.
    func announce(to bell: Int32) { self.bell.store(bell, ordering: .releasing) }

    // MARK: Pump thread

    /// One frame. `tick` counts 20 ms steps and may skip; `lateness` is in nanoseconds.
    func tick(_ tick: Int, lateness: Int) {
        let steps = max(1, tick - (lastTick ?? tick - 1))
        lastTick = tick
        timestamp &+= UInt32(truncatingIfNeeded: steps) &* RTP.samplesPerFrame
        if sourcesChanged.load(ordering: .acquiring) { takeSources() }
        counters.countTick(lateness: lateness)
        guard let ring, !paused.load(ordering: .relaxed) else { return silence() }
        if mustWaitForKey() {
            counters.withheld.increment()
        } else {
            play(from: ring)
        }
    }

    private func mustWaitForKey() -> Bool {
        guard encryptor.isBlocked() else {
            held = 0
            return false
        }
        held += 1
        return held <= Self.patience
    }

    private func play(from ring: AudioRing) {
        let room = room
        switch ring.pop(into: room) {
        case .packet(let length, _):
            silenceLeft = Self.silenceFrames
            primed = true
            if send(UnsafeRawBufferPointer(rebasing: room[..<length])) { counters.sent.increment() }
        case .empty:
            if primed { counters.underruns.increment() }
            silence()
        case .ended: finish(.ended)
        case .failed: finish(.failed)
        case .corrupt: finish(.corrupt)
        }
    }

    private func finish(_ ending: Ending) {
        sources.withLock { sources in
            drop(ring, ending, &sources)
            if ending != .ended { drop(next, nil, &sources) }
        }
        ring = ending == .ended ? next : nil
        primed = false
        next = nil
        let bell = bell.load(ordering: .acquiring)
        if bell >= 0 { tb_event_signal(bell) }
        if let ring { play(from: ring) } else { silence() }
    }

    /// The lock is held elsewhere only to exchange references.
    private func takeSources() {
        guard sourcesChanged.exchange(false, ordering: .acquiring) else { return }
        sources.withLock { sources in
            if sources.replace, !sources.atOnce, isWorthWaitingFor(sources.current) {
                // Looked at again on the next tick; what was to follow the old ring does not follow it any more.
                overlapped += 1
                drop(next, nil, &sources)
                next = nil
                sourcesChanged.store(true, ordering: .relaxed)
                return
            }
            overlapped = 0
            if sources.replace {
                sources.replace = false
                if ring !== sources.current {
                    drop(ring, nil, &sources)
                    ring = sources.current
                    primed = false
                }
                sources.current = nil
            }
            if sources.replaceNext {
                sources.replaceNext = false
                drop(next, nil, &sources)
                next = sources.next
                sources.next = nil
            }
        }
    }

    private func isWorthWaitingFor(_ coming: AudioRing?) -> Bool {
        guard let coming, coming !== ring, primed, !paused.load(ordering: .relaxed) else { return false }
        return coming.count == 0 && overlapped < Self.overlap
    }

    private func drop(_ ring: AudioRing?, _ ending: Ending?, _ sources: inout Sources) {
        guard let ring else { return }
        if sources.dropped.count >= Self.droppedLimit {
            // Nobody has looked for a third of a second: the oldest goes, those without news first.
            sources.dropped.remove(at: sources.dropped.firstIndex { $0.ending == nil } ?? 0)
        }
        sources.dropped.append(Dropped(ring: ring, ending: ending))
        hasDropped.store(true, ordering: .releasing)
    }

    private func silence() {
        guard silenceLeft > 0 else { return }
        silenceLeft -= 1
        let sent = Self.silenceFrame.withUnsafeBytes { send($0) }
        if sent { counters.silent.increment() }
    }

    /// `frame` may lie in `room`.
    private func send(_ frame: UnsafeRawBufferPointer) -> Bool {
        guard let base = packet.baseAddress else { return false }
        let count = encryptor.encrypt(frame, into: room)
        guard count > 0 else {
            if count == 0 { counters.withheld.increment() } else { counters.failed.increment() }
            return false
        }
        sequence &+= 1
        RTP.writeHeader(sequence: sequence, timestamp: timestamp, ssrc: ssrc, to: base)
        let size = cipher.seal(base, header: RTP.headerSize, count: count)
        guard size > 0, Glibc.send(descriptor, base, size, Int32(MSG_DONTWAIT)) == size else {
            counters.failed.increment()
            return false
        }
        return true
    }
}
