import NIOCore
import NIOWebSocket
import TestSupport
import Testing

@testable import WebSocketClient

private func connect(
    _ server: WebSocketTestServer, _ path: String = "/", change: (inout WebSocketConfiguration) -> Void = { _ in }
) async throws -> WebSocketConnection {
    var configuration = WebSocketConfiguration(url: server.url(path))
    change(&configuration)
    return try await WebSocketConnection.connect(configuration)
}

private func collect(_ connection: WebSocketConnection) async -> [WebSocketEvent] {
    var events: [WebSocketEvent] = []
    for await event in connection.events { events.append(event) }
    return events
}

@Suite(.timeLimit(.minutes(5))) struct WebSocketConnectionTests {
    @Test func echoesTextAndBinaryAndClosesCleanly() async throws {
        let echoed = Mailbox<Void>(mark: .max)
        let server = try await WebSocketTestServer.start { peer in
            while let frame = await peer.frame() {
                try await peer.send(frame.opcode, frame.unmaskedData)
                echoed.push(())
                if frame.opcode == .connectionClose { return }
            }
        }
        let connection = try await connect(server)
        try await connection.send(.text("grüß dich"))
        try await connection.send(.binary([0, 255, 1]))
        try await connection.send(.text(""))
        for _ in 0..<3 { _ = await echoed.next() }
        await connection.close(code: 4000)
        let events = await collect(connection)
        #expect(
            events.dropLast() == [.message(.text("grüß dich")), .message(.binary([0, 255, 1])), .message(.text(""))])
        guard case .closed? = events.last else {
            Issue.record("no end: \(events)")
            return
        }
        await #expect(throws: WebSocketError.self) { try await connection.send(.text("late")) }
        await server.stop()
    }

    @Test func clientFramesAreMaskedAndHeadersArrive() async throws {
        let masks = Mailbox<Bool>(mark: .max)
        let server = try await WebSocketTestServer.start { peer in
            let frame = await peer.frame()
            masks.push(frame?.maskKey != nil)
            try await peer.send((peer.head.headers.first(name: "x-test") ?? "none") + peer.head.uri)
        }
        let connection = try await connect(server, "/gateway?v=10&encoding=json") { $0.headers = [("X-Test", "yes")] }
        try await connection.send(.text("a"))
        #expect(await collect(connection).first == .message(.text("yes/gateway?v=10&encoding=json")))
        #expect(await masks.next() == true)
        await server.stop()
    }

    @Test func fragmentsAreJoinedAroundControlFramesAndPingsAreAnswered() async throws {
        let server = try await WebSocketTestServer.start { peer in
            try await peer.send(.text, ByteBuffer(bytes: [0xC3]), fin: false)
            try await peer.send(.ping, ByteBuffer(string: "p"))
            try await peer.send(.continuation, ByteBuffer(bytes: [0xA4]), fin: false)
            try await peer.send(.continuation, ByteBuffer(), fin: true)
            let pong = await peer.frame()
            try await peer.send("pong \(pong.map { String(buffer: $0.unmaskedData) } ?? "none")")
            try await peer.close(1001, "bye")
        }
        let events = await collect(try await connect(server))
        #expect(events == [.message(.text("ä")), .message(.text("pong p")), .closed(code: 1001, reason: "bye")])
        await server.stop()
    }

    @Test func closeWithoutCodeHasNone() async throws {
        let server = try await WebSocketTestServer.start { peer in
            try await peer.send(.connectionClose, ByteBuffer())
            _ = await peer.frame()
        }
        #expect(await collect(try await connect(server)) == [.closed(code: nil, reason: "")])
        await server.stop()
    }

    /// What a server must never send, and the code that it gets for it.
    @Test(arguments: [
        ("masked", 1002), ("text", 1007), ("oversized", 1009), ("fragments", 1009), ("continuation", 1002),
        ("nested", 1002), ("opcode", 1002), ("close1", 1002), ("close999", 1002), ("longping", 1002),
    ])
    func violationsEndTheConnection(_ what: String, _ code: UInt16) async throws {
        let answers = Mailbox<UInt16>(mark: .max)
        let server = try await WebSocketTestServer.start { peer in
            try await misbehave(peer, what)
            while let frame = await peer.frame(), frame.opcode == .connectionClose {
                var data = frame.unmaskedData
                answers.push(data.readInteger() ?? 0)
            }
        }
        let connection = try await connect(server) { $0.maximumMessageSize = 1000 }
        let events = await collect(connection)
        guard case .closed(nil, let reason)? = events.last else {
            Issue.record("\(events)")
            return
        }
        #expect(!reason.isEmpty && events.count == 1)
        #expect(await answers.next() == code)
        await server.stop()
    }

    @Test func resetIsAnAbnormalEndAndWhatCameBeforeIsKept() async throws {
        let server = try await WebSocketTestServer.start { peer in
            try await peer.send("first")
            _ = await peer.frame()
            try await peer.reset()
        }
        let connection = try await connect(server)
        var iterator = connection.events.makeAsyncIterator()
        #expect(await iterator.next() == .message(.text("first")))
        try await connection.send(.text("now"))
        guard case .closed(nil, _)? = await iterator.next() else {
            Issue.record("no abnormal end")
            return
        }
        #expect(await iterator.next() == nil)
        await server.stop()
    }

    @Test func abortEndsTheEventsThoughThePeerSaysNothing() async throws {
        let server = try await WebSocketTestServer.start { peer in while await peer.frame() != nil {} }
        let connection = try await connect(server)
        connection.abort()
        #expect(await collect(connection) == [.closed(code: nil, reason: "the connection was lost")])
        await server.stop()
    }

    @Test(arguments: [429, 503, 401]) func refusedUpgradeNamesTheStatus(_ status: UInt) async throws {
        let listener = try await StubListener.start(answer: "HTTP/1.1 \(status) No\r\ncontent-length: 0\r\n\r\n")
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketConnection.connect(WebSocketConfiguration(url: listener.url))
        }
        #expect(error == .refused("the server answered \(status)"))
        await listener.stop()
    }

    /// No HTTP at all, and a switch of protocols whose accept key is not ours.
    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 101 Ok\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: AAAA\r\n\r\n",
    ])
    func noWebSocketServer(_ answer: String) async throws {
        let listener = try await StubListener.start(answer: answer)
        await #expect(throws: WebSocketError.self) {
            try await WebSocketConnection.connect(WebSocketConfiguration(url: listener.url))
        }
        await listener.stop()
    }

    @Test func nobodyListens() async throws {
        let server = try await WebSocketTestServer.start { _ in }
        let url = server.url()
        await server.stop()
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketConnection.connect(WebSocketConfiguration(url: url))
        }
        #expect(error?.description.hasPrefix("connection failed") == true)
    }

    @Test(arguments: ["http://localhost/", "ws://", "nonsense", "ws://localhost:99999/"])
    func badURLs(_ url: String) async throws {
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketConnection.connect(WebSocketConfiguration(url: url))
        }
        #expect(error == .badURL)
    }

    @Test func aSilentServerMeetsTheDeadline() async throws {
        let listener = try await StubListener.start()
        var configuration = WebSocketConfiguration(url: listener.url)
        configuration.connectTimeout = .milliseconds(50)
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketConnection.connect(configuration)
        }
        #expect(error == .timeout)
        await listener.stop()
    }

    @Test func slowConsumerStopsTheReading() async throws {
        let count = 2000
        let sent = Mailbox<Int>(mark: .max)
        let server = try await WebSocketTestServer.start { peer in
            let payload = [UInt8](repeating: 7, count: 64 << 10)
            for index in 0..<count {
                try await peer.send(payload)
                sent.push(index)
            }
            sent.finish()
            try await peer.close(1000)
        }
        let connection = try await connect(server) { $0.inboundBufferSize = 1 << 20 }
        // 128 MiB are offered; the writes stop once both kernels' buffers and ours are full.
        while await sent.next() != 20 {}
        var before = -1
        let isStuck = await poll(every: .milliseconds(300)) {
            defer { before = sent.count }
            return sent.count == before
        }
        #expect(isStuck)
        var received = 0
        for await event in connection.events {
            if received == 0 { #expect(sent.count < 1_000) }
            if case .message = event { received += 1 }
        }
        #expect(received == count)
        await server.stop()
    }
}

