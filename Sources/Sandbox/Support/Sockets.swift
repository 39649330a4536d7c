import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// The request that opened a WebSocket.
struct SocketRequest: Sendable {
    let path: [String]
    let query: [String: String]
    let headers: HTTPHeaders

    init(_ head: HTTPRequestHead) {
        (path, query) = RequestTarget.parse(head.uri)
        headers = head.headers
    }
}

enum SocketEvent: Sendable {
    case text([UInt8])
    case binary([UInt8])
    /// The peer's close code, or nil where the connection just ended. Last event.
    case closed(UInt16?)
}

/// The sending half of a WebSocket. May be used from any thread; messages leave in the order of the calls.
struct SocketHandle: Sendable {
    let channel: any Channel

    func text(_ bytes: [UInt8]) { send(.text, bytes) }
    func binary(_ bytes: [UInt8]) { send(.binary, bytes) }

    /// Sends a close frame; the connection ends when the peer answers, or two seconds later.
    func close(_ code: UInt16, _ reason: String = "") {
        var data = ByteBuffer(integer: code)
        data.writeString(String(reason.prefix(120)))
        channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .connectionClose, data: data), promise: nil)
        channel.eventLoop.scheduleTask(in: .seconds(2)) { [channel] in channel.close(promise: nil) }
    }

    /// Ends the connection with a TCP reset.
    func reset() {
        guard let socket = channel as? any SocketOptionProvider else { return channel.close(promise: nil) }
        socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { [channel] _ in channel.close(promise: nil) }
    }

    private func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8]) {
        channel.writeAndFlush(WebSocketFrame(fin: true, opcode: opcode, data: ByteBuffer(bytes: bytes)), promise: nil)
    }
}

/// Turns frames into events.
final class SocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let sink: AsyncStream<SocketEvent>.Continuation
    private var ended = false

    init(sink: AsyncStream<SocketEvent>.Continuation) { self.sink = sink }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text: sink.yield(.text(Array(frame.unmaskedData.readableBytesView)))
        case .binary: sink.yield(.binary(Array(frame.unmaskedData.readableBytesView)))
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            var data = frame.unmaskedData
            end(data.readInteger(as: UInt16.self))
            let answer = WebSocketFrame(fin: true, opcode: .connectionClose, data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(answer)).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func end(_ code: UInt16?) {
        guard !ended else { return }
        ended = true
        sink.yield(.closed(code))
        sink.finish()
    }
}
