import CTimmyBot
import Foundation
import Media
import Synchronization
import Testing

@testable import Bot
@testable import PluginHost

/// A web server's answers as sound, without a web server.
@Suite("Feeds from addresses")
struct HTTPFeedTests {
    /// Answers as a test says and remembers what it was asked.
    private final class Web: HTTPFetching {
        struct Answer: Sendable {
            var status = 206
            var headers: [HTTPHeader] = []
            var body: [UInt8] = []
            var end: BytePipe.End? = .finished
        }
        typealias Script = @Sendable (_ first: Int, _ number: Int) throws(PluginFailure) -> Answer

        private let seen = Mutex<[HTTPFetchRequest]>([])
        private let script: Script

        init(_ script: @escaping Script) { self.script = script }

        var ranges: [String] {
            seen.withLock { $0.map { request in request.headers.first { $0.name == "range" }?.value ?? "none" } }
        }
        var requests: [HTTPFetchRequest] { seen.withLock { $0 } }

        func fetch(_ request: HTTPFetchRequest, for caller: HTTPCaller) async throws(PluginFailure)
            -> HTTPFetchResponse
        {
            let number = seen.withLock { seen in
                seen.append(request)
                return seen.count
            }
            let range = request.headers.first { $0.name == "range" }?.value
            let answer = try script(range.flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0, number)
            let pipe = BytePipe()
            guard await pipe.write(answer.body) else {
                throw PluginFailure(code: TB_E_CANCELLED, detail: "nobody reads")
            }
            if let end = answer.end { pipe.finish(end) }
            return HTTPFetchResponse(
                status: answer.status, url: request.url, headers: answer.headers, body: ByteStream(pipe))
        }

        func metrics() -> [String: HTTPMetrics] { [:] }
    }

    /// Sleeps end at once.
    private final class Restless: Clock, Sendable {
        struct Instant: InstantProtocol {
            var offset: Swift.Duration
            func advanced(by duration: Swift.Duration) -> Instant { Instant(offset: offset + duration) }
            func duration(to other: Instant) -> Swift.Duration { other.offset - offset }
            static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
        }
        private let slept = Mutex<[Swift.Duration]>([])
        var pauses: [Swift.Duration] { slept.withLock { $0 } }
        var now: Instant { Instant(offset: .zero) }
        var minimumResolution: Swift.Duration { .nanoseconds(1) }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws {
            slept.withLock { $0.append(deadline.offset) }
        }
    }

