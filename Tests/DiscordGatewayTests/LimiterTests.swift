import DiscordModel
import Testing

@testable import DiscordGateway

@Suite struct LimiterTests {
    @Test func heartbeatsHaveRoomLeft() {
        var limiter = SendLimiter()
        for _ in 0..<115 { #expect(limiter.delay(now: 10) == 0) }
        #expect(limiter.delay(now: 40) == 30)
        for _ in 0..<5 { #expect(limiter.delay(now: 40, heartbeat: true) == 0) }
        #expect(limiter.delay(now: 40, heartbeat: true) == 30)
        #expect(limiter.delay(now: 70) == 0)
    }

    /// However the calls come, no window of 60 s holds more than 120.
    @Test func noWindowIsOverrun() {
        var limiter = SendLimiter()
        var times: [Double] = []
        var now = 0.0
        for index in 0..<2_000 {
            let delay = limiter.delay(now: now, heartbeat: index % 40 == 0)
            if delay > 0 { now += delay } else { times.append(now) }
            now += Double(index % 7) * 0.01
        }
        for (index, time) in times.enumerated() {
            #expect(times[index...].prefix { $0 - time < 60 }.count <= 120)
        }
    }

    private func information(remaining: Int, concurrency: Int) throws -> GatewayInformation {
        try #require(
            GatewayInformation([
                "url": "wss://gateway.test", "shards": 16,
                "session_start_limit": [
                    "total": 1_000, "remaining": .int(Int64(remaining)), "reset_after": 60_000,
                    "max_concurrency": .int(Int64(concurrency)),
                ],
            ]))
    }

    @Test func bucketsIdentifyApart() throws {
        var limiter = IdentifyLimiter(try information(remaining: 100, concurrency: 2), now: 0)
        for shard in 0...1 {
            #expect(limiter.delay(shard: shard, now: 0) == 0)
            limiter.take(shard: shard, now: 0)
        }
        let wait = limiter.delay(shard: 2, now: 1)
        #expect(wait >= 4, "bucket 0 gave two identifies at once")
        #expect(limiter.delay(shard: 2, now: 1 + wait) == 0)
    }

    @Test func theDailyCountIsNeverOverrun() throws {
        var limiter = IdentifyLimiter(try information(remaining: 1, concurrency: 1), now: 0)
        limiter.take(shard: 0, now: 0)
        #expect(limiter.delay(shard: 0, now: 10) == 50)
        #expect(limiter.delay(shard: 0, now: 60) == 0)
    }

    /// A connect that fails comes to no identify.
    @Test func askingUsesUpNothing() throws {
        var limiter = IdentifyLimiter(try information(remaining: 1, concurrency: 1), now: 0)
        for now in 0..<5 { #expect(limiter.delay(shard: 0, now: Double(now)) == 0) }
    }

    @Test(
        arguments: [
            [:], ["url": 5, "shards": 1], ["url": "wss://a", "shards": 0], ["url": "wss://a", "shards": -3], nil,
        ]
            as [JSONValue])
    func gatewayAnswersThatCannotBe(_ value: JSONValue) { #expect(GatewayInformation(value) == nil) }
}
