import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import WebSocketClient

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A WebSocket server on loopback that does what a test's script says, also what no honest server would do.
final class WebSocketTestServer: Sendable {
    typealias Script = @Sendable (ServerPeer) async throws -> Void

    private let channel: any Channel
    private let isSecure: Bool
    var port: Int { channel.localAddress?.port ?? 0 }

    private init(_ channel: any Channel, isSecure: Bool) {
        self.channel = channel
        self.isSecure = isSecure
    }

    func url(_ path: String = "/", host: String = "127.0.0.1") -> String {
        "\(isSecure ? "wss" : "ws")://\(host):\(port)\(path)"
    }

    func stop() async { try? await channel.close() }

    /// The script runs once per connection, in a task of its own; when it returns the connection is closed.
    static func start(tls: NIOSSLContext? = nil, script: @escaping Script) async throws -> WebSocketTestServer {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try configure(channel, script)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return WebSocketTestServer(channel, isSecure: tls != nil)
    }

    private static func configure(_ channel: any Channel, _ script: @escaping Script) throws {
        let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
            maxFrameSize: 64 << 20,
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    let peer = ServerPeer(channel: channel, head: head)
                    try channel.pipeline.syncOperations.addHandler(FrameCollector(peer.inbox))
                    Task {
                        try? await script(peer)
                        try? await channel.close()
                    }
                }
            })
        let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Void>(
            upgraders: [upgrader],
            notUpgradingCompletionHandler: { $0.close() })
        _ = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
            configuration: .init(upgradeConfiguration: upgrade))
    }
}

/// The server's end of one connection.
final class ServerPeer: Sendable {
    let channel: any Channel
    let head: HTTPRequestHead
    fileprivate let inbox = Mailbox<WebSocketFrame>(mark: .max)

    init(channel: any Channel, head: HTTPRequestHead) {
        self.channel = channel
        self.head = head
    }

    /// The next frame of the client, as it was on the wire; nil at the end.
    func frame() async -> WebSocketFrame? { await inbox.next() }

    /// The next text message that is not a control frame; nil at the end.
    func text() async -> String? {
        while let frame = await frame() {
            if frame.opcode == .text { return String(buffer: frame.unmaskedData) }
        }
        return nil
    }

    func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer, fin: Bool = true, mask: WebSocketMaskingKey? = nil)
        async throws
    {
        try await channel.writeAndFlush(WebSocketFrame(fin: fin, opcode: opcode, maskKey: mask, data: data))
    }

    func send(_ text: String) async throws { try await send(.text, ByteBuffer(string: text)) }
    func send(_ bytes: [UInt8]) async throws { try await send(.binary, ByteBuffer(bytes: bytes)) }

    func close(_ code: UInt16, _ reason: String = "") async throws {
        var data = ByteBuffer()
        data.writeInteger(code)
        data.writeString(reason)
        try await send(.connectionClose, data)
    }

    /// Drops the connection with a TCP reset.
    func reset() async throws {
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close()
    }
}

private final class FrameCollector: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    private let inbox: Mailbox<WebSocketFrame>

    init(_ inbox: Mailbox<WebSocketFrame>) { self.inbox = inbox }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { inbox.push(unwrapInboundIn(data)) }
    func channelInactive(context: ChannelHandlerContext) { inbox.finish() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
