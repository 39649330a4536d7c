import CZlib
import CZstd
import Testing

@testable import DiscordGateway

@Suite struct InflateTests {
    private let messages = (0..<40).map { index in
        Array("{\"op\":0,\"s\":\(index),\"d\":\"\(String(repeating: "music ", count: index * 7))\"}".utf8)
    }

    /// The server's side, with the real libraries: one stream, flushed after each message.
    private func zlib(_ messages: [[UInt8]]) -> [[UInt8]] {
        var stream = z_stream()
        deflateInit_(&stream, 6, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        defer { deflateEnd(&stream) }
        return messages.map { message in
            var input = message, output = [UInt8](repeating: 0, count: message.count + 1_000)
            let count = input.withUnsafeMutableBufferPointer { source in
                output.withUnsafeMutableBufferPointer { target -> Int in
                    stream.next_in = source.baseAddress
                    stream.avail_in = UInt32(source.count)
                    stream.next_out = target.baseAddress
                    stream.avail_out = UInt32(target.count)
                    deflate(&stream, Z_SYNC_FLUSH)
                    return target.count - Int(stream.avail_out)
                }
            }
            return Array(output.prefix(count))
        }
    }

    private func zstd(_ messages: [[UInt8]]) -> [[UInt8]] {
        let stream = ZSTD_createCStream()
        defer { ZSTD_freeCStream(stream) }
        return messages.map { message in
            var output = [UInt8](repeating: 0, count: message.count + 1_000)
            let count = message.withUnsafeBytes { source in
                output.withUnsafeMutableBytes { target -> Int in
                    var from = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
                    var to = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    ZSTD_compressStream2(stream, &to, &from, ZSTD_e_flush)
                    return to.pos
                }
            }
            return Array(output.prefix(count))
        }
    }

    private func compressed(_ kind: GatewayCompression) -> [[UInt8]] {
        switch kind {
        case .zlibStream: zlib(messages)
        case .zstdStream: zstd(messages)
        case .none: messages
        }
    }

    @Test(arguments: GatewayCompression.allCases) func wholeMessages(kind: GatewayCompression) throws {
        let inflater = try #require(Inflater(kind))
        for (packed, plain) in zip(compressed(kind), messages) { #expect(try inflater.push(packed) == plain) }
    }

    @Test func zlibByteByByte() throws {
        let inflater = try #require(Inflater(.zlibStream))
        for (packed, plain) in zip(zlib(messages), messages) {
            var got: [UInt8]?
            for byte in packed { got = try inflater.push([byte]) ?? got }
            #expect(got == plain)
        }
    }

    @Test(arguments: [GatewayCompression.zlibStream, .zstdStream]) func garbageIsAnError(kind: GatewayCompression) throws {
        let inflater = try #require(Inflater(kind))
        #expect(throws: InflateError.corrupt) { try inflater.push([1, 2, 3, 4, 5, 0, 0, 0xFF, 0xFF]) }
    }

    @Test(arguments: [GatewayCompression.zlibStream, .zstdStream]) func bombsAreRefused(kind: GatewayCompression) throws {
        let bomb = [[UInt8](repeating: 65, count: 4 << 20)]
        let packed = kind == .zlibStream ? zlib(bomb) : zstd(bomb)
        #expect(packed[0].count < 50_000)
        let inflater = try #require(Inflater(kind, limit: 1 << 20))
        #expect(throws: InflateError.tooLarge) { try inflater.push(packed[0]) }
    }
}

@Suite struct LimiterTests {
    @Test func sendsStayWithinTheWindowAndLeaveRoomForHeartbeats() {
        var limiter = SendLimiter()
        for _ in 0..<115 { #expect(limiter.delay(now: 10) == 0) }
        #expect(limiter.delay(now: 10) > 0)
        for _ in 0..<5 { #expect(limiter.delay(now: 10, heartbeat: true) == 0) }
        #expect(limiter.delay(now: 10, heartbeat: true) == 60)
        #expect(limiter.delay(now: 70) == 0)
    }

    @Test func identifiesAreSpacedByBucketAndNeverPassTheDailyCount() throws {
        let information = try #require(
            GatewayInformation([
                "url": "wss://x", "shards": 4,
                "session_start_limit": ["total": 1000, "remaining": 3, "reset_after": 60_000, "max_concurrency": 2],
            ]))
        var limiter = IdentifyLimiter(information, now: 0)
        #expect(limiter.ask(shard: 0, now: 0) == .go)
        #expect(limiter.ask(shard: 1, now: 0) == .go, "another bucket")
        #expect(limiter.ask(shard: 2, now: 0) == .wait(seconds: 5.5))
        #expect(limiter.ask(shard: 2, now: 6) == .go)
        #expect(limiter.ask(shard: 3, now: 12) == .wait(seconds: 48), "the daily count is used up")
        #expect(limiter.ask(shard: 3, now: 61) == .go)
    }

    @Test func nonsenseAboutTheGatewayIsRefused() {
        #expect(GatewayInformation([:]) == nil)
        #expect(GatewayInformation(["url": "wss://x", "shards": -1]) == nil)
    }
}
