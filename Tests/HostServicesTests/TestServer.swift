import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server on loopback that answers as a test says and remembers what it was asked.
final class TestServer: Sendable {
    struct Request: Sendable {
        let method, target: String
        let headers: [String: String]
        let body: String
    }

    struct Answer: Sendable {
        var status = 200
        var headers: [(String, String)] = []
        var body: [UInt8] = []
        /// More of them after the body, chunked, without end where it is `Int.max`.
        var repeats = 0
        /// Never ends the answer.
        var hangs = false
        /// Never even begins it.
        var isSilent = false

        static func text(_ text: String, status: Int = 200) -> Answer {
            Answer(status: status, headers: [("Content-Type", "text/plain")], body: Array(text.utf8))
        }
        static func redirect(_ to: String, status: Int = 302) -> Answer {
            Answer(status: status, headers: [("Location", to)])
        }
    }

    typealias Script = @Sendable (Request) -> Answer

    private let channel: any Channel
    private let log = Mutex<[Request]>([])
    private let connected = Mutex(0)
    let port: Int

    var requests: [Request] { log.withLock { $0 } }
    var connections: Int { connected.withLock { $0 } }

    init(tls: NIOSSLContext? = nil, _ script: @escaping Script) throws {
        let me = Mutex<TestServer?>(nil)
        let holder = Holder(me)
        channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    holder.server?.connected.withLock { $0 += 1 }
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(holder, script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        port = channel.localAddress?.port ?? 0
        holder.server = self
    }

    func stop() { try? channel.close().wait() }

    fileprivate func note(_ request: Request) { log.withLock { $0.append(request) } }

    fileprivate final class Holder: Sendable {
        private let box: Mutex<TestServer?>
        init(_ box: consuming Mutex<TestServer?>) { self.box = box }
        var server: TestServer? {
            get { box.withLock { $0 } }
            set { box.withLock { $0 = newValue } }
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let holder: Holder
        private let script: Script
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []
        private var answer: Answer?
        private var left = 0

        init(_ holder: Holder, _ script: @escaping Script) { (self.holder, self.script) = (holder, script) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, body) = (head, [])
            case .body(let bytes): body += Array(bytes.readableBytesView)
            case .end: reply(context)
            }
        }

        private func reply(_ context: ChannelHandlerContext) {
            guard let head else { return }
            let request = Request(
                method: head.method.rawValue, target: head.uri,
                headers: Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { $0 + ", " + $1 },
                body: String(decoding: body, as: UTF8.self))
            holder.server?.note(request)
            let answer = script(request)
            if answer.isSilent { return }
            var headers = HTTPHeaders(answer.headers)
            if answer.repeats == 0, !answer.hangs, !headers.contains(name: "content-length") {
                headers.add(name: "Content-Length", value: "\(answer.body.count)")
            }
            let status = HTTPResponseStatus(statusCode: answer.status)
            context.write(
                wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
            self.answer = answer
            left = answer.repeats
            if !answer.body.isEmpty, head.method != .HEAD { write(context, answer.body) }
            context.flush()
            more(context)
        }

        private func write(_ context: ChannelHandlerContext, _ bytes: [UInt8]) {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        }

        /// As far as the client reads.
        private func more(_ context: ChannelHandlerContext) {
            guard let answer else { return }
            while left > 0, context.channel.isWritable {
                left -= 1
                context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
            }
            // A write may have come back here through `channelWritabilityChanged` and ended the answer.
            if left == 0, !answer.hangs, self.answer != nil {
                self.answer = nil
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        func channelWritabilityChanged(context: ChannelHandlerContext) { more(context) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