    private static let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }

    private static func part(_ first: Int, cut: Int? = nil, total: Int = content.count) -> Web.Answer {
        let rest = Array(content[first...].prefix(cut ?? .max))
        let range = HTTPHeader("content-range", "bytes \(first)-\(content.count - 1)/\(total)")
        return Web.Answer(headers: [range], body: rest)
    }

    private static func connect(
        _ web: Web, isLive: Bool = false, headers: [HTTPHeader] = [], clock: any Clock<Duration> = ContinuousClock()
    ) async throws(PluginFailure) -> HTTPFeed {
        let address = PluginAddress(
            url: "https://music.example/song", headers: headers, mime: "", beginsAtStart: false,
            caller: HTTPCaller(id: "test", hosts: .none), http: web)
        return try await HTTPFeed.connect(address, isLive: isLive, clock: clock)
    }

    /// Everything, as the engine's thread reads it.
    private static func read(_ feed: HTTPFeed, _ limit: Int = .max) async -> (bytes: [UInt8], error: MediaError?) {
        await withCheckedContinuation { done in
            Thread.detachNewThread {
                var bytes: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 10_000)
                while bytes.count < limit {
                    do {
                        let count = try buffer.withUnsafeMutableBytes { try feed.read(into: $0) }
                        if count == 0 { break }
                        bytes += buffer[..<count]
                    } catch {
                        return done.resume(returning: (bytes, error as? MediaError))
                    }
                }
                done.resume(returning: (bytes, nil))
            }
        }
    }

    @Test func whatTheServerSaysDecidesWhetherItCanBeSought() async throws {
        let length = HTTPHeader("content-length", "1000"), ranges = HTTPHeader("accept-ranges", "bytes")
        let icy = HTTPHeader("icy-name", "x")
        let range = HTTPHeader("content-range", "bytes 0-999/1000")
        let unknown = HTTPHeader("content-range", "bytes 0-999/*")
        for (status, headers, canSeek, expected, isLive) in [
            (206, [range], true, 1_000, false), (206, [unknown], false, nil, false),
            (200, [length, ranges], true, 1_000, false), (200, [length], false, 1_000, false),
            (200, [], false, nil, false), (200, [icy], false, nil, true), (206, [range, icy], false, nil, true),
        ] as [(Int, [HTTPHeader], Bool, Int64?, Bool)] {
            let web = Web { _, _ in Web.Answer(status: status, headers: headers) }
            let feed = try await Self.connect(web)
            #expect(feed.canSeek == canSeek && feed.length == expected && feed.isLive == isLive, "\(headers)")
            feed.close()
        }
        let live = try await Self.connect(Web { _, _ in Web.Answer(status: 200) }, isLive: true)
        #expect(live.isLive)
        live.close()
    }

    @Test func seekingIsARangeAndHeadersOfItsOwnAreTheHosts() async throws {
        let web = Web { first, _ in Self.part(first) }
        let feed = try await Self.connect(
            web, headers: [HTTPHeader("X-Key", "1"), HTTPHeader("Range", "bytes=5-"), HTTPHeader("Icy-MetaData", "1")])
        try await withCheckedThrowingContinuation { done in
            Thread.detachNewThread { done.resume(with: Result { try feed.seek(to: 150_000) }) }
        }
        let (bytes, error) = await Self.read(feed)
        #expect(error == nil && bytes == Array(Self.content[150_000...]))
        #expect(web.ranges == ["bytes=0-", "bytes=150000-"])
        let names = web.requests.map { request in request.headers.map { $0.name.lowercased() } }
        #expect(names.allSatisfy { $0 == ["x-key", "range", "accept-encoding"] }, "\(names)")
        feed.close()
    }

    @Test func aBrokenConnectionIsMadeAgainAtItsPlace() async throws {
        let clock = Restless()
        // Ended by the server, broken, and refused for a while.
        let web = Web { (first: Int, number: Int) throws(PluginFailure) -> Web.Answer in
            switch number {
            case 1: return Self.part(first, cut: 1_000)
            case 2: throw PluginFailure(code: TB_E_IO, detail: "refused")
            case 3:
                var answer = Self.part(first, cut: 70_000)
                answer.end = .failed(PluginFailure(code: TB_E_IO, detail: "reset"))
                return answer
            default: return Self.part(first)
            }
        }
        let feed = try await Self.connect(web, clock: clock)
        let (bytes, error) = await Self.read(feed)
        #expect(error == nil && bytes == Self.content)
        #expect(web.ranges == ["bytes=0-", "bytes=1000-", "bytes=1000-", "bytes=71000-"])
        #expect(clock.pauses == [.milliseconds(250), .seconds(1), .milliseconds(250)])
        feed.close()
    }

    @Test func threeAttemptsInVainAreEnough() async throws {
        let clock = Restless()
        let web = Web { (first: Int, number: Int) throws(PluginFailure) -> Web.Answer in
            if number == 1 { return Self.part(first, cut: 1_000) }
            throw PluginFailure(code: TB_E_TIMEOUT, detail: "music.example did not answer in time")
        }
        let feed = try await Self.connect(web, clock: clock)
        let (bytes, error) = await Self.read(feed)
        #expect(bytes.count == 1_000)
        #expect(error?.failure == .unreadable && error?.userMessage == "The server of this track does not answer.")
        #expect(clock.pauses == [.milliseconds(250), .seconds(1), .seconds(2)])
        #expect(web.ranges.count == 4)
        feed.close()
    }

    @Test func whatHasChangedOrIsElsewhereIsNotMixed() async throws {
        for other in [Self.part(1_000, total: 1 << 30), Self.part(999), Web.Answer(status: 200, body: Self.content)] {
            let web = Web { first, number in number == 1 ? Self.part(first, cut: 1_000) : other }
            let feed = try await Self.connect(web, clock: Restless())
            let (bytes, error) = await Self.read(feed)
            #expect(bytes.count == 1_000 && error != nil)
            feed.close()
        }
    }

    @Test func aStationGoesOnWithWhatItSaysNow() async throws {
        let web = Web { first, _ in
            Web.Answer(status: 200, headers: [HTTPHeader("icy-name", "x")], body: Array(Self.content.prefix(80_000)))
        }
        let feed = try await Self.connect(web, clock: Restless())
        let (bytes, error) = await Self.read(feed, 200_000)
        #expect(error == nil && Array(bytes[80_000..<160_000]) == Array(Self.content.prefix(80_000)))
        #expect(web.ranges == ["bytes=0-", "bytes=0-", "bytes=0-"])
        feed.close()
    }

    @Test func interruptingGetsItBackFromReadingAndFromPausing() async throws {
        let silent = try await Self.connect(Web { _, _ in Web.Answer(status: 200, end: nil) })
        async let reading = Self.read(silent)
        silent.interrupt()
        #expect(await reading.error != nil)
        silent.close()
        let failing = Web { (first: Int, number: Int) throws(PluginFailure) -> Web.Answer in
            if number == 1 { return Self.part(first, cut: 10) }
            throw PluginFailure(code: TB_E_IO, detail: "refused")
        }
        // A clock that stands still: the pause before the next attempt has no end of its own.
        let feed = try await Self.connect(failing, clock: Standing())
        async let pausing = Self.read(feed)
        feed.interrupt()
        #expect(await pausing.error != nil)
        feed.close()
    }

    private struct Standing: Clock {
        var now: ContinuousClock.Instant { .now }
        var minimumResolution: Duration { .nanoseconds(1) }
        func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
            try await Task.sleep(for: .seconds(3_600))
        }
    }

    @Test(arguments: [
        (403, TB_E_AUTH), (404, TB_E_NOT_FOUND), (503, TB_E_RATE_LIMIT), (500, TB_E_IO), (400, TB_E_UNAVAILABLE),
        (408, TB_E_TIMEOUT),
    ])
    func refusalsHaveWords(_ status: Int, _ code: Int32) async throws {
        let web = Web { _, _ in Web.Answer(status: status) }
        let failure = await #expect(throws: PluginFailure.self) { _ = try await Self.connect(web) }
        #expect(failure?.code == code && failure?.userText.contains("HTTP \(status)") == true)
        #expect(failure?.detail == "https://music.example: HTTP \(status)")
    }
}
