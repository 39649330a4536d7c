import CTimmyBot
import Foundation
import Synchronization
import Testing

@testable import PluginHost

/// `timmy.http/1` as a C plugin meets it.
@Suite("The http extension")
struct HTTPExtensionTests {
    private static let url = "https://api.example.org/there"

    @Test func aRequestAndItsAnswerAreCarriedOver() async throws {
        let http = FakeHTTP { _ in
            await FakeHTTP.answer(201, "made", headers: [HTTPHeader("x-one", "1"), HTTPHeader("y", "")])
        }
        let plugin = try PortsHost(http: http)
        let answer = await plugin.request(
            "fetch", "https://api.example.org/a?b", method: "POST", header: "X-Two=zwei", body: "hällo", limit: 77,
            timeout: 1_234)
        #expect(answer == "201|\(Self.url)|0|4|made|x-one=1|y=")
        let seen = try #require(http.requests.first)
        #expect(seen.url == "https://api.example.org/a?b" && seen.method == "POST" && seen.body == Array("hällo".utf8))
        #expect(seen.headers == [HTTPHeader("X-Two", "zwei")] && seen.limit == 77 && seen.followsRedirects)
        #expect(seen.headTimeout == .milliseconds(1_234) && seen.totalTimeout == .milliseconds(1_234))
        #expect(seen.authorization == nil)
        plugin.host.shutdown()
    }

    @Test func whatIsLeftOutHasDefaultsAndWhatIsTooMuchIsCut() async throws {
        let http = FakeHTTP { _ in await FakeHTTP.answer(200, "") }
        let plugin = try PortsHost(http: http)
        _ = await plugin.request("fetch", Self.url)
        _ = await plugin.request("fetch", Self.url, limit: 1 << 40, timeout: 999_999)
        _ = await plugin.request("stream", Self.url, limit: 1 << 40)
        let seen = http.requests
        #expect(seen.map(\.method) == ["GET", "GET", "GET"])
        #expect(seen.map(\.limit) == [4 << 20, 16 << 20, 1 << 40])
        #expect(seen.map(\.headTimeout) == [.seconds(15), .seconds(60), .seconds(15)])
        #expect(seen.map(\.totalTimeout) == [.seconds(15), .seconds(60), nil])
        plugin.host.shutdown()
    }

    @Test func requestsThatBreakTheContractGoNowhere() async throws {
        let http = FakeHTTP { _ in await FakeHTTP.answer(200, "") }
        let plugin = try PortsHost(http: http)
        #expect(await plugin.run("broken") == "-1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -8 -1 -1")
        #expect(http.requests.isEmpty)
        plugin.host.shutdown()
    }

    @Test func failuresSayWhy() async throws {
        let http = FakeHTTP { _ throws(PluginFailure) in throw PluginFailure(code: TB_E_TIMEOUT, detail: "too slow") }
        let plugin = try PortsHost(http: http)
        #expect(await plugin.request("fetch", Self.url) == "error -9 too slow")
        #expect(await plugin.request("stream", Self.url) == "error -9 too slow")
        #expect(plugin.host.current(plugin.id)?.ports.http.openStreams == 0)
        plugin.host.shutdown()
        let none = try PortsHost()
        #expect(await none.request("fetch", Self.url).hasPrefix("error -3 "))
        none.host.shutdown()
    }

