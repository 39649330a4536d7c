import CAudioRing
import CLinux
import Glibc

/// A ring of 20 ms Opus packets (48 kHz) between one producer and one consumer, in shared memory.
///
/// The host creates it and hands `fileDescriptor` to the media worker, which maps the same memory and pushes; the voice
/// pump pops. Both sides are wait-free and make no system call.
///
/// `@unchecked Sendable`: the mapping lives until `deinit`, every shared field is a C11 atomic or is published by one,
/// and the caller keeps to one producer and one consumer at a time.
public final class AudioRing: @unchecked Sendable {
    /// Packets that fit, each 20 ms.
    public static let capacity = Int(TB_RING_SLOTS)
    /// Longest packet in bytes (RFC 6716, section 3.2.1).
    public static let maximumPacketSize = Int(TB_RING_PACKET_MAX)

    /// Latest position that a packet may have, in 48 kHz samples: 265 days. Keeps arithmetic on positions far from overflow.
    public static let maximumPosition = UInt64(1) << 40

    /// How the producer left the stream.
    public enum Ending: Sendable { case ended, failed }

    /// What a `pop` found.
    public enum Popped: Equatable, Sendable {
        /// `length` bytes were copied; `position` is that of the packet's first sample in the track (48 kHz).
        case packet(length: Int, position: UInt64)
        /// Nothing to take now; the producer is still at work.
        case empty
        /// The producer pushed everything and it has all been taken.
        case ended
        /// The producer gave up.
        case failed
        /// The shared memory says something impossible: do not read it again.
        case corrupt
    }

    /// The memfd behind the ring; owned by this object.
    public let fileDescriptor: Int32
    private let ring: UnsafeMutablePointer<tb_ring>

    /// Makes an empty ring. Throws the `Errno` of `memfd_create` or `mmap`.
    public convenience init() throws(RingError) {
        let descriptor = tb_sealed_memfd("timmybot-ring", tb_ring_size())
        guard descriptor >= 0 else { throw RingError(errno: errno) }
        try self.init(taking: descriptor)
        tb_ring_init(ring)
    }

    /// Maps a ring that the other side made; takes over `descriptor`, also where it throws.
    public convenience init(adopting descriptor: Int32) throws(RingError) {
        try self.init(taking: descriptor)
        guard tb_ring_is_valid(ring) else { throw RingError(errno: EPROTO) }
    }

    private init(taking descriptor: Int32) throws(RingError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size >= tb_ring_size(),
            let memory = mmap(nil, tb_ring_size(), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            memory != MAP_FAILED
        else {
            let cause = errno
            close(descriptor)
            throw RingError(errno: cause == 0 ? EPROTO : cause)
        }
        fileDescriptor = descriptor
        ring = memory.assumingMemoryBound(to: tb_ring.self)
    }

    deinit {
        munmap(ring, tb_ring_size())
        close(fileDescriptor)
    }

    // MARK: Producer

    /// Packets that can be pushed now.
    public var freeSlots: Int { Int(tb_ring_free(ring)) }

    /// False where the ring is full, the packet exceeds `maximumPacketSize` or the position `maximumPosition`.
    public func push(_ packet: UnsafeRawBufferPointer, position: UInt64) -> Bool {
        guard let base = packet.baseAddress, !packet.isEmpty, packet.count <= Self.maximumPacketSize else {
            return false
        }
        return tb_ring_push(ring, base, UInt32(packet.count), position)
    }

    /// Takes back all packets but the `count` that the consumer takes next; how many those are. 0 also where the consumer is
    /// just coming too near.
    public func takeBack(allBut count: Int) -> Int { Int(tb_ring_take_back(ring, UInt32(max(0, count)))) }

    /// No more packets follow; what is in the ring is still played.
    public func finish(_ ending: Ending) {
        tb_ring_set_state(ring, ending == .ended ? TB_RING_ENDED : TB_RING_FAILED)
    }

    // MARK: Consumer

    /// Copies the next packet to `buffer` (at least `maximumPacketSize` bytes). No allocation, no lock, no system call.
    public func pop(into buffer: UnsafeMutableRawBufferPointer) -> Popped {
        precondition(buffer.count >= Self.maximumPacketSize)
        var length: UInt32 = 0
        var position: UInt64 = 0
        switch tb_ring_pop(ring, buffer.baseAddress, &length, &position) {
        case TB_RING_POP_PACKET: return .packet(length: Int(length), position: position)
        case TB_RING_POP_EMPTY: return .empty
        case TB_RING_POP_ENDED: return .ended
        case TB_RING_POP_FAILED: return .failed
        default: return .corrupt
        }
    }

    // MARK: Any thread

    /// Packets that wait to be taken.
    public var count: Int { Int(tb_ring_count(ring)) }

    /// Sample position in the track (48 kHz) after the last packet taken; 0 before the first, at most
    /// `maximumPosition`.
    public var playedPosition: UInt64 { tb_ring_played(ring) }
}

/// Why a ring could not be made or mapped.
public struct RingError: Error, Equatable, CustomStringConvertible {
    public let errno: Int32
    public var description: String { "audio ring: \(String(cString: strerror(errno)))" }
}
