import Foundation
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

    @Test func whatIsFarAwayIsTakenBack() throws {
        let ring = try AudioRing()
        for index in 0..<10 { #expect(push(ring, [UInt8(index)], at: UInt64(index) * 960)) }
        #expect(pop(ring).1 == [0])
        #expect(ring.takeBack(allBut: 9) == 0)
        #expect(ring.takeBack(allBut: 4) == 5 && ring.count == 4)
        #expect(push(ring, [50], at: 5 * 960))
        #expect((0..<5).map { _ in pop(ring).1 } == [[1], [2], [3], [4], [50]])
        #expect(pop(ring).0 == .empty)
    }

    /// A consumer that is ahead of the producer's word sees nothing rather than nonsense.
    @Test func aHeadBehindTheTailIsEmpty() throws {
        let ring = try AudioRing()
        for index in 0..<3 { #expect(push(ring, [1], at: UInt64(index) * 960)) }
        for _ in 0..<3 { _ = pop(ring) }
        let memory = try #require(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fileDescriptor, 0))
        defer { munmap(memory, 4096) }
        memory.storeBytes(of: 1, toByteOffset: 64, as: UInt64.self)
        #expect(pop(ring).0 == .empty && ring.count == 0)
    }

    /// Packets say in all their bytes which they are, and whether they are the first or a later version. The consumer sees
    /// every number once, in order, and no mixture.
    @Test func takingBackNeverMixesPackets() throws {
        let ring = try AudioRing()
        let total = 5_000
        let producer = Thread { [ring] in
            var number = 0, version = 0
            while number < total {
                let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number + version), count: 300)
                if bytes.withUnsafeBytes({ ring.push($0, position: UInt64(number)) }) { number += 1 }
                if number % 7 == 0 {
                    version += 1
                    number -= ring.takeBack(allBut: number % 3)
                }
            }
            ring.finish(.ended)
        }
        producer.start()
        let end = ContinuousClock.now + .seconds(60)
        var expected: UInt64 = 0
        while ContinuousClock.now < end {
            let (popped, bytes) = pop(ring)
            if case .empty = popped {
                sched_yield()
                continue
            }
            if case .ended = popped { break }
            guard case .packet(length: 300, position: expected) = popped, bytes.allSatisfy({ $0 == bytes[0] }) else {
                Issue.record("\(popped) instead of \(expected)")
                break
            }
            expected += 1
        }
        #expect(expected == UInt64(total))
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
