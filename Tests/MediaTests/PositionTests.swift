import AudioRing
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Media

/// Times in files and rings that no track has.
@Suite("Impossible positions", .serialized)
struct PositionTests {
    /// libavformat itself gives up at the largest number, in the middle of the track.
    @Test(arguments: [(UInt64(1) << 62, true), (1 << 53, true), (1 << 39, true), (UInt64(Int64.max), false)])
    func aGranuleFromAnotherWorldMovesNothing(_ granule: UInt64, _ playsOn: Bool) async throws {
        let engine = makeEngine()
        let whole = try [UInt8](
            Data(contentsOf: URL(fileURLWithPath: try await Songs.shared.path("morning-train.opus"))).prefix(400_000))
        for (page, filter) in [(4, ""), (5, "soft")] {
            let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).opus"
            defer { unlink(path) }
            let patched = HostileFiles.patchGranules(of: whole, fromPage: page, to: granule)
            #expect(patched != whole)
            try Data(patched).write(to: URL(fileURLWithPath: path))
            let puller = try await play(engine, path) { $0.filter = filter }
            try await puller.pull(380)
            #expect(puller.packets.count > (playsOn ? 300 : 90), "the sound itself is whole")
            #expect(puller.outcome != .corrupt && (puller.outcome == .failed) == !playsOn)
            for (first, second) in zip(puller.packets.dropFirst(), puller.packets.dropFirst(2)) {
                #expect(second.position == first.position + 960, "\(first.position) then \(second.position)")
            }
            #expect(puller.stream.position <= UInt64(puller.packets.count + 1) * 960)
            _ = try await engine.probe(openFile(path))
        }
        #expect(await engine.restarts == 0)
        await engine.shutdown()
    }

    @Test func theStreamReportsNoPositionThatAFooledWorkerMakesUp() async throws {
        let engine = makeEngine()
        let puller = try await play(engine, try await Songs.shared.path("morning-train.opus"))
        try await puller.waitUntilFull()
        let ring = puller.stream.ring
        let memory = try #require(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fileDescriptor, 0))
        defer { munmap(memory, 4096) }
        memory.storeBytes(of: UInt64.max, toByteOffset: 256, as: UInt64.self)
        try await puller.pull(1)
        #expect(puller.outcome == .corrupt && puller.packets.isEmpty)
        memory.storeBytes(of: UInt64.max, toByteOffset: 136, as: UInt64.self)
        #expect(puller.stream.position <= AudioRing.maximumPosition)
        await engine.shutdown()
    }

    @Test func aStartBeyondEverythingIsBounded() async throws {
        let engine = makeEngine()
        do {
            let puller = try await play(engine, try await Songs.shared.path("morning-train.opus")) { $0.start = .max }
            try await puller.pull()
            #expect(puller.packets.count < 10)
            #expect(puller.stream.position <= AudioRing.maximumPosition)
        } catch let error as MediaError {
            #expect(error.failure != .internalError, "\(error)")
        }
        #expect(await engine.restarts == 0)
        await engine.shutdown()
    }
}
