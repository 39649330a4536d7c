import AudioRing
import DAVE
import DiscordModel
import Logging
import TestSupport
import Testing
import WebSocketClient

@testable import DiscordVoice

/// A server that accepts, and then says nothing, must not hold a call for ever.
@Suite("Voice deadlines", .timeLimit(.minutes(5)))
struct VoiceDeadlineTests {
    private let server = FakeVoiceServer()
    private let pump = VoicePump()
    private let clock = HandClock()
    private let limit = Duration.milliseconds(VoiceSession.answerMilliseconds)

    private func connection() -> VoiceConnection {
        VoiceConnection(
            VoiceConnectionTests.identity, endpoint: "voice.example", trustedCAFile: nil, pump: pump,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: clock,
            connect: { [server] in try await server.connect($0) })
    }

    private func end(_ voice: VoiceConnection, _ running: Task<Void, Never>) async {
        async let closed: Void = voice.close()
        // For the frames of silence.
        await clock.wake(.milliseconds(120))
        await closed
        await running.value
    }

    private func firstEvent(_ voice: VoiceConnection) async -> VoiceEvent? {
        for await event in voice.events { return event }
        return nil
    }

    @Test func noHello() async throws {
        let voice = connection()
        let running = Task { await voice.run() }
        _ = try #require(await server.next())
        await clock.wake(limit)
        #expect(await firstEvent(voice) == .needsNewSession(reason: "the voice server does not come back"))
        await running.value
    }

    @Test func noReady() async throws {
        let voice = connection()
        let running = Task { await voice.run() }
        let transport = try #require(await server.next())
        transport.say(VoiceConnectionTests.hello)
        #expect(await transport.next(op: 0) != nil)
        await clock.wake(limit)
        #expect(await firstEvent(voice) == .needsNewSession(reason: "the voice server does not come back"))
        await running.value
    }

    @Test func noSessionDescription() async throws {
        let voice = connection()
        let running = Task { await voice.run() }
        let transport = try #require(await server.next())
        transport.say(VoiceConnectionTests.hello)
        #expect(await transport.next(op: 0) != nil)
        transport.say(VoiceConnectionTests.ready(server.port))
        await server.answerDiscovery()
        #expect(await transport.next(op: 1) != nil)
        await clock.wake(limit)
        #expect(await firstEvent(voice) == .needsNewSession(reason: "the voice server does not come back"))
        await running.value
    }

    /// After a drop: no hello, then no answer to the resume; the session is resumed all the same.
    @Test func noHelloAndNoAnswerToAResume() async throws {
        let voice = connection()
        let running = Task { await voice.run() }
        let first = try #require(await server.next())
        first.say(VoiceConnectionTests.hello)
        _ = await first.next(op: 0)
        first.say(VoiceConnectionTests.ready(server.port))
        await server.answerDiscovery()
        first.say(VoiceConnectionTests.description())
        #expect(await firstEvent(voice) == .ready)
        #expect(!clock.isSlept(for: limit), "nothing is expected of a call that stands")
        first.end(code: nil)
        await clock.wake(.milliseconds(100))
        _ = try #require(await server.next())
        await clock.wake(limit)
        await clock.wake(.milliseconds(200))
        let third = try #require(await server.next())
        third.say(VoiceConnectionTests.hello)
        #expect(await third.next(op: 7) != nil)
        await clock.wake(limit)
        await clock.wake(.milliseconds(400))
        let fourth = try #require(await server.next())
        fourth.say(VoiceConnectionTests.hello)
        #expect(await fourth.next(op: 7) != nil)
        fourth.say(#"{"op":9,"d":null}"#)
        // Op 5 is said anew: the one before may have gone nowhere.
        #expect(await fourth.next(op: 5) != nil)
        #expect(!clock.isSlept(for: limit))
        await end(voice, running)
    }
}

/// What the first packets need before they may leave.
@Suite("Before the first packet", .timeLimit(.minutes(5)))
struct FirstPacketTests {
    /// A ring plays already, as after a renewed session, and op 5 takes long to get out.
    @Test(arguments: [0, 1]) func nothingIsSentBeforeOp5(_ version: Int) async throws {
        let server = FakeVoiceServer(), pump = VoicePump()
        pump.start()
        let voice = VoiceConnection(
            VoiceConnectionTests.identity, endpoint: "voice.example", trustedCAFile: nil, pump: pump,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, connect: { try await server.connect($0) })
        let ring = try AudioRing()
        ring.fill(16, mark: 1)
        voice.play(ring)
        let running = Task { await voice.run() }
        let transport = try #require(await server.next())
        transport.hold(op: 5)
        transport.say(VoiceConnectionTests.hello)
        _ = await transport.next(op: 0)
        transport.say(VoiceConnectionTests.ready(server.port))
        await server.answerDiscovery()
        _ = await transport.next(op: 1)
        transport.say(VoiceConnectionTests.description(version))
        await transport.held()
        // A whole frame of the pump's passes, as another sender shows.
        let other = try Bench(), otherRing = try AudioRing()
        otherRing.fill(4, mark: 9)
        other.sender.play(otherRing)
        pump.add(other.sender)
        while other.sender.statistics.sent < 3 { await Task.yield() }
        #expect(server.packets().isEmpty, "audio left before op 5")
        #expect(ring.count == 16)
        transport.letGo()
        #expect(await transport.next(op: 5) != nil)
        if version == 0 {
            while await voice.statistics.sent < 1 { await Task.yield() }
        } else {
            while await voice.statistics.withheld < 3 { await Task.yield() }
            #expect(server.packets().isEmpty, "a frame left in clear in an encrypted call")
        }
        await voice.close()
        await running.value
        await pump.remove(other.sender)
        pump.stop()
    }
}
