import DiscordModel
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing
import WebSocketClient

@testable import DiscordGateway

/// A gateway connection in memory: the test plays Discord.
private final class MemorySocket: WebSocketTransport {
    let url: String
    let events: AsyncStream<WebSocketEvent>
    private let source: AsyncStream<WebSocketEvent>.Continuation
    private let outbox = Mailbox<JSONValue>(mark: .max)

    init(_ url: String) {
        self.url = url
        (events, source) = AsyncStream.makeStream()
    }

    func send(_ message: WebSocketMessage) async throws {
        guard case .text(let text) = message else { return }
        outbox.push(try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)))
    }
    func close(code: UInt16) async { end(nil) }
    func abort() { end(nil) }

    func end(_ code: UInt16?) {
        source.yield(.closed(code: code, reason: ""))
        source.finish()
    }

    func say(_ text: String) { source.yield(.message(.text(text))) }
    func say(_ bytes: [UInt8]) { source.yield(.message(.binary(bytes))) }
    func hello() { say(#"{"op":10,"d":{"heartbeat_interval":600000}}"#) }
    func ready() {
        say(#"{"op":0,"t":"READY","s":1,"d":{"session_id":"abc","resume_gateway_url":"wss://resume.test"}}"#)
    }

    /// The next payload that the shard sent and that is no heartbeat.
    func received() async -> JSONValue? {
        while let payload = await outbox.next() { if payload["op"] != 1 { return payload } }
        return nil
    }
}

/// Its time runs by itself, and jumps over a sleep that is short enough to be a reconnect's.
private final class TestClock: Clock {
    typealias Instant = ContinuousClock.Instant
    private let skips: Range<Duration>
    private let skipped = Mutex(Duration.zero)

    init(skips: Range<Duration>) { self.skips = skips }

    var now: Instant { ContinuousClock.now + skipped.withLock { $0 } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        let wait = now.duration(to: deadline)
        guard skips.contains(wait) else { return try await ContinuousClock().sleep(for: wait) }
        skipped.withLock { $0 += wait }
        await Task.yield()
    }
}

private struct Information: GatewayInformationSource {
    var remaining: Int64 = 900

    func gatewayInformation() async throws -> GatewayInformation {
        let limit: JSONValue = [
            "total": 1_000, "remaining": .int(remaining), "reset_after": 86_400_000, "max_concurrency": 1,
        ]
        guard let made = GatewayInformation(["url": "wss://gateway.test", "shards": 1, "session_start_limit": limit])
        else { throw CancellationError() }
        return made
    }
}

/// No jitter: the middle of every range.
private struct Middle: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max / 2 }
}

private struct Bench {
    let shard: GatewayShard
    let sockets = Mailbox<MemorySocket>(mark: .max)
    let task: Task<Void, any Error>

    init(
        _ compression: GatewayCompression = .none, skips: Range<Duration> = .zero..<(.seconds(8)),
        clock: (any Clock<Duration>)? = nil
    ) {
        let configuration = GatewayConfiguration(token: "secret", compression: compression)
        let shard = GatewayShard(
            configuration, information: Information(), logger: Logger(label: "test"),
            clock: clock ?? TestClock(skips: skips), random: Middle()
        ) { [sockets] options in
            let socket = MemorySocket(options.url)
            sockets.push(socket)
            return socket
        }
        self.shard = shard
        task = Task { try await shard.run() }
    }

