import DiscordModel
import Testing
import TimmyCore

@testable import Bot

/// What a guild does in voice, decision by decision; no clock, no socket.
@Suite("Voice placement")
struct VoicePlacementTests {
    private typealias Place = VoicePlacement

    /// A placement with a log of what it decided, in short words.
    private struct Bench {
        var place = VoicePlacement()
        var armed: [VoicePlacement.Timer: Int] = [:]
        var lengths: [VoicePlacement.Timer: Duration] = [:]
        var calls: [VoicePlacement.Call] = []
        var errors: [PlayerError] = []
        /// Whether op 4s leave at once, as they do while the gateway has room.
        var sends = true
        var asked: [Int] = []
        var toldListeners = 0

        @discardableResult
        mutating func feed(_ event: VoicePlacement.Event) -> [String] {
            let decided = words(place.handle(event))
            if sends { letAsksOut() }
            return decided
        }

        /// What waits to be sent leaves.
        mutating func letAsksOut() {
            for number in asked { _ = words(place.handle(.asked(number))) }
            asked = []
        }

        private mutating func words(_ actions: [VoicePlacement.Action]) -> [String] {
            actions.compactMap { action in
                switch action {
                case .ask(let channel, let number):
                    asked.append(number)
                    return "ask \(channel?.description ?? "-")"
                case .connect(let call):
                    calls.append(call)
                    return "connect \(call.channel) \(call.sessionID) \(call.token) \(call.endpoint)"
                case .drop: return "drop"
                case .arm(let timer, let number, let after):
                    armed[timer] = number
                    lengths[timer] = after
                    return nil
                case .disarm(let timer):
                    armed[timer] = nil
                    return nil
                case .joined: return "joined"
                case .joinFailed(let error):
                    errors.append(error)
                    return "failed"
                case .tell(.moved(let channel)): return "moved \(channel.rawValue)"
                case .tell(.disconnected): return "disconnected"
                case .tell(.lost(let error)):
                    errors.append(error)
                    return "lost"
                case .tellListeners:
                    toldListeners += 1
                    return nil
                case .tell, .note: return nil
                }
            }
        }

        /// Lets a timer run out; nil where it is not armed.
        mutating func fire(_ timer: VoicePlacement.Timer) -> [String]? {
            guard let number = armed.removeValue(forKey: timer) else { return nil }
            return feed(.timer(timer, number))
        }

        mutating func state(_ channel: UInt64?, _ session: String = "s1") -> [String] {
            feed(.ownState(channel: channel.map { Snowflake(rawValue: $0) }, sessionID: session))
        }

        mutating func server(_ token: String, _ endpoint: String? = "e") -> [String] {
            feed(.server(token: token, endpoint: endpoint))
        }

        @discardableResult
        mutating func connection(_ what: VoicePlacement.Connection) -> [String] {
            feed(.connection(calls.last?.id ?? 0, what))
        }

        /// In channel 10, with audio.
        static func settled() -> Bench {
            var bench = Bench()
            bench.feed(.join(10))
            _ = bench.state(10)
            _ = bench.server("t1")
            bench.connection(.ready)
            return bench
        }
    }

    @Test(arguments: [true, false]) func joiningInBothOrders(_ stateFirst: Bool) {
        var bench = Bench()
        #expect(bench.feed(.join(10)) == ["ask 10"])
        let done = "connect 10 s1 t1 e"
        if stateFirst {
            #expect(bench.state(10).isEmpty)
            #expect(bench.server("t1") == [done])
        } else {
            #expect(bench.server("t1").isEmpty)
            #expect(bench.state(10) == [done])
        }
        #expect(bench.connection(.ready) == ["joined"])
        #expect(bench.armed[.answer] == nil)
    }

    /// The MLS group is that of the channel: it must be the new one, whatever comes first.
    @Test(arguments: [true, false]) func aMoveInBothOrders(_ stateFirst: Bool) {
        var bench = Bench.settled()
        if stateFirst {
            #expect(bench.state(11) == ["drop", "moved 11"])
            #expect(bench.server("t2") == ["connect 11 s1 t2 e"])
        } else {
            // It might as well be the server that moved.
            #expect(bench.server("t2") == ["connect 10 s1 t2 e"])
            #expect(bench.state(11) == ["drop", "moved 11", "connect 11 s1 t2 e"])
        }
        #expect(bench.connection(.ready) == ["joined"])
        #expect(bench.place.target == 11)
    }

