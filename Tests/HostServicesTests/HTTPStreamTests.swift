import CTimmyBot
import Foundation
import PluginHost
import Synchronization
import TestSupport
import Testing

@testable import HostServices

/// Requests that take long, never end, or are not wanted any more.
@Suite("HTTP over time", .timeLimit(.minutes(5)))
struct HTTPStreamTests {
    @Test func aSilentServerRunsOutOfTime() async throws {
        let clock = ManualClock()
        let server = try TestServer { _ in .init(isSilent: true) }
        let service = testService([server.port], clock: clock)
        let task = Task {
            await failure {
                try await service.fetch(
                    HTTPFetchRequest(url: "http://a.test.example:\(server.port)/"),
                    for: testCaller("http://a.test.example:\(server.port)"))
            }
        }
        #expect(await eventually { server.requests.count == 1 && clock.sleeperCount == 1 })
        clock.advance(by: .seconds(15))
        #expect(await task.value?.code == TB_E_TIMEOUT)
        await service.shutdown()
        server.stop()
    }

    @Test func aServerThatFallsSilentInTheBody() async throws {
        let clock = ManualClock()
        let server = try TestServer { _ in .init(body: [1, 2, 3], hangs: true) }
        let service = testService([server.port], clock: clock)
        let response = try await service.fetch(
            HTTPFetchRequest(url: "http://a.test.example:\(server.port)/"),
            for: testCaller("http://a.test.example:\(server.port)"))
        #expect(try await response.body.next() == [1, 2, 3])
        let isOver = Flag()
        let rest = Task {
            defer { isOver.isUp.store(true, ordering: .releasing) }
            return await failure { try await response.body.next() }
        }
        // As often as whoever watches looks: how often that is before it has seen enough is the machine's business.
        #expect(
            await eventually {
                clock.advance(by: .seconds(15))
                return isOver.isUp.load(ordering: .acquiring)
            })
        #expect(await rest.value?.code == TB_E_TIMEOUT)
        await service.shutdown()
        server.stop()
    }

    @Test func aBodyThatDripsForEverIsCutOffInTotal() async throws {
        let clock = ManualClock()
        let server = try TestServer { _ in .init(body: [1], hangs: true) }
        let service = testService([server.port], clock: clock)
        var request = HTTPFetchRequest(url: "http://a.test.example:\(server.port)/")
        request.totalTimeout = .seconds(10)
        request.idleTimeout = .seconds(1_000)
        let response = try await service.fetch(request, for: testCaller("http://a.test.example:\(server.port)"))
        #expect(try await response.body.next() == [1])
        let rest = Task { await failure { try await response.body.next() } }
        #expect(await eventually { clock.sleeperCount == 2 }, "the total and the silence")
        clock.advance(by: .seconds(10))
        #expect(await rest.value?.code == TB_E_TIMEOUT)
        await service.shutdown()
        server.stop()
    }

    @Test func cancellingTheCallerCutsTheRequestOff() async throws {
        let server = try TestServer { _ in .init(isSilent: true) }
        let service = testService([server.port])
        let task = Task {
            await failure {
                try await service.fetch(
                    HTTPFetchRequest(url: "http://a.test.example:\(server.port)/"),
                    for: testCaller("http://a.test.example:\(server.port)"))
            }
        }
        #expect(await eventually { server.requests.count == 1 })
        task.cancel()
        #expect(await task.value?.code == TB_E_CANCELLED)
        await service.shutdown()
        server.stop()
    }

    // MARK: Streams

    @Test func theWriterWaitsForTheReader() async throws {
        let server = try TestServer { _ in .init(body: [UInt8](repeating: 7, count: 64 << 10), repeats: .max) }
        let service = testService([server.port])
        let response = try await service.fetch(
            HTTPFetchRequest(url: "http://a.test.example:\(server.port)/"),
            for: testCaller("http://a.test.example:\(server.port)"))
        func taken() -> UInt64 { service.metrics()["test.caller"]?.bytesIn ?? 0 }
        #expect(await eventually { taken() >= UInt64(BytePipe.capacity) })
        // An endless body: without back-pressure this would go on growing.
        let settled = taken()
        for _ in 0..<10_000 { await Task.yield() }
        #expect(taken() <= settled + (2 << 20))
        var total = 0
        while total < 8 << 20 { total += try await #require(response.body.next()).count }
        #expect(await eventually { taken() > settled })
        response.body.close()
        #expect(await failure { try await response.body.next() }?.code == TB_E_CANCELLED)
        await service.shutdown()
        server.stop()
    }

    @Test func aStreamThatNobodyHoldsIsClosed() async throws {
        let server = try TestServer { _ in .init(body: [UInt8](repeating: 7, count: 64 << 10), repeats: .max) }
        let service = testService([server.port])
        weak var body: ByteStream?
        do {
            let response = try await service.fetch(
                HTTPFetchRequest(url: "http://a.test.example:\(server.port)/"),
                for: testCaller("http://a.test.example:\(server.port)"))
            body = response.body
        }
        #expect(body == nil)
        await service.shutdown()
        server.stop()
    }

    @Test func clientsOfNamesAreBounded() async throws {
        let server = try TestServer { _ in .text("x") }
        let names = (0..<80).map { "n\($0).test.example" }
        let service = testService([server.port], names: names)
        for name in names {
            _ = try await service.fetchAll(
                HTTPFetchRequest(url: "http://\(name):\(server.port)/"),
                for: testCaller("http://*.test.example:\(server.port)"))
        }
        #expect(server.requests.count == 80)
        #expect(await eventually { service.clientCount <= PinnedClients.maximumIdle + 1 }, "\(service.clientCount)")
        await service.shutdown()
        server.stop()
    }
}

private final class Flag: Sendable {
    let isUp = Atomic(false)
}