    func socket() async throws -> MemorySocket { try #require(await sockets.next()) }

    /// Hello, identify, READY.
    func running() async throws -> MemorySocket {
        let socket = try await socket()
        socket.hello()
        #expect(await socket.received()?["op"] == 2)
        socket.ready()
        return socket
    }

    func end() async {
        task.cancel()
        await shard.stop()
        _ = await task.result
    }
}

@Suite(.timeLimit(.minutes(5))) struct GatewayShardTests {
    @Test func resumesAtTheGivenAddressAndKeepsTheOrder() async throws {
        let bench = Bench()
        let first = try await bench.running()
        #expect(first.url == "wss://gateway.test/?v=10&encoding=json")
        first.say(#"{"op":0,"t":"A","s":2,"d":{}}"#)
        first.end(nil)
        let second = try await bench.socket()
        #expect(second.url.hasPrefix("wss://resume.test/?v=10"))
        second.hello()
        let resume = await second.received()
        #expect(resume?["op"] == 6 && resume?["d"]?["seq"] == 2)
        second.say(#"{"op":0,"t":"B","s":3,"d":{}}"#)
        second.say(#"{"op":0,"t":"RESUMED","s":4,"d":{}}"#)
        var names: [String] = []
        for await event in bench.shard.events {
            names.append(event.name)
            if event.name == "RESUMED" { break }
        }
        #expect(names == ["READY", "A", "B", "RESUMED"])
        await bench.end()
    }

    /// A join that is asked for while there is no session must not be lost, nor be sent before READY.
    @Test func voiceUpdatesWaitForASession() async throws {
        let bench = Bench()
        await bench.shard.updateVoiceState(guild: 1, channel: 10)
        let first = try await bench.running()
        #expect(await first.received()?["d"]?["channel_id"] == "10")
        first.end(nil)
        let second = try await bench.socket()
        await bench.shard.updateVoiceState(guild: 1, channel: 11)
        await bench.shard.updateVoiceState(guild: 1, channel: nil)
        second.hello()
        #expect(await second.received()?["op"] == 6)
        second.say(#"{"op":0,"t":"RESUMED","s":2,"d":{}}"#)
        #expect(await second.received()?["d"]?["channel_id"] == .null, "the leave takes the join's place")
        await bench.end()
    }

    /// What waits longest is not lost where the connection drops meanwhile, and is told of only when it is out.
    @Test func whatWaitsForTheSendLimitGoesOutOnTheNextConnection() async throws {
        let clock = ManualClock(), bench = Bench(clock: clock)
        let first = try await bench.running()
        let sent = Mutex(0)
        // The identify took one of the places.
        for guild in UInt64(1)...115 {
            await bench.shard.updateVoiceState(guild: Snowflake(rawValue: guild), channel: 10) {
                sent.withLock { $0 += 1 }
            }
        }
        for _ in 1...114 { #expect(await first.received()?["op"] == 4) }
        while !clock.hasSleeper(within: .seconds(60)) { await Task.yield() }
        #expect(sent.withLock { $0 } == 114)
        first.end(nil)
        while !clock.hasSleeper(within: .seconds(1)) { await Task.yield() }
        #expect(await bench.shard.standingSession == nil)
        clock.advance(by: .seconds(1))
        let second = try await bench.socket()
        second.hello()
        #expect(await second.received()?["op"] == 6)
        second.say(#"{"op":0,"t":"RESUMED","s":2,"d":{}}"#)
        for await event in bench.shard.events where event.name == "RESUMED" { break }
        #expect(await bench.shard.standingSession == 2)
        // The task that sends sleeps still, for the first connection's limit.
        clock.advance(by: .seconds(60))
        #expect(await second.received()?["d"]?["guild_id"] == "115")
        while sent.withLock({ $0 }) < 115 { await Task.yield() }
        await bench.end()
    }

    /// Hosts that do not answer must not use up the identifies of the day.
    @Test func failedConnectsUseUpNoIdentify() async throws {
        let fails = Mutex(5), sockets = Mailbox<MemorySocket>(mark: .max)
        let shard = GatewayShard(
            GatewayConfiguration(token: "secret", compression: .none), information: Information(remaining: 1),
            logger: Logger(label: "test"), clock: TestClock(skips: .zero..<(.seconds(60)))
        ) { options in
            let isUp = fails.withLock { left in
                left -= 1
                return left < 0
            }
            guard isUp else { throw WebSocketError.timeout }
            let socket = MemorySocket(options.url)
            sockets.push(socket)
            return socket
        }
        let task = Task { try await shard.run() }
        let socket = try #require(await sockets.next())
        socket.hello()
        #expect(await socket.received()?["op"] == 2)
        task.cancel()
        await shard.stop()
        _ = await task.result
    }

    @Test func aServerWithoutHelloIsGivenUp() async throws {
        let bench = Bench(skips: .zero..<(.seconds(30)))
        _ = try await bench.socket()
        let second = try await bench.socket()
        #expect(second.url.hasPrefix("wss://gateway.test"))
        await bench.end()
    }

    @Test(arguments: ["{", "", "[1,2", #"{"op":"x"}"#, "\u{0}"]) func malformedText(_ text: String) async throws {
        let bench = Bench()
        let first = try await bench.running()
        first.say(text)
        let second = try await bench.socket()
        second.hello()
        #expect(await second.received()?["op"] == 6)
        await bench.end()
    }

    @Test(arguments: [GatewayCompression.zlibStream, .zstdStream])
    func compressedTrafficAndCorruptStream(_ kind: GatewayCompression) async throws {
        let bench = Bench(kind)
        var deflater = Deflater(kind)
        let first = try await bench.socket()
        #expect(first.url.hasSuffix("&compress=\(kind.rawValue)"))
        first.say(deflater.message(Array(#"{"op":10,"d":{"heartbeat_interval":600000}}"#.utf8)))
        #expect(await first.received()?["op"] == 2)
        first.say(deflater.message(Array(#"{"op":0,"t":"READY","s":1,"d":{"session_id":"abc"}}"#.utf8)))
        first.say([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0xFF, 0xFF])
        deflater = Deflater(kind)
        let second = try await bench.socket()
        second.say(deflater.message(Array(#"{"op":10,"d":{"heartbeat_interval":600000}}"#.utf8)))
        #expect(await second.received()?["op"] == 6)
        await bench.end()
    }

    @Test func refusedTokenEndsTheRun() async throws {
        let bench = Bench()
        let socket = try await bench.socket()
        socket.hello()
        socket.end(4004)
        let error = await #expect(throws: GatewayStopped.self) { try await bench.task.value }
        #expect(error?.message.contains("DISCORD_TOKEN") == true)
        #expect(error?.closeCode == 4004 && error?.refusesToken == true)
    }

    @Test func anotherEndIsNotTheToken() async throws {
        let bench = Bench()
        let socket = try await bench.socket()
        socket.hello()
        socket.end(4014)
        let error = await #expect(throws: GatewayStopped.self) { try await bench.task.value }
        #expect(error?.closeCode == 4014 && error?.refusesToken == false)
    }

    /// Before there is a gateway to close, REST may say it.
    @Test func aSourceThatSaysStopEndsTheRun() async throws {
        struct Refusing: GatewayInformationSource {
            func gatewayInformation() async throws -> GatewayInformation {
                throw GatewayStopped(message: "refused", refusesToken: true)
            }
        }
        let shard = GatewayShard(
            GatewayConfiguration(token: "secret"), information: Refusing(), logger: Logger(label: "test"))
        let error = await #expect(throws: GatewayStopped.self) { try await shard.run() }
        #expect(error?.refusesToken == true && error?.closeCode == nil)
    }
}
