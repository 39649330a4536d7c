import DiscordModel
import Testing

@testable import DiscordVoice

@Suite("Voice gateway session")
struct VoiceSessionTests {
    private static let identity = VoiceIdentity(
        guildID: Snowflake(1), channelID: Snowflake(2), userID: Snowflake(3), sessionID: "session", token: "token")
    private static let key = (0..<32).map { JSONValue.int(Int64($0)) }

    private static let hello: JSONValue = ["op": 8, "d": ["heartbeat_interval": 13750.25, "v": 8]]
    private static let ready: JSONValue = [
        "op": 2,
        "d": [
            "ssrc": 77, "ip": "192.0.2.1", "port": 50_000,
            "modes": ["plain", "aead_xchacha20_poly1305_rtpsize", "aead_aes256_gcm_rtpsize"],
        ],
    ]

    private static func description(_ version: Int64 = 0, seq: Int64? = nil) -> JSONValue {
        var payload: [String: JSONValue] = ["op": 4]
        payload["d"] = [
            "mode": "aead_aes256_gcm_rtpsize", "secret_key": .array(key), "dave_protocol_version": .int(version),
        ]
        if let seq { payload["seq"] = .int(seq) }
        return .object(payload)
    }

    /// A session that has come as far as audio.
    private func open(_ version: Int64 = 0) -> VoiceSession {
        var session = VoiceSession(Self.identity)
        _ = session.handle(.connected)
        _ = session.handle(.text(Self.hello))
        _ = session.handle(.text(Self.ready))
        _ = session.handle(.discovered(address: "198.51.100.4", port: 4_000))
        _ = session.handle(.text(Self.description(version)))
        return session
    }

    private func sent(_ actions: [VoiceSession.Action], op: Int64) -> JSONValue? {
        for case .send(let payload) in actions where payload["op"] == .int(op) { return payload["d"] }
        return nil
    }

