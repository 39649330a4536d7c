import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// An RFC 6455 client connection over TCP or TLS.
public final class WebSocketConnection: WebSocketTransport {
    public let events: AsyncStream<WebSocketEvent>
    private let channel: any Channel

    private init(channel: any Channel, events: AsyncStream<WebSocketEvent>) {
        self.channel = channel
        self.events = events
    }

    deinit { channel.close(promise: nil) }

    /// Connects, upgrades and returns; throws `WebSocketError`.
    public static func connect(
        _ configuration: WebSocketConfiguration,
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws(WebSocketError) -> WebSocketConnection {
        guard let address = WebSocketAddress(configuration.url) else { throw .badURL }
        let tls: NIOSSLContext?
        do {
            tls = address.secure ? try tlsContext(configuration.trustedCAFile) : nil
        } catch {
            throw .refused("trusted roots cannot be read")
        }
        let (events, sink) = AsyncStream.makeStream(
            of: WebSocketEvent.self, bufferingPolicy: .bufferingOldest(configuration.maximumWaitingMessages))
        let loop = group.next()
        let upgraded = loop.makePromise(of: Void.self)
        let seconds = configuration.connectTimeout.components.seconds
        let timeout = loop.scheduleTask(in: .seconds(max(1, seconds))) { upgraded.fail(WebSocketError.timeout) }
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(.seconds(max(1, seconds)))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: sniName(address.host))
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try addUpgrade(to: channel, address, configuration, sink: sink, upgraded: upgraded)
                }
            }
        do {
            let channel = try await bootstrap.connect(host: address.host, port: address.port).get()
            channel.closeFuture.whenComplete { _ in upgraded.fail(WebSocketError.refused("the server closed the connection")) }
            do {
                try await upgraded.futureResult.get()
            } catch {
                channel.close(promise: nil)
                throw error
            }
            timeout.cancel()
            return WebSocketConnection(channel: channel, events: events)
        } catch {
            timeout.cancel()
            upgraded.fail(WebSocketError.timeout)
            throw error as? WebSocketError ?? .refused("\(error)")
        }
    }

    private static func tlsContext(_ caFile: String?) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let caFile { configuration.additionalTrustRoots = [.file(caFile)] }
        return try NIOSSLContext(configuration: configuration)
    }

    /// Addresses have no server name; only names may be sent as SNI.
    private static func sniName(_ host: String) -> String? {
        (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }

    private static func addUpgrade(
        to channel: any Channel, _ address: WebSocketAddress, _ configuration: WebSocketConfiguration,
        sink: AsyncStream<WebSocketEvent>.Continuation, upgraded: EventLoopPromise<Void>
    ) throws {
        let upgrader = NIOWebSocketClientUpgrader(
            maxFrameSize: configuration.maximumMessageSize, automaticErrorHandling: true
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers([
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024,
                        maxAccumulatedFrameSize: configuration.maximumMessageSize),
                    WebSocketHandler(sink: sink),
                ])
                upgraded.succeed()
            }
        }
        let starter = UpgradeStarter(address: address, headers: configuration.headers, failed: upgraded)
        let remove: NIOHTTPClientUpgradeSendableConfiguration = (
            upgraders: [upgrader],
            completionHandler: { context in context.pipeline.syncOperations.removeHandler(name: "starter", promise: nil) }
        )
        try channel.pipeline.syncOperations.addHTTPClientHandlers(
            leftOverBytesStrategy: .forwardBytes, withClientUpgrade: remove)
        try channel.pipeline.syncOperations.addHandler(starter, name: "starter")
    }

    // MARK: Sending

    public func send(_ message: WebSocketMessage) async throws {
        let frame: WebSocketFrame
        switch message {
        case .text(let text):
            frame = WebSocketFrame(
                fin: true, opcode: .text, maskKey: .random(), data: channel.allocator.buffer(string: text))
        case .binary(let bytes):
            frame = WebSocketFrame(
                fin: true, opcode: .binary, maskKey: .random(), data: channel.allocator.buffer(bytes: bytes))
        }
        do {
            try await channel.writeAndFlush(frame).get()
        } catch {
            throw WebSocketError.closed
        }
    }

    public func close(code: UInt16) async {
        var data = channel.allocator.buffer(capacity: 2)
        data.write(webSocketErrorCode: WebSocketErrorCode(codeNumber: Int(code)))
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: data)
        try? await channel.writeAndFlush(frame).get()
        try? await channel.close().get()
    }

    public func abort() { channel.close(promise: nil) }
}

/// Sends the upgrade request once TCP (and TLS) stand, and turns a refusal into an error.
private final class UpgradeStarter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let address: WebSocketAddress
    private let headers: [(name: String, value: String)]
    private let failed: EventLoopPromise<Void>

    init(address: WebSocketAddress, headers: [(name: String, value: String)], failed: EventLoopPromise<Void>) {
        self.address = address
        self.headers = headers
        self.failed = failed
    }

    func channelActive(context: ChannelHandlerContext) {
        var fields = HTTPHeaders(headers.map { ($0.name, $0.value) })
        fields.replaceOrAdd(name: "Host", value: "\(address.host):\(address.port)")
        fields.replaceOrAdd(name: "Content-Length", value: "0")
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: address.path, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            failed.fail(WebSocketError.refused("the server answered \(head.status.code)"))
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failed.fail(WebSocketError.refused("\(error)"))
        context.close(promise: nil)
    }
}

/// Frames to events. Ends the stream with exactly one `closed`.
private final class WebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let sink: AsyncStream<WebSocketEvent>.Continuation
    private var ended = false

    init(sink: AsyncStream<WebSocketEvent>.Continuation) { self.sink = sink }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard frame.maskKey == nil else { return fail(context, "masked frame from a server") }
        var payload = frame.data
        switch frame.opcode {
        case .text:
            guard let text = String(validating: payload.readableBytesView, as: UTF8.self) else {
                return fail(context, "text is not UTF-8")
            }
            deliver(context, .text(text))
        case .binary: deliver(context, .binary(Array(payload.readableBytesView)))
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.data)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            let code = payload.readInteger(as: UInt16.self)
            let reason = payload.readString(length: payload.readableBytes) ?? ""
            end(.closed(code: code, reason: String(reason.prefix(200))))
            let reply = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: frame.data)
            context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
            context.close(promise: nil)
        default: break
        }
    }

    private func deliver(_ context: ChannelHandlerContext, _ message: WebSocketMessage) {
        guard !ended else { return }
        if case .dropped = sink.yield(.message(message)) { fail(context, "messages are not read fast enough") }
    }

    private func fail(_ context: ChannelHandlerContext, _ reason: String) {
        end(.closed(code: nil, reason: reason))
        context.close(promise: nil)
    }

    private func end(_ event: WebSocketEvent) {
        guard !ended else { return }
        ended = true
        sink.yield(event)
        sink.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(context, "\(error)") }

    func channelInactive(context: ChannelHandlerContext) {
        end(.closed(code: nil, reason: "the connection was lost"))
        context.fireChannelInactive()
    }
}