    @Test func aServerNamedLongAgoIsNotTheOneOfAMove() {
        var bench = Bench.settled()
        #expect(bench.server("t2") == ["connect 10 s1 t2 e"])
        bench.connection(.ready)
        #expect(bench.fire(.pairing) == [])
        #expect(bench.state(11) == ["drop", "moved 11"])
        #expect(bench.server("t3") == ["connect 11 s1 t3 e"])
    }

    @Test func aServerMovesWithoutAnEndpointFirst() {
        var bench = Bench.settled()
        #expect(bench.server("t1", nil) == ["drop"])
        #expect(bench.lengths[.answer] == VoicePlacement.answerTime)
        #expect(bench.server("t2") == ["connect 10 s1 t2 e"])
        #expect(bench.fire(.answer) == nil)
    }

    /// A server that is gone, and no other one is ever named.
    @Test func aNullEndpointAloneIsNotWaitedForForEver() {
        var bench = Bench.settled()
        _ = bench.server("t1", nil)
        #expect(bench.fire(.answer) == ["drop", "ask -", "ask 10"])
        // Nor is the answer to that.
        for (index, delay) in VoicePlacement.renewalDelays.dropFirst().enumerated() {
            #expect(bench.fire(.answer) == ["drop"], "\(index)")
            #expect(bench.lengths[.renewal] == delay)
            #expect(bench.fire(.renewal) == ["ask -", "ask 10"])
        }
        #expect(bench.fire(.answer) == ["drop", "drop", "ask -", "lost"])
        #expect(bench.errors.last?.retry == .never)
        #expect(bench.armed.isEmpty && bench.place.target == nil)
    }

    @Test func aVoiceSessionThatEndsAgainAndAgainIsAskedForLaterAndLater() {
        var bench = Bench.settled()
        var asked = 0
        for delay in VoicePlacement.renewalDelays {
            var decided = bench.connection(.sessionEnded("4006"))
            if delay > .zero {
                #expect(decided == ["drop"])
                #expect(bench.lengths[.renewal] == delay)
                decided += bench.fire(.renewal) ?? []
            }
            #expect(decided == ["drop", "ask -", "ask 10"])
            asked += 1
            _ = bench.state(10)
            _ = bench.server("t\(asked)")
            // Ready is not good yet: it must stay so for a while.
            #expect(bench.connection(.ready) == ["joined"])
        }
        #expect(bench.connection(.sessionEnded("4006")) == ["drop", "drop", "ask -", "lost"])
        var steady = Bench.settled()
        steady.connection(.sessionEnded("4006"))
        _ = steady.state(10)
        _ = steady.server("t2")
        steady.connection(.ready)
        #expect(steady.fire(.steady) == [])
        #expect(steady.connection(.sessionEnded("4006")) == ["drop", "ask -", "ask 10"], "at once, as the first time")
    }

    @Test func whatWouldNotHelpIsNotTried() throws {
        var bench = Bench.settled()
        #expect(bench.connection(.stopped("4021")) == ["drop", "ask -", "lost"])
        let error = try #require(bench.errors.last)
        #expect(error.retry == .never && error.userMessage?.contains("/resume") == true)
        #expect(bench.state(nil).isEmpty, "the echo of our leaving")
        var joining = Bench()
        joining.feed(.join(10))
        _ = joining.state(10)
        _ = joining.server("t1")
        #expect(joining.connection(.stopped("4017")) == ["drop", "ask -", "failed"])
        #expect(joining.errors.last?.retry == .never)
    }

    @Test func putOutOfTheCallWithoutAnotherWord() {
        var bench = Bench.settled()
        #expect(bench.connection(.removed("4014")) == ["drop"])
        #expect(bench.lengths[.dismissal] == VoicePlacement.dismissalTime)
        #expect(bench.fire(.dismissal) == ["drop", "ask -", "lost"])
        #expect(bench.errors.last?.retry == .never)
    }

    @Test func putOutOfTheCallAndWhatFollows() {
        var kicked = Bench.settled()
        _ = kicked.connection(.removed("4014"))
        #expect(kicked.state(nil) == ["drop", "disconnected"])
        #expect(kicked.fire(.dismissal) == nil)
        var moved = Bench.settled()
        _ = moved.connection(.removed("4014"))
        #expect(moved.state(11) == ["drop", "moved 11"])
        #expect(moved.server("t2") == ["connect 11 s1 t2 e"])
        #expect(moved.fire(.dismissal) == nil)
    }