    /// A plugin whose `done` comes is asked again at once; nothing of this blocks the lane.
    @Test func manyRequestsAtOnceAreBounded() async throws {
        let gate = Gate()
        let http = FakeHTTP { _ in
            await gate.wait()
            return await FakeHTTP.answer(200, "")
        }
        let plugin = try PortsHost(http: http)
        let running = (0..<HTTPPort.maximumRunning).map { _ in Task { await plugin.request("fetch", Self.url) } }
        #expect(await eventually { http.requests.count == HTTPPort.maximumRunning })
        #expect(await plugin.request("fetch", Self.url) == "status -6")
        gate.open()
        for task in running { #expect(await task.value.hasPrefix("200|")) }
        #expect(await plugin.request("fetch", Self.url).hasPrefix("200|"))
        plugin.host.shutdown()
    }

    @Test func theRateIsBounded() async throws {
        let time = ManualTime()
        let plugin = try PortsHost(http: FakeHTTP { _ in await FakeHTTP.answer(200, "") }, time: time)
        for _ in 0..<200 { #expect(await plugin.request("fetch", Self.url).hasPrefix("200|")) }
        #expect(await plugin.request("fetch", Self.url) == "status -6")
        time.advance(21)
        #expect(await plugin.request("fetch", Self.url).hasPrefix("200|"))
        #expect(await plugin.request("fetch", Self.url) == "status -6")
        plugin.host.shutdown()
    }

    // MARK: Streams

    private static func stream(_ answer: String) throws -> Int64 {
        try #require(Int64(answer.split(separator: "|")[2]), "\(answer)")
    }

    @Test func aStreamIsReadToItsEnd() async throws {
        let pipe = BytePipe()
        let http = FakeHTTP { _ in HTTPFetchResponse(status: 200, url: Self.url, headers: [], body: ByteStream(pipe)) }
        let plugin = try PortsHost(http: http)
        let number = try Self.stream(await plugin.request("stream", Self.url))
        let feeding = Task {
            for _ in 0..<1_000 { _ = await pipe.write([UInt8](repeating: 1, count: 70_001)) }
            pipe.finish()
        }
        let answer = await plugin.run("read_all", ["number": .integer(number)])
        #expect(answer.hasPrefix("70001000 ") && answer.hasSuffix(" 0"), "\(answer)")
        await feeding.value
        #expect(await plugin.run("close_stream", ["number": .integer(number)]) == "closed")
        #expect(await plugin.run("read_all", ["number": .integer(number)]) == "0 0 -8")
        plugin.host.shutdown()
    }

    @Test func aStreamThatFailsGivesWhatCameBefore() async throws {
        let pipe = BytePipe()
        _ = await pipe.write([1, 2, 3])
        pipe.finish(.failed(PluginFailure(code: TB_E_IO, detail: "reset")))
        let http = FakeHTTP { _ in HTTPFetchResponse(status: 200, url: Self.url, headers: [], body: ByteStream(pipe)) }
        let plugin = try PortsHost(http: http)
        let number = try Self.stream(await plugin.request("stream", Self.url))
        #expect(await plugin.run("read_all", ["number": .integer(number)]) == "3 4 -10")
        plugin.host.shutdown()
    }

    @Test func sixteenStreamsAndNoMore() async throws {
        let http = FakeHTTP { _ in await FakeHTTP.answer(200, "x") }
        let plugin = try PortsHost(http: http)
        var numbers: [Int64] = []
        for _ in 0..<16 { numbers.append(try Self.stream(await plugin.request("stream", Self.url))) }
        #expect(Set(numbers).count == 16)
        #expect(await plugin.request("stream", Self.url) == "status -6")
        _ = await plugin.run("close_stream", ["number": .integer(numbers[3])])
        #expect(await plugin.request("stream", Self.url).hasPrefix("200|"))
        #expect(await plugin.request("fetch", Self.url).hasPrefix("200|"), "whole bodies do not count")
        plugin.host.shutdown()
    }

    /// Streams of one plugin are no numbers to another.
    @Test func anotherPluginsStreamIsNone() async throws {
        let http = FakeHTTP { _ in await FakeHTTP.answer(200, "mine") }
        let one = try PortsHost(http: http), other = try PortsHost(http: http)
        let number = try Self.stream(await one.request("stream", Self.url))
        #expect(await other.run("read_all", ["number": .integer(number)]) == "0 0 -8")
        _ = await other.run("close_stream", ["number": .integer(number)])
        #expect(await one.run("read_all", ["number": .integer(number)]).hasPrefix("4 "))
        one.host.shutdown()
        other.host.shutdown()
    }

    // MARK: Stopping

    @Test func stoppingFreesABlockedLaneAndAnswersWhatIsOwed() async throws {
        let pipe = BytePipe()
        let http = FakeHTTP { request throws(PluginFailure) in
            if request.url.hasSuffix("/stream") {
                return HTTPFetchResponse(status: 200, url: request.url, headers: [], body: ByteStream(pipe))
            }
            return try await FakeHTTP.never()
        }
        let plugin = try PortsHost(http: http)
        let number = try Self.stream(await plugin.request("stream", "https://api.example.org/stream"))
        let pending = Task { await plugin.request("fetch", Self.url) }
        #expect(await eventually { http.requests.count == 2 })
        let blocked = Task { await plugin.run("read_all", ["number": .integer(number)]) }
        #expect(await eventually { pipe.isReaderBlocked })
        plugin.host.shutdown()
        #expect(await blocked.value == "0 0 -7")
        #expect(await pending.value == "error -7 the plugin is being stopped")
    }

    // MARK: Pipe

    @Test func aPipeHoldsNoMoreThanItsCapacity() async {
        let pipe = BytePipe()
        let writing = Task { await pipe.write([UInt8](repeating: 9, count: 1_000_000)) }
        #expect(await eventually { pipe.bufferedCount == BytePipe.capacity })
        var seen = 0
        let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: 100_000)
        defer { buffer.deallocate() }
        while seen < 1_000_000 {
            #expect(await eventually { pipe.bufferedCount > 0 })
            let count = Int(pipe.read(buffer, capacity: 100_000))
            #expect(count > 0 && pipe.bufferedCount <= BytePipe.capacity)
            seen += count
        }
        #expect(await writing.value && seen == 1_000_000)
        pipe.close()
        #expect(await pipe.write([1]) == false)
    }

    @Test func closingAPipeWakesItsWriter() async {
        let pipe = BytePipe()
        let closed = Mutex(0)
        pipe.whenClosed { closed.withLock { $0 += 1 } }
        let writing = Task { await pipe.write([UInt8](repeating: 9, count: 1_000_000)) }
        #expect(await eventually { pipe.bufferedCount == BytePipe.capacity })
        pipe.close()
        pipe.close()
        #expect(await writing.value == false && closed.withLock { $0 } == 1)
    }

    final class Gate: Sendable {
        private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))
        func wait() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }
        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for one in waiting { one.resume() }
        }
    }
}