    @Test func theWayToAudio() throws {
        var session = VoiceSession(Self.identity)
        #expect(session.handle(.connected) == [.expect(15_000)])
        let hello = session.handle(.text(Self.hello))
        #expect(hello.first == .heartbeat(13_750))
        let identify = try #require(sent(hello, op: 0))
        #expect(identify["server_id"] == "1")
        #expect(identify["user_id"] == "3")
        #expect(identify["session_id"] == "session")
        #expect(identify["token"] == "token")
        #expect(identify["max_dave_protocol_version"] == 1)
        #expect(session.handle(.text(Self.ready)) == [.discover(host: "192.0.2.1", port: 50_000, ssrc: 77)])
        let select = try #require(sent(session.handle(.discovered(address: "198.51.100.4", port: 4_000)), op: 1))
        #expect(select["protocol"] == "udp")
        #expect(select["data"] == ["address": "198.51.100.4", "port": 4000, "mode": "aead_aes256_gcm_rtpsize"])
        let actions = session.handle(.text(Self.description()))
        #expect(
            actions.prefix(2) == [.expect(nil), .open(mode: .aes256GCM, key: (0..<32).map { UInt8($0) }, ssrc: 77)])
        #expect(actions.contains(.installSender(nil)), "protocol version 0 is sent without end-to-end encryption")
    }

    @Test func versionOneIsNotSentInTheClear() {
        var session = VoiceSession(Self.identity)
        for event in [VoiceSession.Event.connected, .text(Self.hello), .text(Self.ready)] { _ = session.handle(event) }
        let actions = session.handle(.text(Self.description(1)))
        #expect(actions.contains(.blockSender))
        #expect(!actions.contains(.installSender(nil)))
        let keyPackage = actions.contains { if case .sendBinary(let bytes) = $0 { bytes.first == 26 } else { false } }
        #expect(keyPackage, "a key package is offered at once")
    }

    @Test func xchachaIsTheSecondChoiceAndUnknownModesEndIt() {
        for (modes, wanted) in [
            (["aead_xchacha20_poly1305_rtpsize", "xsalsa20_poly1305"], "aead_xchacha20_poly1305_rtpsize"),
            (["aead_aes256_gcm_rtpsize"], "aead_aes256_gcm_rtpsize"),
        ] {
            var session = VoiceSession(Self.identity)
            _ = session.handle(
                .text([
                    "op": 2,
                    "d": ["ssrc": 1, "ip": "192.0.2.1", "port": 1, "modes": .array(modes.map(JSONValue.string))],
                ]))
            #expect(sent(session.handle(.discovered(address: "a", port: 1)), op: 1)?["data"]?["mode"]?.string == wanted)
        }
        var session = VoiceSession(Self.identity)
        _ = session.handle(
            .text(["op": 2, "d": ["ssrc": 1, "ip": "192.0.2.1", "port": 1, "modes": ["xsalsa20_poly1305"]]]))
        let actions = session.handle(.discovered(address: "a", port: 1))
        #expect(actions.contains { if case .stop = $0 { true } else { false } })
    }

    @Test func itResumesWithTheLastSequence() throws {
        var session = open()
        _ = session.handle(.text(["op": 11, "seq": 41, "d": ["user_ids": ["9"]]]))
        _ = session.handle(.binary([0, 42, 99]))
        #expect(session.handle(.closed(code: nil)) == [.reconnect(delay: 100)])
        _ = session.handle(.connected)
        let actions = session.handle(.text(Self.hello))
        let resume = try #require(sent(actions, op: 7))
        #expect(resume["seq_ack"] == 42)
        #expect(resume["server_id"] == "1")
        #expect(resume["session_id"] == "session")
        #expect(sent(actions, op: 0) == nil)
        #expect(session.handle(.text(["op": 9, "d": .null])) == [.expect(nil), .resumed])
    }

    @Test func beforeAudioThereIsNothingToResume() {
        var session = VoiceSession(Self.identity)
        _ = session.handle(.text(Self.hello))
        let actions = session.handle(.closed(code: 1006))
        #expect(actions.contains { if case .newSession = $0 { true } else { false } })
    }

    @Test func resumingIsTriedFiveTimes() {
        var session = open()
        var delays: [Int] = []
        for _ in 0..<5 {
            for case .reconnect(let delay) in session.handle(.closed(code: 4015)) { delays.append(delay) }
        }
        #expect(delays == [100, 200, 400, 800, 1_600])
        #expect(session.handle(.closed(code: 4015)).contains { if case .newSession = $0 { true } else { false } })
    }

    enum Reaction { case resume, newSession, disconnected, stop }

    @Test(
        arguments: [
            (nil, Reaction.resume), (1000, .resume), (1001, .resume), (1006, .resume), (4015, .resume),
            (4006, .newSession), (4009, .newSession), (4011, .newSession), (4001, .newSession), (4002, .newSession),
            (4003, .newSession), (4005, .newSession), (4020, .newSession),
            (4004, .stop), (4012, .stop), (4014, .disconnected), (4016, .stop), (4017, .stop), (4021, .stop),
            (4022, .disconnected),
        ] as [(UInt16?, Reaction)])
    func everyCloseCode(_ code: UInt16?, _ wanted: Reaction) {
        var session = open()
        let actions = session.handle(.closed(code: code))
        #expect(actions.count == 1)
        switch actions.first {
        case .reconnect: #expect(wanted == .resume)
        case .newSession: #expect(wanted == .newSession)
        case .disconnected(let message):
            #expect(wanted == .disconnected)
            #expect(message.contains(code.map(String.init) ?? "?"))
        case .stop(let message):
            #expect(wanted == .stop)
            #expect(message.contains(code.map(String.init) ?? "?"))
        default: Issue.record("\(actions)")
        }
    }

    @Test func aServerThatNoLongerAnswersIsDropped() throws {
        var session = open()
        for round in 1...5 {
            let beat = try #require(sent(session.handle(.heartbeatDue), op: 3))
            #expect(beat["t"] == .int(Int64(round)))
            #expect(beat["seq_ack"] == -1)
            _ = session.handle(.text(["op": 6, "d": ["t": 1]]))
        }
        _ = session.handle(.heartbeatDue)
        _ = session.handle(.heartbeatDue)
        #expect(session.handle(.heartbeatDue) == [.abort])
        _ = session.handle(.connected)
        #expect(sent(session.handle(.heartbeatDue), op: 3) != nil, "a new connection starts anew")
    }

    @Test(
        arguments: [
            ["op": 8], ["op": 8, "d": ["heartbeat_interval": 0]], ["op": 8, "d": ["heartbeat_interval": -5]],
            ["op": 8, "d": ["heartbeat_interval": 1e300]], ["op": 8, "d": ["heartbeat_interval": "5"]],
            ["op": 2, "d": ["ssrc": -1, "ip": "a", "port": 1]],
            ["op": 2, "d": ["ssrc": 4_294_967_296, "ip": "a", "port": 1]],
            ["op": 2, "d": ["ssrc": 1, "ip": "a", "port": 65_536]], ["op": 2, "d": []],
            ["op": 4, "d": ["mode": "aead_aes256_gcm_rtpsize", "secret_key": [1, 2, 3]]],
            ["op": 4, "d": ["mode": "none", "secret_key": []]], ["op": 4, "d": .null],
        ] as [JSONValue])
    func whatCannotBeUsedDropsTheConnection(_ payload: JSONValue) {
        var session = VoiceSession(Self.identity)
        #expect(session.handle(.text(payload)) == [.abort])
    }

    @Test(
        arguments: [
            .null, [], "text", 5, ["op": .null], ["op": "8"], ["op": 99, "d": [1]], ["op": 1e300],
            ["op": 11, "d": ["user_ids": "all"]], ["op": 11, "d": ["user_ids": [1, .null, ["a": 1], "x"]]],
            ["op": 13, "d": .null], ["op": 21, "d": ["transition_id": 70_000, "protocol_version": 1]],
            ["op": 22, "d": ["transition_id": -1]], ["op": 24, "d": ["epoch": -1, "protocol_version": 1]],
            ["op": 24, "d": "x"], ["op": 9, "seq": 1e12],
        ] as [JSONValue])
    func whatMakesNoSenseIsSurvived(_ payload: JSONValue) {
        var session = open(1)
        _ = session.handle(.text(payload))
        for count in 0..<4 { _ = session.handle(.binary([UInt8](repeating: 255, count: count))) }
        #expect(sent(session.handle(.heartbeatDue), op: 3) != nil, "the session lives")
    }

    @Test func randomPayloadsAreSurvived() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var session = open(1)
            for _ in 0..<4 {
                let opcode = UInt8.random(in: 20...32, using: &random)
                let body = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                _ = session.handle(.binary([0, 1, opcode] + body))
            }
            #expect(session.handle(.closed(code: nil)) == [.reconnect(delay: 100)])
        }
    }

    @Test func speakingNamesOurSSRC() {
        #expect(open().speaking(true)["d"] == ["speaking": 1, "delay": 0, "ssrc": 77])
        #expect(open().speaking(false)["d"]?["speaking"] == 0)
    }
}
