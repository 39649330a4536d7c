import CTimmyBot
import Glibc
import Synchronization
import Testing

@testable import TimmyKit

@Suite("HTTP through the host", .serialized, .timeLimit(.minutes(5)))
struct HTTPTests {
    /// The kit's side of a host, without a plugin around it.
    private func kit(_ fake: FakeHost) -> Host { Host(fake.raw, configuration: [:]) }

    private func readers() -> Int { StreamPump.threads.load(ordering: .relaxed) }

    @Test func requestsAndAnswers() async throws {
        let fake = FakeHost()
        var request = HTTP.Request("https://e.example/a")
        request.method = "POST"
        request.headers = [Header("accept", "text/plain")]
        request.body = [1, 2]
        request.limit = 500
        request.account = try await kit(fake).account("app", of: 1)
        request.timeoutMilliseconds = 900
        request.followsRedirects = false
        let response = try await kit(fake).http.fetch(request)
        #expect(response.status == 200 && String(decoding: response.body, as: UTF8.self) == "https://e.example/a")
        #expect(response.header("content-type") == "audio/mpeg" && response.url == "https://e.example/a")
        let seen = FakeRequest(
            method: "POST", url: "https://e.example/a", headers: [Header("accept", "text/plain")], body: [1, 2],
            limit: 500, account: 1_001, timeout: 900, flags: TB_HTTP_NO_REDIRECT)
        #expect(fake.state.withLock { $0.requests } == [seen])
        _ = try await kit(fake).http.get("https://e.example/b")
        let plain = FakeRequest(
            method: "", url: "https://e.example/b", headers: [], body: [], limit: 0, account: 0, timeout: 0, flags: 0)
        #expect(fake.state.withLock { $0.requests.last } == plain)
    }

    @Test func failures() async throws {
        let http = kit(FakeHost()).http
        let down = await #expect(throws: Failure.self) { try await http.get("https://down.example/") }
        #expect(down == Failure(code: .io, detail: "connection refused"))
        let refused = await #expect(throws: Failure.self) { try await http.get("ftp://e.example/") }
        #expect(refused?.code == .invalid)
        let missing = try await http.get("https://e.example/missing")
        let thrown = #expect(throws: Failure.self) { try missing.ok() }
        #expect(thrown?.code == .notFound && thrown?.retryAfterMilliseconds == 7_000)
        #expect(throws: Failure.self) { try missing.json() }
    }

    @Test func aBodyChunkByChunk() async throws {
        let fake = FakeHost()
        let big = [UInt8](repeating: 9, count: 100_000)
        fake.state.withLock { $0.streams[5] = FakeStream([[1, 2, 3], big]) }
        let stream = try await kit(fake).http.stream(HTTP.Request("https://e.example/s"))
        var sizes: [Int] = []
        for try await chunk in stream {
            sizes.append(chunk.count)
            if sizes.count == 1 { #expect(readers() == 1) }
        }
        #expect(sizes == [3, 65_536, 100_000 - 65_536])
        #expect(await eventually { readers() == 0 }, "the reading thread has ended")
    }

    /// A dropped loop closes the stream and ends its thread.
    @Test func aBodyThatIsNotReadToItsEnd() async throws {
        let fake = FakeHost()
        fake.state.withLock { $0.streams[5] = FakeStream([[1], [2], [3]], endless: true) }
        do {
            let stream = try await kit(fake).http.stream(HTTP.Request("https://e.example/s"))
            for try await chunk in stream {
                #expect(chunk == [1])
                break
            }
        }
        #expect(await eventually { fake.state.withLock { $0.closedStreams.contains(5) } })
        #expect(await eventually { readers() == 0 })
    }

    @Test func cancellingEndsABlockedRead() async throws {
        let fake = FakeHost()
        fake.state.withLock { $0.streams[5] = FakeStream([[1]], endless: true) }
        let host = kit(fake)
        let (started, starts) = AsyncStream.makeStream(of: Void.self)
        let reading = Task {
            var chunks = 0
            do {
                for try await _ in try await host.http.stream(HTTP.Request("https://e.example/s")) {
                    chunks += 1
                    starts.yield()
                }
                return "ended after \(chunks)"
            } catch {
                return "\(Failure(error).code == .cancelled) after \(chunks)"
            }
        }
        for await _ in started { break }
        reading.cancel()
        #expect(await reading.value == "true after 1")
    }

    /// The head arrives when nobody waits any more: its stream is closed, not leaked.
    @Test func aLateStreamIsClosed() async throws {
        let fake = FakeHost()
        fake.state.withLock { $0.holdsBack = true }
        let host = kit(fake)
        let waiting = Task { try await host.http.stream(HTTP.Request("https://e.example/s")) }
        #expect(await eventually { fake.heldCount == 1 })
        waiting.cancel()
        _ = await waiting.result
        #expect(fake.state.withLock { $0.closedStreams.isEmpty })
        fake.release()
        #expect(fake.state.withLock { $0.closedStreams } == [5])
    }

    @Test func sleepingOnTheHostsClock() async throws {
        let fake = FakeHost()
        let host = kit(fake)
        let sleeping = Task { try await host.clock.sleep(milliseconds: 100_000_000) }
        #expect(await eventually { fake.timerCount == 1 })
        fake.advance(86_400_000)
        #expect(await eventually { fake.timerCount == 1 }, "a sleep of more than a day is two timers")
        fake.advance(13_600_000)
        try await sleeping.value
        let cancelled = Task { try await host.clock.sleep(milliseconds: 5) }
        #expect(await eventually { fake.timerCount == 1 })
        cancelled.cancel()
        #expect(await cancelled.result.failureCode == .cancelled)
        #expect(fake.timerCount == 0)
    }
}

extension Result where Failure == any Error {
    fileprivate var failureCode: TimmyKit.Failure.Code? {
        if case .failure(let error) = self { TimmyKit.Failure(error).code } else { nil }
    }
}
