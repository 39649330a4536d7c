import DiscordModel
import NIOCore
import NIOPosix
import NIOWebSocket
import Synchronization
import Testing

@testable import Sandbox

/// When a bot may log in, and when it has to do so anew.
@Suite("Limits of the gateway")
struct GatewayLimitTests {
    /// A bot's connection without a wire: what the sandbox sends is kept.
    private struct Client {
        private final class Wire: ChannelOutboundHandler, Sendable {
            typealias OutboundIn = WebSocketFrame

            let frames = Mutex<[WebSocketFrame]>([])

            func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
                let frame = unwrapOutboundIn(data)
                frames.withLock { $0.append(frame) }
                promise?.succeed()
            }
        }

        private let channel: any Channel
        private let wire = Wire()
        private let world: SandboxWorld
        private let id: Snowflake

        init(_ town: Town) async throws {
            let wire = wire
            channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { $0.pipeline.addHandler(wire) }
                .bind(host: "127.0.0.1", port: 0).get()
            world = town.world
            let request = SocketRequest(.init(version: .http1_1, method: .GET, uri: "/?v=10"))
            id = try #require(await world.openGateway(request, SocketHandle(channel: channel)))
        }

        func send(_ op: Int64, _ data: JSONValue) async {
            await world.receiveGateway(JSONText.encode(["op": .int(op), "d": data]), from: id)
        }

        func identify(_ town: Town) async { await send(2, ["token": .string(town.token), "intents": 1]) }

        private func frames() async throws -> [WebSocketFrame] {
            // What was sent before is written before this runs.
            try await channel.eventLoop.submit {}.get()
            return wire.frames.withLock { $0 }
        }

        var opcodes: [Int64] {
            get async throws {
                try await frames().filter { $0.opcode == .text }.compactMap {
                    JSONText.decode(Array($0.unmaskedData.readableBytesView))?["op"]?.int
                }
            }
        }

        /// Nil where it is open.
        var closeCode: UInt16? {
            get async throws {
                try await frames().first { $0.opcode == .connectionClose }.flatMap {
                    $0.unmaskedData.getInteger(at: $0.unmaskedData.readerIndex)
                }
            }
        }
    }

    private func open(_ clock: ManualClock) async throws -> Town {
        try await Town.open(clock: { clock.now }, adjust: { $0.identifySpacing = 5 })
    }

    @Test func oneIdentifyInFiveSeconds() async throws {
        let clock = ManualClock(), town = try await open(clock)
        func remaining() async -> Int64? {
            await town.rest("GET", "/gateway/bot").body["session_start_limit"]?["remaining"]?.int
        }
        #expect(await remaining() == 1000)
        let first = try await Client(town), second = try await Client(town), third = try await Client(town)
        await first.identify(town)
        clock.advance(4.9)
        await second.identify(town)
        clock.advance(0.1)
        await third.identify(town)
        // Hello, and then READY with the server, or that the session is invalid.
        #expect(try await first.opcodes == [10, 0, 0])
        #expect(try await second.opcodes == [10, 9])
        #expect(try await third.opcodes == [10, 0, 0])
        #expect(await remaining() == 997)
        await town.close()
    }

    @Test func shardsOfOneBotWaitForEachOther() {
        var limits = IdentifyLimits()
        let bot = Snowflake(rawValue: 1), other = Snowflake(rawValue: 2)
        let taken = [(bot, 0, 0.0), (bot, 1, 1), (other, 0, 1), (bot, 1, 5)].map { bot, shard, now in
            limits.take(bot, shard: shard, now: now, spacing: 5)
        }
        #expect(taken == [true, false, true, true])
        #expect(limits.remaining(of: bot) == 997 && limits.remaining(of: other) == 999)
    }

    @Test func aSessionThatTimedOutCannotBeResumed() async throws {
        let clock = ManualClock(), town = try await open(clock)
        let client = try await Client(town)
        await client.identify(town)
        #expect(await town.world.sessions.count == 1)
        clock.advance(100)
        await town.world.tick()
        #expect(try await client.closeCode == 4009)
        #expect(await town.world.sessions.isEmpty)
        await town.close()
    }

    @Test func norOneThatWasAskedForWhatNeverCame() async throws {
        let clock = ManualClock(), town = try await open(clock)
        await (try Client(town)).identify(town)
        let session = try #require(await town.world.sessions.keys.first)
        let client = try await Client(town)
        await client.send(6, ["token": .string(town.token), "session_id": .string(session), "seq": 99])
        #expect(try await client.closeCode == 4007)
        #expect(await town.world.sessions.isEmpty)
        await town.close()
    }
}
