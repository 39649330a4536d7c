import Glibc
import Testing

@testable import AudioRing

@Suite struct AudioRingTests {
    private func push(_ ring: AudioRing, _ bytes: [UInt8], at position: UInt64) -> Bool {
        bytes.withUnsafeBytes { ring.push($0, position: position) }
    }

    private func pop(_ ring: AudioRing) -> (AudioRing.Popped, [UInt8]) {
        var buffer = [UInt8](repeating: 0, count: AudioRing.maximumPacketSize)
        let popped = buffer.withUnsafeMutableBytes { ring.pop(into: $0) }
        guard case .packet(let length, _) = popped else { return (popped, []) }
        return (popped, Array(buffer.prefix(length)))
    }

    @Test func packetsComeOutInOrderAndUnchanged() throws {
        let ring = try AudioRing()
        for index in 0..<AudioRing.capacity {
            #expect(push(ring, [UInt8](repeating: UInt8(index), count: index + 1), at: UInt64(index) * 960))
        }
        #expect(!push(ring, [1], at: 0), "a full ring refuses")
        for index in 0..<AudioRing.capacity {
            let (popped, bytes) = pop(ring)
            #expect(popped == .packet(length: index + 1, position: UInt64(index) * 960))
            #expect(bytes == [UInt8](repeating: UInt8(index), count: index + 1))
        }
        #expect(pop(ring).0 == .empty)
        #expect(ring.playedPosition == UInt64(AudioRing.capacity) * 960)
    }

    @Test func endingIsSeenOnlyAfterTheLastPacket() throws {
        let ring = try AudioRing()
        #expect(push(ring, [7], at: 0))
        ring.finish(.ended)
        #expect(pop(ring).0 == .packet(length: 1, position: 0))
        #expect(pop(ring).0 == .ended)
    }

    @Test func emptyAndOversizedPacketsAreRefused() throws {
        let ring = try AudioRing()
        #expect(!push(ring, [], at: 0))
        #expect(!push(ring, [UInt8](repeating: 0, count: AudioRing.maximumPacketSize + 1), at: 0))
    }

    @Test func bothMappingsSeeTheSameRing() throws {
        let host = try AudioRing()
        let worker = try AudioRing(adopting: dup(host.fileDescriptor))
        #expect(push(worker, [1, 2, 3], at: 960))
        #expect(pop(host).1 == [1, 2, 3])
        #expect(worker.freeSlots == AudioRing.capacity)
    }

    @Test func aLyingProducerIsCaughtNotBelieved() throws {
        let ring = try AudioRing()
        let memory = try #require(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fileDescriptor, 0))
        defer { munmap(memory, 4096) }
        // The producer's index sits in the second cache line: claim far more packets than there are slots.
        memory.storeBytes(of: UInt64(1) << 40, toByteOffset: 64, as: UInt64.self)
        #expect(pop(ring).0 == .corrupt)
        #expect(ring.count <= AudioRing.capacity)
    }

    @Test func anImpossiblePositionIsCorruptAndNeverPassedOn() throws {
        let ring = try AudioRing()
        #expect(!push(ring, [1], at: AudioRing.maximumPosition + 1), "an honest producer does not write it")
        #expect(push(ring, [1], at: AudioRing.maximumPosition))
        let memory = try #require(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fileDescriptor, 0))
        defer { munmap(memory, 4096) }
        // The first slot begins with its position; the consumer's own place sits in the third cache line.
        for lie: UInt64 in [.max, .max - 959, 1 << 63, AudioRing.maximumPosition + 1] {
            memory.storeBytes(of: lie, toByteOffset: 256, as: UInt64.self)
            #expect(pop(ring).0 == .corrupt)
            #expect(ring.playedPosition == 0)
            memory.storeBytes(of: lie, toByteOffset: 136, as: UInt64.self)
            #expect(ring.playedPosition <= AudioRing.maximumPosition)
            memory.storeBytes(of: 0, toByteOffset: 136, as: UInt64.self)
        }
        memory.storeBytes(of: AudioRing.maximumPosition, toByteOffset: 256, as: UInt64.self)
        #expect(pop(ring).0 == .packet(length: 1, position: AudioRing.maximumPosition))
    }

    @Test func theMappingCannotBeShrunk() throws {
        let ring = try AudioRing()
        #expect(ftruncate(ring.fileDescriptor, 0) == -1)
    }

    @Test func aForeignDescriptorIsRefused() throws {
        let null = open("/dev/null", O_RDWR)
        #expect(throws: RingError.self) { try AudioRing(adopting: null) }
    }
}
