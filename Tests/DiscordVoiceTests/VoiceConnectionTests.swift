import AudioRing
import DiscordModel
import Foundation
import Logging
import Synchronization
import Testing
import WebSocketClient

@testable import DiscordVoice

/// The server's end of a WebSocket that exists in memory only.
final class FakeTransport: WebSocketTransport {
    let events: AsyncStream<WebSocketEvent>
    private let sink: AsyncStream<WebSocketEvent>.Continuation
    let outgoing: AsyncStream<JSONValue>
    private let sent: AsyncStream<JSONValue>.Continuation

    init() {
        (events, sink) = AsyncStream.makeStream(of: WebSocketEvent.self)
        (outgoing, sent) = AsyncStream.makeStream(of: JSONValue.self)
    }

    func send(_ message: WebSocketMessage) async throws {
        guard case .text(let text) = message else { return }
        let payload = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        await withCheckedContinuation { continuation in
            let passes = gate.withLock { gate in
                guard payload["op"]?.int == gate.op else { return true }
                gate.waiting.append(continuation)
                return false
            }
            if passes { continuation.resume() }
        }
        sent.yield(payload)
    }

    // MARK: A slow send

    private let gate = Mutex<(op: Int64?, waiting: [CheckedContinuation<Void, Never>])>((nil, []))

    /// Sends of `op` take until `letGo`.
    func hold(op: Int64) { gate.withLock { $0.op = op } }

    /// Waits until a send is held up.
    func held() async { while gate.withLock({ $0.waiting.isEmpty }) { await Task.yield() } }

    func letGo() {
        let waiting = gate.withLock { gate in
            defer { gate = (nil, []) }
            return gate.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func close(code: UInt16) async { end(code: code) }
    func abort() { end(code: nil) }

    func say(_ text: String) { sink.yield(.message(.text(text))) }

    func end(code: UInt16?) {
        sink.yield(.closed(code: code, reason: ""))
        sink.finish()
        sent.finish()
    }

    /// The next payload with this opcode.
    func next(op: Int64) async -> JSONValue? {
        for await payload in outgoing where payload["op"] == .int(op) { return payload["d"] }
        return nil
    }
}

/// Hands out transports in order; each connect is seen by the test.
final class FakeVoiceServer: Sendable {
    let connections: AsyncStream<FakeTransport>
    private let sink: AsyncStream<FakeTransport>.Continuation
    let udp = Mutex(Loopback())

    init() { (connections, sink) = AsyncStream.makeStream(of: FakeTransport.self) }

    func connect(_: WebSocketConfiguration) async throws -> any WebSocketTransport {
        let transport = FakeTransport()
        sink.yield(transport)
        return transport
    }

    func next() async -> FakeTransport? {
        for await transport in connections { return transport }
        return nil
    }

    var port: UInt16 { udp.withLock { $0.port } }

    func packets() -> [[UInt8]] { udp.withLock { $0.packets() } }

    /// Answers IP discovery as Discord does.
    func answerDiscovery() async {
        while true {
            let answered = udp.withLock { loopback -> Bool in
                var buffer = [UInt8](repeating: 0, count: 2048)
                var from = sockaddr_in()
                var size = socklen_t(MemoryLayout<sockaddr_in>.size)
                return withUnsafeMutablePointer(to: &from) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                        guard recvfrom(loopback.receiver, &buffer, buffer.count, 0, address, &size) == 74 else {
                            return false
                        }
                        var answer: [UInt8] = [0, 2, 0, 70] + buffer[4..<8] + Array("127.0.0.1".utf8)
                        answer += [UInt8](repeating: 0, count: 72 - answer.count) + [0x30, 0x39]
                        return sendto(loopback.receiver, answer, answer.count, 0, address, size) == 74
                    }
                }
            }
            if answered { return }
            await Task.yield()
        }
    }
}

@Suite("Voice connection", .timeLimit(.minutes(5)))
struct VoiceConnectionTests {
    static let identity = VoiceIdentity(
        guildID: Snowflake(1), channelID: Snowflake(2), userID: Snowflake(3), sessionID: "session",
        token: "secret-token")
    static let hello = #"{"op":8,"d":{"heartbeat_interval":600000,"v":8}}"#

    static func description(_ version: Int = 0) -> String {
        let key = Bench.key.map(String.init).joined(separator: ",")
        return """
            {"op":4,"seq":3,"d":{"mode":"aead_aes256_gcm_rtpsize","secret_key":[\(key)],"dave_protocol_version":\(version)}}
            """
    }

    static func ready(_ port: UInt16, ip: String = "127.0.0.1") -> String {
        #"{"op":2,"d":{"ssrc":3735928559,"ip":"\#(ip)","port":\#(port),"modes":["aead_aes256_gcm_rtpsize"]}}"#
    }

    private func connection(_ server: FakeVoiceServer, _ pump: VoicePump) -> VoiceConnection {
        VoiceConnection(
            Self.identity, endpoint: "voice.example", trustedCAFile: nil, pump: pump,
            logger: Logger(label: "test") { _ in
                SwiftLogNoOpLogHandler()
            }, connect: { try await server.connect($0) })
    }

