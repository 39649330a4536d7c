import NIOCore
import NIOPosix
import WebSocketClient

/// Accepts TCP connections and answers the first bytes of each with fixed bytes, or never says a word.
final class StubListener: Sendable {
    private let channel: any Channel
    private let arrivals: Mailbox<Void>

    private init(_ channel: any Channel, _ arrivals: Mailbox<Void>) {
        self.channel = channel
        self.arrivals = arrivals
    }

    static func start(answer: String? = nil) async throws -> StubListener {
        let arrivals = Mailbox<Void>(mark: .max)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                arrivals.push(())
                return channel.eventLoop.makeCompletedFuture {
                    guard let answer else { return }
                    try channel.pipeline.syncOperations.addHandler(Answer(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return StubListener(channel, arrivals)
    }

    var url: String { "ws://127.0.0.1:\(channel.localAddress?.port ?? 0)/" }

    /// Returns once a connection has come that was not waited for before.
    func accepted() async { _ = await arrivals.next() }
    func stop() async { try? await channel.close() }
}

private final class Answer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private var text: String?

    init(_ text: String) { self.text = text }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let text else { return }
        self.text = nil
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}
