import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

/// An RFC 6455 client connection over TCP or TLS.
public final class WebSocketConnection: WebSocketTransport {
    public let events: AsyncStream<WebSocketEvent>
    private let channel: any Channel

    private let sendTimeout: Duration

    private init(channel: any Channel, mailbox: Mailbox<WebSocketEvent>, sendTimeout: Duration) {
        self.channel = channel
        self.sendTimeout = sendTimeout
        events = AsyncStream(unfolding: { await mailbox.next() })
    }

    deinit { abort() }

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
        let mailbox = Mailbox<WebSocketEvent>(mark: configuration.inboundBufferSize)
        let loop = group.next()
        let upgraded = loop.makePromise(of: Void.self)
        let limit = TimeAmount(configuration.connectTimeout)
        let timeout = loop.scheduleTask(in: limit) { upgraded.fail(WebSocketError.timeout) }
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(limit)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: sniName(address.host))
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try addUpgrade(to: channel, address, configuration, mailbox, upgraded: upgraded)
                }
            }
        do {
            let channel = try await bootstrap.connect(host: address.host, port: address.port).get()
            channel.closeFuture.whenComplete { _ in
                upgraded.fail(WebSocketError.refused("the server closed the connection"))
            }
            do {
                try await upgraded.futureResult.get()
            } catch {
                channel.close(promise: nil)
                throw error
            }
            timeout.cancel()
            return WebSocketConnection(channel: channel, mailbox: mailbox, sendTimeout: configuration.sendTimeout)
        } catch {
            timeout.cancel()
            upgraded.fail(WebSocketError.timeout)
            throw error as? WebSocketError ?? .refused("\(error)")
        }
    }

    /// By CA file, made once: each holds all the system's roots, too much to have per connection.
    private static let tlsContexts = Mutex<[String: NIOSSLContext]>([:])

    private static func tlsContext(_ caFile: String?) throws -> NIOSSLContext {
        if let known = tlsContexts.withLock({ $0[caFile ?? ""] }) { return known }
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let caFile { configuration.additionalTrustRoots = [.file(caFile)] }
        let made = try NIOSSLContext(configuration: configuration)
        tlsContexts.withLock { $0[caFile ?? ""] = made }
        return made
    }

    /// Addresses have no server name; only names may be sent as SNI.
    private static func sniName(_ host: String) -> String? {
        (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }

    private static func addUpgrade(
        to channel: any Channel, _ address: WebSocketAddress, _ configuration: WebSocketConfiguration,
        _ mailbox: Mailbox<WebSocketEvent>, upgraded: EventLoopPromise<Void>
    ) throws {
        let upgrader = NIOWebSocketClientUpgrader(
            maxFrameSize: configuration.maximumMessageSize, automaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers([
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024,
                        maxAccumulatedFrameSize: configuration.maximumMessageSize),
                    WebSocketHandler(mailbox),
                ])
                upgraded.succeed()
            }
        }
        let starter = UpgradeStarter(address: address, headers: configuration.headers, failed: upgraded)
        let remove: NIOHTTPClientUpgradeSendableConfiguration = (
            upgraders: [upgrader],
            completionHandler: { context in context.pipeline.syncOperations.removeHandler(name: "starter", promise: nil)
            }
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
        let channel = channel
        let timeout = channel.eventLoop.scheduleTask(in: TimeAmount(sendTimeout)) { Self.drop(channel) }
        defer { timeout.cancel() }
        do {
            try await channel.writeAndFlush(frame).get()
        } catch {
            throw WebSocketError.closed
        }
    }

    public func close(code: UInt16) async {
        let channel = channel
        // Neither a peer that reads nothing nor one that never ends TLS may hold us up.
        let timeout = channel.eventLoop.scheduleTask(in: Self.closeTimeout) { Self.drop(channel) }
        defer { timeout.cancel() }
        var data = channel.allocator.buffer(capacity: 2)
        data.write(webSocketErrorCode: WebSocketErrorCode(codeNumber: Int(code)))
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: data)
        try? await channel.writeAndFlush(frame).get()
        try? await channel.close().get()
    }

    public func abort() {
        channel.eventLoop.execute { [channel] in Self.drop(channel) }
    }

    private static let closeTimeout = TimeAmount.seconds(2)

    /// Closes TCP below TLS, so that no closing handshake can hold it up. On the event loop.
    private static func drop(_ channel: any Channel) {
        if let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
            tls.close(mode: .all, promise: nil)
        } else {
            channel.close(mode: .all, promise: nil)
        }
    }
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