    private func open(_ server: FakeVoiceServer) async throws -> FakeTransport {
        let transport = try #require(await server.next())
        transport.say(Self.hello)
        _ = await transport.next(op: 0)
        transport.say(Self.ready(server.port))
        await server.answerDiscovery()
        let selected = await transport.next(op: 1)
        #expect(selected?["data"]?["address"] == "127.0.0.1")
        #expect(selected?["data"]?["port"] == 12_345)
        transport.say(Self.description())
        return transport
    }

    private func next(_ events: AsyncStream<VoiceEvent>) async -> VoiceEvent? {
        for await event in events { return event }
        return nil
    }

    @Test func aDroppedSocketCostsNoFrame() async throws {
        let server = FakeVoiceServer(), pump = VoicePump()
        pump.start()
        let voice = connection(server, pump)
        let running = Task { await voice.run() }
        let first = try await open(server)
        #expect(await next(voice.events) == .ready)
        let ring = try AudioRing()
        ring.fill(16, mark: 1)
        voice.play(ring)
        #expect(await first.next(op: 5)?["speaking"] == 1)
        // The socket breaks in the middle of it.
        first.end(code: nil)
        let second = try #require(await server.next())
        second.say(Self.hello)
        let resume = try #require(await second.next(op: 7))
        #expect(resume["seq_ack"] == 3)
        second.say(#"{"op":9,"d":null}"#)
        while await voice.statistics.sent < 16 { await Task.yield() }
        ring.finish(.ended)
        #expect(await next(voice.events) == .ringEnded(.init(ring, .ended)))
        let statistics = await voice.statistics
        #expect(statistics.sent == 16)
        #expect(statistics.failed == 0)
        let opener = try #require(TransportCipher(.aes256GCM, key: Bench.key))
        let heard = server.packets().compactMap { opener.open($0) }.filter { $0.count == 3 && $0[1] == 1 }
        #expect(heard.map { $0[2] } == (0..<16).map { UInt8($0) })
        await voice.close()
        await running.value
        pump.stop()
    }

    /// Two connections with one token: whichever identifies last ends the other.
    @Test func aConnectionThatIsClosedWhileItConnectsDoesNotIdentify() async throws {
        let transport = FakeTransport(), (holds, hold) = AsyncStream.makeStream(of: Void.self)
        let isConnecting = Mutex(false)
        let voice = VoiceConnection(
            Self.identity, endpoint: "voice.example", trustedCAFile: nil, pump: VoicePump(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            connect: { _ in
                isConnecting.withLock { $0 = true }
                // A connect that is too far on to be cancelled.
                await Task { for await _ in holds {} }.value
                return transport
            })
        let running = Task { await voice.run() }
        while !isConnecting.withLock({ $0 }) { await Task.yield() }
        await voice.close()
        transport.say(Self.hello)
        hold.finish()
        await running.value
        #expect(await transport.next(op: 0) == nil, "it identified")
    }

    @Test(arguments: [
        (
            UInt16(4014),
            VoiceEvent.disconnected(message: "disconnected from the call: kicked, moved, or the channel is gone (4014)")
        ),
        (4006, .needsNewSession(reason: "the voice session ended (4006)")),
    ])
    func theEndIsTold(_ code: UInt16, _ wanted: VoiceEvent) async throws {
        let server = FakeVoiceServer(), pump = VoicePump()
        pump.start()
        let voice = connection(server, pump)
        let running = Task { await voice.run() }
        let transport = try await open(server)
        #expect(await next(voice.events) == .ready)
        transport.end(code: code)
        #expect(await next(voice.events) == wanted)
        await running.value
        pump.stop()
    }

    @Test func unreadableMessagesAreSurvived() async throws {
        let server = FakeVoiceServer(), pump = VoicePump()
        pump.start()
        let voice = connection(server, pump)
        let running = Task { await voice.run() }
        let transport = try await open(server)
        #expect(await next(voice.events) == .ready)
        for text in [
            "", "{", "[]", "null", String(repeating: "[", count: 5_000),
            #"{"op":8}"#.replacingOccurrences(of: "8", with: "1e999"),
        ] {
            transport.say(text)
        }
        let ring = try AudioRing()
        ring.fill(3, mark: 1)
        voice.play(ring)
        while await voice.statistics.sent < 3 { await Task.yield() }
        await voice.close()
        await running.value
        pump.stop()
    }

    @Test func anAddressThatIsNoneAsksForANewSession() async throws {
        let server = FakeVoiceServer(), pump = VoicePump()
        let voice = connection(server, pump)
        let running = Task { await voice.run() }
        let transport = try #require(await server.next())
        transport.say(Self.hello)
        _ = await transport.next(op: 0)
        transport.say(Self.ready(1, ip: "not an address"))
        #expect(await next(voice.events) == .needsNewSession(reason: "the voice server's address cannot be used"))
        await running.value
    }
}
