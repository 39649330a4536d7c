import DiscordModel
import Testing

@testable import DiscordGateway

private func payload(_ op: Int, _ data: JSONValue = .null, s: Int64? = nil, t: String? = nil) -> GatewaySession.Event {
    .payload([
        "op": .int(Int64(op)), "d": data, "s": s.map(JSONValue.int) ?? .null, "t": t.map(JSONValue.string) ?? .null,
    ])
}

private let hello = payload(GatewayOpcode.hello, ["heartbeat_interval": 41_250])
private func ready(_ sequence: Int64, id: String = "abc") -> GatewaySession.Event {
    payload(0, ["session_id": .string(id), "resume_gateway_url": "wss://resume.test"], s: sequence, t: "READY")
}
private func event(_ sequence: Int64) -> GatewaySession.Event { payload(0, ["guild_id": "5"], s: sequence, t: "X") }

extension GatewaySession {
    fileprivate static func fresh(shard: (id: Int, count: Int) = (0, 1)) -> GatewaySession {
        GatewaySession(GatewayConfiguration(token: "secret", shard: shard), random: SystemRandomNumberGenerator())
    }

    /// Connected, identified, and at sequence `at`.
    fileprivate static func running(at sequence: Int64 = 7) -> GatewaySession {
        var session = fresh()
        _ = session.handle(.connected)
        _ = session.handle(hello)
        _ = session.handle(ready(1))
        if sequence > 1 { _ = session.handle(event(sequence)) }
        return session
    }
}

private func sent(_ actions: [GatewaySession.Action]) -> JSONValue? {
    for case .send(let payload) in actions { return payload }
    return nil
}

private func reconnect(_ actions: [GatewaySession.Action]) -> (url: String?, delay: Int, identify: Bool)? {
    for case .reconnect(let url, let delay, let identify) in actions { return (url, delay, identify) }
    return nil
}

@Suite struct GatewaySessionTests {
    @Test func helloIdentifiesWithShardAndJitteredBeat() {
        var session = GatewaySession.fresh(shard: (3, 8))
        #expect(session.handle(.connected).isEmpty)
        let actions = session.handle(hello)
        guard case .heartbeat(let first, 41_250)? = actions.first else {
            Issue.record("\(actions)")
            return
        }
        #expect((0..<41_250).contains(first))
        let identify = sent(actions)
        #expect(identify?["op"]?.int == 2)
        #expect(identify?["d"]?["shard"] == [3, 8])
        #expect(identify?["d"]?["intents"]?.int == 0b1000_0001)
        #expect(identify?["d"]?["token"] == "secret")
    }

    @Test func resumesWithIdAndSequenceAfterAnyDrop() {
        var session = GatewaySession.running(at: 7)
        let next = reconnect(session.handle(.closed(code: nil)))
        #expect(next?.url == "wss://resume.test" && next?.identify == false)
        _ = session.handle(.connected)
        let resume = sent(session.handle(hello))
        #expect(resume == ["op": 6, "d": ["token": "secret", "session_id": "abc", "seq": 7]])
        #expect(session.handle(event(8)).count == 1)
        #expect(session.handle(payload(0, [:], s: 9, t: "RESUMED")).contains(.ready))
    }

    /// The host of a session may go for good; the common address leads to others.
    @Test func aHostThatIsGoneIsNotTriedForEver() {
        var session = GatewaySession.running()
        var tries = 0
        while let next = reconnect(session.handle(.closed(code: nil))), !next.identify {
            #expect(next.url == "wss://resume.test")
            tries += 1
            guard tries < 100 else { break }
        }
        #expect((3...20).contains(tries), "a short outage must not cost the session")
        let next = reconnect(session.handle(.closed(code: nil)))
        #expect(next?.url == nil && next?.identify == true)
    }

    /// Whoever says hello is alive.
    @Test func connectionsThatGetAHelloAreResumedAgainAndAgain() {
        var session = GatewaySession.running()
        for _ in 0..<100 {
            #expect(reconnect(session.handle(.closed(code: nil)))?.identify == false)
            _ = session.handle(.connected)
            #expect(sent(session.handle(hello))?["op"] == 6)
        }
    }

    @Test(arguments: [1001, 4000, 4001, 4002, 4005, 4008, 4099, nil] as [UInt16?])
    func closeCodesThatResume(_ code: UInt16?) {
        var session = GatewaySession.running()
        #expect(reconnect(session.handle(.closed(code: code)))?.identify == false)
    }

    @Test(arguments: [1000, 4003, 4007, 4009] as [UInt16]) func closeCodesThatIdentify(_ code: UInt16) {
        var session = GatewaySession.running()
        let next = reconnect(session.handle(.closed(code: code)))
        #expect(next?.identify == true && next?.url == nil)
        #expect(!session.canResume)
    }

    @Test(arguments: [4004, 4010, 4011, 4012, 4013, 4014] as [UInt16]) func closeCodesThatEnd(_ code: UInt16) {
        var session = GatewaySession.running()
        let actions = session.handle(.closed(code: code))
        guard case .stop(let message)? = actions.first, actions.count == 1 else {
            Issue.record("\(actions)")
            return
        }
        #expect(message.contains("\(code)") && !message.contains("secret"))
    }