    /// Op 9 false, or close code 4009: the new session has to say where it wants to be.
    @Test func aNewGatewaySessionAsksAgain() {
        var bench = Bench.settled()
        #expect(bench.feed(.newGatewaySession) == ["ask 10"], "and the call goes on meanwhile")
        #expect(bench.state(nil, "s1").isEmpty, "the old session's end is no kick")
        #expect(bench.state(10, "s2").isEmpty)
        #expect(bench.state(nil, "s1").isEmpty, "nor later")
        #expect(bench.server("t2") == ["connect 10 s2 t2 e"])
        #expect(bench.connection(.ready) == ["joined"])
        #expect(bench.state(nil, "s2") == ["drop", "disconnected"])
        var out = Bench()
        #expect(out.feed(.newGatewaySession).isEmpty)
    }

    /// The voice server says 4014 with the end of a gateway session, long before there is another one to explain it.
    @Test func aNewGatewaySessionIsWhatFollowsOnADismissal() {
        var before = Bench.settled()
        before.connection(.removed("4014"))
        #expect(before.armed[.dismissal] != nil)
        #expect(before.feed(.newGatewaySession) == ["ask 10"])
        #expect(before.fire(.dismissal) == nil)
        var after = Bench.settled()
        after.sends = false
        after.feed(.newGatewaySession)
        #expect(after.connection(.removed("4014")) == ["drop"])
        #expect(after.fire(.dismissal) == nil, "what was asked for is not even sent")
        after.letAsksOut()
        #expect(after.fire(.answer) == ["drop", "ask -", "ask 10"])
    }

    /// With hundreds of guilds an op 4 waits for minutes: nobody can answer it before it is sent.
    @Test func theTimeForAnAnswerRunsFromTheSending() {
        var bench = Bench()
        bench.sends = false
        bench.feed(.join(10))
        #expect(bench.armed[.answer] == nil)
        bench.letAsksOut()
        #expect(bench.lengths[.answer] == VoicePlacement.answerTime && bench.armed[.answer] != nil)
        var again = Bench.settled()
        again.sends = false
        again.feed(.newGatewaySession)
        #expect(again.fire(.answer) == nil)
        let old = again.asked
        again.feed(.leave)
        again.feed(.join(11))
        #expect(again.feed(.asked(old[0])).isEmpty && again.armed[.answer] == nil, "that was another question")
        again.letAsksOut()
        #expect(again.fire(.answer) == ["failed"])
    }

    /// The core keeps count of who is there; what changed while there was no connection is told with the next one.
    @Test func listenersAreToldWithEveryConnection() {
        var bench = Bench.settled()
        #expect(bench.toldListeners == 1)
        bench.connection(.sessionEnded("4006"))
        _ = bench.state(10)
        _ = bench.server("t2")
        bench.connection(.ready)
        #expect(bench.toldListeners == 2)
    }

    @Test func aJoinThatIsNotAnsweredFails() {
        var bench = Bench()
        bench.feed(.join(10))
        #expect(bench.fire(.answer) == ["failed"])
        // Where nobody waits for it, the core tries again.
        #expect(bench.errors.last?.retry == .after(.seconds(5)))
        #expect(bench.errors.last?.userMessage?.contains("full") == true)
        #expect(bench.feed(.leave) == ["drop", "ask -"])
        #expect(bench.feed(.leave) == ["drop"])
    }

    @Test func whatBecomesOfAnEarlierConnectionNoLongerCounts() {
        var bench = Bench.settled()
        let old = bench.calls[0].id
        #expect(bench.feed(.join(11)) == ["ask 11"])
        #expect(bench.feed(.connection(old, .removed("4014"))).isEmpty)
        #expect(bench.feed(.connection(old, .sessionEnded("4006"))).isEmpty)
        #expect(bench.state(11).isEmpty)
        #expect(bench.server("t2") == ["connect 11 s1 t2 e"])
        #expect(bench.feed(.connection(old, .ready)).isEmpty)
        #expect(bench.connection(.ready) == ["joined"])
    }

    @Test func aTimerOfThePastDoesNothing() {
        var bench = Bench()
        bench.feed(.join(10))
        let old = bench.armed[.answer] ?? 0
        bench.feed(.leave)
        bench.feed(.join(11))
        #expect(bench.feed(.timer(.answer, old)).isEmpty)
    }
}