/// Frames to events. Ends the stream with exactly one `closed`; stops reading where the consumer lags.
private final class WebSocketHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let mailbox: Mailbox<WebSocketEvent>
    private var ended = false
    private var isPaused = false
    private var wantsRead = false

    init(_ mailbox: Mailbox<WebSocketEvent>) { self.mailbox = mailbox }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        mailbox.onDrain { [loop = context.eventLoop] in
            loop.execute { bound.value.0.resumeReading(bound.value.1) }
        }
    }

    func read(context: ChannelHandlerContext) {
        if isPaused { wantsRead = true } else { context.read() }
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        isPaused = false
        guard wantsRead else { return }
        wantsRead = false
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !ended else { return }
        let frame = unwrapInboundIn(data)
        guard frame.maskKey == nil else { return fail(context, 1002, "masked frame from a server") }
        guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return fail(context, 1002, "reserved bits are set") }
        switch frame.opcode {
        case .text:
            guard let text = String(validating: frame.data.readableBytesView, as: UTF8.self) else {
                return fail(context, 1007, "text is not UTF-8")
            }
            deliver(.text(text), size: frame.data.readableBytes)
        case .binary: deliver(.binary(Array(frame.data.readableBytesView)), size: frame.data.readableBytes)
        case .ping: pong(context, frame.data)
        case .pong: break
        case .connectionClose: closed(context, frame.data)
        default: fail(context, 1002, "unknown opcode")
        }
    }

    private func deliver(_ message: WebSocketMessage, size: Int) {
        // The constant keeps a flood of empty messages from being free.
        if mailbox.push(.message(message), cost: size + 64) == .full { isPaused = true }
    }

    private func pong(_ context: ChannelHandlerContext, _ data: ByteBuffer) {
        // A peer that pings and never reads must not fill our memory.
        guard context.channel.isWritable else { return }
        let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: data)
        context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
    }

    private func closed(_ context: ChannelHandlerContext, _ data: ByteBuffer) {
        var payload = data
        let code = payload.readInteger(as: UInt16.self)
        guard code.map(Self.mayBeSent) ?? (data.readableBytes == 0) else {
            return fail(context, 1002, "close frame that cannot be")
        }
        let reason = payload.readString(length: payload.readableBytes) ?? ""
        end(.closed(code: code, reason: String(reason.prefix(200))))
        let reply = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: data)
        context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
        context.close(promise: nil)
    }

    /// Codes that may stand in a close frame (RFC 6455, section 7.4).
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1004, 1005, 1006: false
        case 1000...1014, 3000...4999: true
        default: false
        }
    }

    /// Tells a peer that broke the protocol so, and closes.
    private func fail(_ context: ChannelHandlerContext, _ code: UInt16, _ reason: String) {
        guard !ended else { return }
        end(.closed(code: nil, reason: reason))
        let data = ByteBuffer(integer: code)
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: data)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        context.close(promise: nil)
    }

    private func end(_ event: WebSocketEvent) {
        guard !ended else { return }
        ended = true
        mailbox.push(event)
        mailbox.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength, NIOWebSocketFrameAggregator.Error.accumulatedFrameSizeIsTooLarge:
            fail(context, 1009, "message over the limit")
        case is NIOWebSocketError, is NIOWebSocketFrameAggregator.Error: fail(context, 1002, "\(error)")
        default:
            end(.closed(code: nil, reason: "\(error)"))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.closed(code: nil, reason: "the connection was lost"))
        context.fireChannelInactive()
    }
}