/// Sends what `violationsEndTheConnection` names.
@Sendable private func misbehave(_ peer: ServerPeer, _ what: String) async throws {
    switch what {
    case "masked": try await peer.send(.text, ByteBuffer(string: "a"), mask: .random())
    case "text": try await peer.send(.text, ByteBuffer(bytes: [0xC3, 0x28]))
    case "oversized": try await peer.send([UInt8](repeating: 1, count: 1001))
    case "fragments":
        try await peer.send(.binary, ByteBuffer(repeating: 1, count: 600), fin: false)
        try await peer.send(.continuation, ByteBuffer(repeating: 1, count: 600))
    case "continuation": try await peer.send(.continuation, ByteBuffer(string: "a"))
    case "nested":
        try await peer.send(.text, ByteBuffer(string: "a"), fin: false)
        try await peer.send(.text, ByteBuffer(string: "b"))
    case "opcode": try await peer.send(WebSocketOpcode(encodedWebSocketOpcode: 3)!, ByteBuffer(string: "a"))
    case "close1": try await peer.send(.connectionClose, ByteBuffer(bytes: [3]))
    case "close999": try await peer.close(999)
    case "longping": try await peer.send(.ping, ByteBuffer(repeating: 1, count: 126))
    default: Issue.record("unknown misdeed \(what)")
    }
}