    @Test func heartbeatCarriesTheSequenceAndAMissingAckAborts() {
        var session = GatewaySession.running(at: 7)
        #expect(session.handle(.heartbeatDue) == [.send(["op": 1, "d": 7])])
        #expect(session.handle(payload(GatewayOpcode.heartbeatAck)).isEmpty)
        #expect(session.handle(.heartbeatDue) == [.send(["op": 1, "d": 7])])
        #expect(session.handle(.heartbeatDue) == [.disconnect(abort: true)])
        #expect(session.handle(.heartbeatDue).isEmpty)
        #expect(reconnect(session.handle(.closed(code: nil)))?.identify == false)
    }

    @Test func beatAskedByTheServerDoesNotMakeAZombie() {
        var session = GatewaySession.running(at: 7)
        #expect(session.handle(payload(GatewayOpcode.heartbeat)) == [.send(["op": 1, "d": 7])])
        #expect(session.handle(.heartbeatDue) == [.send(["op": 1, "d": 7])])
    }

    @Test func reconnectOrderResumesAtOnceAndIgnoresWhatFollows() {
        var session = GatewaySession.running(at: 7)
        #expect(session.handle(payload(GatewayOpcode.reconnect)) == [.disconnect(abort: false)])
        #expect(session.handle(event(8)).isEmpty)
        let next = reconnect(session.handle(.closed(code: 1000)))
        #expect(next?.delay == 0 && next?.identify == false)
        _ = session.handle(.connected)
        #expect(sent(session.handle(hello))?["d"]?["seq"] == 7)
    }

    @Test(arguments: [true, false]) func invalidSession(_ resumable: Bool) {
        var session = GatewaySession.running()
        #expect(session.handle(payload(9, .bool(resumable))) == [.disconnect(abort: false)])
        let next = reconnect(session.handle(.closed(code: nil)))
        #expect(next?.identify == !resumable)
        #expect((1_000...5_000).contains(next?.delay ?? 0))
    }

    /// A late event of the old session must not raise the sequence of the new one.
    @Test func freshSessionCountsFromItsOwnStart() {
        var session = GatewaySession.running(at: 900)
        _ = session.handle(payload(9, false))
        _ = session.handle(event(901))
        _ = session.handle(.closed(code: nil))
        _ = session.handle(.connected)
        #expect(sent(session.handle(hello))?["op"] == 2)
        _ = session.handle(event(950))
        _ = session.handle(ready(1, id: "new"))
        #expect(session.handle(.heartbeatDue) == [.send(["op": 1, "d": 1])])
    }

    @Test func sequenceNeverFalls() {
        var session = GatewaySession.running(at: 7)
        _ = session.handle(event(3))
        #expect(session.handle(.heartbeatDue) == [.send(["op": 1, "d": 7])])
    }

    /// Payloads that no gateway sends: a new connection, and the session kept.
    @Test(
        arguments: [
            [], ["op": "0"], 5, nil, ["op": 0, "t": 5, "s": 8], ["op": 0, "t": "X", "s": "8"], ["op": 10, "d": nil],
            ["op": 10, "d": ["heartbeat_interval": -1]], ["op": 10, "d": ["heartbeat_interval": "41250"]],
            ["op": 0, "t": "READY", "s": 8, "d": ["session_id": 5]],
        ] as [JSONValue])
    func wrongShapes(_ value: JSONValue) {
        var session = GatewaySession.running()
        #expect(session.handle(.payload(value)) == [.disconnect(abort: false)])
        let next = reconnect(session.handle(.closed(code: nil)))
        #expect(next?.identify == false && (next?.delay ?? 0) > 0)
    }

    /// A resume replays what could not be read; the third time a fresh session steps over it.
    @Test func unreadablePayloadDoesNotLoopForEver() {
        var session = GatewaySession.running()
        for round in 1...3 {
            #expect(session.handle(.unreadable) == [.disconnect(abort: false)])
            #expect(reconnect(session.handle(.closed(code: nil)))?.identify == (round == 3))
            _ = session.handle(.connected)
            _ = session.handle(hello)
            if round < 3 { _ = session.handle(payload(0, [:], s: 8, t: "RESUMED")) }
        }
    }

    @Test func delaysGrowToAMinute() {
        var session = GatewaySession.fresh()
        var largest = 0
        for attempt in 1...20 {
            let delay = reconnect(session.handle(.closed(code: nil)))?.delay ?? -1
            #expect(delay >= min(30_000, 250 << min(attempt, 7)) / 2 && delay <= 60_000)
            largest = max(largest, delay)
        }
        #expect(largest >= 30_000)
    }

    @Test func unknownOpcodesAreIgnored() {
        var session = GatewaySession.running()
        #expect(session.handle(payload(99, ["a": 1])).isEmpty)
    }

    @Test func dispatchNamesItsGuild() {
        let voice = GatewayDispatch(name: "VOICE_STATE_UPDATE", sequence: 1, data: ["guild_id": "77"])
        let guild = GatewayDispatch(name: "GUILD_CREATE", sequence: 1, data: ["id": "78"])
        let none = GatewayDispatch(name: "READY", sequence: 1, data: [:])
        #expect([voice.guildID, guild.guildID, none.guildID] == [77, 78, nil])
    }
}
