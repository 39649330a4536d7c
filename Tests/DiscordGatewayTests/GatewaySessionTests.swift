import DiscordModel
import Testing

@testable import DiscordGateway

/// A generator that always gives the same number, so that jitter is a known value.
struct FixedRandom: RandomNumberGenerator, Sendable {
    func next() -> UInt64 { 0 }
}

@Suite struct GatewaySessionTests {
    private func session() -> GatewaySession {
        GatewaySession(GatewayConfiguration(token: "secret", shard: (2, 5)), random: FixedRandom())
    }

    private let hello: JSONValue = ["op": 10, "d": ["heartbeat_interval": 41250]]

    private func ready(_ session: inout GatewaySession) -> [GatewaySession.Action] {
        _ = session.handle(.connected)
        _ = session.handle(.payload(hello))
        return session.handle(
            .payload([
                "op": 0, "t": "READY", "s": 1,
                "d": ["session_id": "abc", "resume_gateway_url": "wss://resume.example"],
            ]))
    }

    private func sent(_ actions: [GatewaySession.Action]) -> [JSONValue] {
        actions.compactMap { if case .send(let payload) = $0 { payload } else { nil } }
    }

    @Test func helloIsAnsweredWithIdentifyAndTheShard() {
        var session = session()
        _ = session.handle(.connected)
        let actions = session.handle(.payload(hello))
        #expect(actions.contains(.heartbeat(first: 0, interval: 41250)))
        let identify = sent(actions).first
        #expect(identify?["op"]?.int == 2)
        #expect(identify?["d"]?["shard"] == [2, 5])
        #expect(identify?["d"]?["intents"]?.int == 129)
    }

    @Test func aKnownSessionIsResumedWithItsLastSequence() {
        var session = session()
        #expect(ready(&session).contains(.ready))
        _ = session.handle(.payload(["op": 0, "t": "GUILD_CREATE", "s": 7, "d": ["id": "1"]]))
        #expect(session.handle(.closed(code: nil)).contains { if case .reconnect("wss://resume.example", _, false) = $0 { true } else { false } })
        _ = session.handle(.connected)
        let resume = sent(session.handle(.payload(hello))).first
        #expect(resume?["op"]?.int == 6)
        #expect(resume?["d"]?["session_id"]?.string == "abc")
        #expect(resume?["d"]?["seq"]?.int == 7)
    }

    @Test func aMissingAckDropsTheZombieAndResumes() {
        var session = session()
        _ = ready(&session)
        #expect(sent(session.handle(.heartbeatDue)).first == ["op": 1, "d": 1])
        #expect(session.handle(.heartbeatDue) == [.disconnect(abort: true)])
        #expect(session.handle(.closed(code: nil)) == [.reconnect(url: "wss://resume.example", delay: 0, identify: false)])
    }

    @Test func anAckKeepsTheConnection() {
        var session = session()
        _ = ready(&session)
        for _ in 0..<5 {
            #expect(sent(session.handle(.heartbeatDue)).count == 1)
            #expect(session.handle(.payload(["op": 11])).isEmpty)
        }
    }

    @Test func aRequestedHeartbeatIsSentAtOnce() {
        var session = session()
        _ = ready(&session)
        #expect(sent(session.handle(.payload(["op": 1, "d": nil]))) == [["op": 1, "d": 1]])
    }

    @Test func op7ReconnectsAndResumes() {
        var session = session()
        _ = ready(&session)
        #expect(session.handle(.payload(["op": 7, "d": nil])) == [.disconnect(abort: false)])
        #expect(session.handle(.closed(code: 4900)) == [.reconnect(url: "wss://resume.example", delay: 0, identify: false)])
    }

    @Test(arguments: [true, false]) func op9ResumesOrStartsOver(resumable: Bool) {
        var session = session()
        _ = ready(&session)
        _ = session.handle(.payload(["op": 9, "d": .bool(resumable)]))
        let actions = session.handle(.closed(code: 4900))
        guard case .reconnect(let url, let delay, let identify)? = actions.first else {
            Issue.record("no reconnect")
            return
        }
        #expect((1_000...5_000).contains(delay))
        #expect(identify == !resumable)
        #expect(url == (resumable ? "wss://resume.example" : nil))
    }

    @Test(arguments: [4004, 4010, 4011, 4012, 4013, 4014] as [UInt16]) func fatalCodesStop(code: UInt16) {
        var session = session()
        _ = ready(&session)
        guard case .stop(let message)? = session.handle(.closed(code: code)).first else {
            Issue.record("\(code) did not stop")
            return
        }
        #expect(message.contains("\(code)"))
        #expect(!message.contains("secret"))
    }

    @Test(arguments: [4000, 4001, 4002, 4005, 4008, 1006] as [UInt16]) func passingCodesResume(code: UInt16) {
        var session = session()
        _ = ready(&session)
        guard case .reconnect(_, _, let identify)? = session.handle(.closed(code: code)).first else {
            Issue.record("\(code) did not reconnect")
            return
        }
        #expect(!identify)
    }

    @Test(arguments: [4003, 4007, 4009] as [UInt16]) func endedSessionsIdentify(code: UInt16) {
        var session = session()
        _ = ready(&session)
        guard case .reconnect(_, _, let identify)? = session.handle(.closed(code: code)).first else {
            Issue.record("\(code) did not reconnect")
            return
        }
        #expect(identify)
    }

    @Test(arguments: [
        [:], ["op": "ten"], ["op": 10, "d": nil], ["op": 10, "d": ["heartbeat_interval": 1]],
        ["op": 10, "d": ["heartbeat_interval": 99_999_999]], ["op": 0, "s": 5], ["op": 0, "t": "READY", "s": 1, "d": []],
    ] as [JSONValue]) func impossiblePayloadsStartAnewConnection(payload: JSONValue) {
        var session = session()
        _ = session.handle(.connected)
        #expect(session.handle(.payload(payload)) == [.disconnect(abort: false)])
        #expect(session.handle(.closed(code: 4900)).contains { if case .reconnect = $0 { true } else { false } })
    }

    @Test func sequencesNeverGoBack() {
        var session = session()
        _ = ready(&session)
        _ = session.handle(.payload(["op": 0, "t": "X", "s": 9, "d": nil]))
        _ = session.handle(.payload(["op": 0, "t": "X", "s": 3, "d": nil]))
        #expect(sent(session.handle(.heartbeatDue)).first?["d"]?.int == 9)
    }
}
