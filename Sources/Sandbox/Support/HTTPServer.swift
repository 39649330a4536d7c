import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// Answers HTTP requests and upgrades WebSockets on one loopback port.
struct HTTPServer: Sendable {
    /// Largest request body: Discord's 10 MB of attachments, ten of them, with room for the form around them.
    static let maximumBody = 26 << 20

    var respond: @Sendable (SandboxRequest) async -> SandboxResponse
    /// Nil refuses the upgrade.
    var acceptSocket: @Sendable (SocketRequest) -> Bool
    var serveSocket: @Sendable (SocketRequest, SocketHandle, AsyncStream<SocketEvent>) async -> Void

    func bind(port: Int, tls: NIOSSLContext? = nil, on group: any EventLoopGroup) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try configure(channel)
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
    }

    private func configure(_ channel: any Channel) throws {
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 20,
            shouldUpgrade: { channel, head in
                let accepted = acceptSocket(SocketRequest(head))
                return channel.eventLoop.makeSucceededFuture(accepted ? HTTPHeaders() : nil)
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture { try addSocketHandlers(to: channel, SocketRequest(head)) }
            })
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in context.pipeline.removeHandler(name: "requests", promise: nil) }
            ))
        try channel.pipeline.syncOperations.addHandler(HTTPRequestHandler(respond: respond), name: "requests")
    }

    private func addSocketHandlers(to channel: any Channel, _ request: SocketRequest) throws {
        let (events, sink) = AsyncStream.makeStream(of: SocketEvent.self, bufferingPolicy: .bufferingOldest(4096))
        try channel.pipeline.syncOperations.addHandlers([
            NIOWebSocketFrameAggregator(
                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 64, maxAccumulatedFrameSize: 1 << 20),
            SocketHandler(sink: sink),
        ])
        let serve = serveSocket
        let handle = SocketHandle(channel: channel)
        Task { await serve(request, handle, events) }
    }
}

/// Collects a request, asks, and writes the answer.
final class HTTPRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let respond: @Sendable (SandboxRequest) async -> SandboxResponse
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var tooLarge = false

    init(respond: @escaping @Sendable (SandboxRequest) async -> SandboxResponse) { self.respond = respond }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            tooLarge = false
        case .body(let buffer):
            tooLarge = tooLarge || body.count + buffer.readableBytes > HTTPServer.maximumBody
            if !tooLarge { body += buffer.readableBytesView }
        case .end:
            guard let head else { return }
            let target = RequestTarget.parse(head.uri)
            let request = SandboxRequest(
                method: head.method.rawValue, path: target.path, query: target.query, headers: head.headers, body: body)
            body = []
            let writer = HTTPResponseWriter(channel: context.channel, keepAlive: head.isKeepAlive)
            let (respond, refused) = (respond, tooLarge)
            Task {
                let response = refused ? .error(413, 40005, "Request entity too large") : await respond(request)
                await writer.write(response)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

struct HTTPResponseWriter: Sendable {
    let channel: any Channel
    let keepAlive: Bool

    func write(_ response: SandboxResponse) async {
        switch response {
        case .json(let status, let value, let headers):
            send(status, "application/json", JSONText.encode(value), headers)
        case .empty(let status, let headers): send(status, nil, [], headers)
        case .bytes(let status, let type, let bytes): send(status, type, bytes, ["Cache-Control": "no-store"])
        case .stream(let type, let start):
            let headers: HTTPHeaders = [
                "Content-Type": type, "Cache-Control": "no-store", "Transfer-Encoding": "chunked",
            ]
            part(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)))
            await start(StreamSink(channel: channel))
        case .reset: SocketHandle(channel: channel).reset()
        }
    }

    private func send(_ status: Int, _ type: String?, _ bytes: [UInt8], _ extra: [String: String]) {
        var headers = HTTPHeaders(extra.map { ($0, $1) })
        if let type { headers.add(name: "Content-Type", value: type) }
        if status != 204 { headers.add(name: "Content-Length", value: String(bytes.count)) }
        if !keepAlive { headers.add(name: "Connection", value: "close") }
        part(
            .head(HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers))
        )
        if !bytes.isEmpty { part(.body(.byteBuffer(ByteBuffer(bytes: bytes)))) }
        let end = channel.writeAndFlush(HTTPServerResponsePart.end(nil))
        if !keepAlive { end.whenComplete { [channel] _ in channel.close(promise: nil) } }
    }

    private func part(_ part: HTTPServerResponsePart) { channel.writeAndFlush(part, promise: nil) }
}
