import CTimmyBot
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import PluginHost

/// The threads on which plugins are called, and what stops asking them.
@Suite("Lanes, deadlines and breakers")
struct LaneTests {
    // MARK: Pure parts

    @Test func anOpenBreakerLetsOneCallThroughAfterItsPause() {
        var breaker = Breaker()
        for _ in 0..<Breaker.threshold { breaker.failed(now: 0) }
        func admitted(_ times: Double...) -> [Bool] { times.map { breaker.admit(now: $0) } }
        #expect(!breaker.isHalfOpen(now: 29) && breaker.isHalfOpen(now: 30))
        #expect(admitted(29, 30, 31) == [false, true, false], "one probe at a time")
        breaker.failed(now: 40)
        #expect(breaker.isOpen(now: 69))
        #expect(admitted(69, 70) == [false, true])
        breaker.succeeded()
        #expect(admitted(71, 71) == [true, true])
        #expect(breaker.failures == 0)
    }

    @Test func aTrialFailsOnlyWhereItsFirstCallsAllFail() {
        func trial(_ times: Double...) -> (trial: Trial, admitted: [Bool]) {
            var trial = Trial(now: 0)
            let admitted = times.map { trial.admit(now: $0) }
            return (trial, admitted)
        }
        var (bad, counted) = trial(10, 10, 10, 10)
        #expect(counted == [true, true, true, false], "only the first three count")
        bad.failed()
        bad.failed()
        #expect(bad.verdict == .open)
        bad.failed()
        bad.succeeded()
        #expect(bad.verdict == .failed)

        var (good, _) = trial(1, 1)
        good.failed()
        good.succeeded()
        #expect(good.verdict == .passed)

        var (unused, late) = trial(60)
        #expect(late == [false])
        unused.expire()
        #expect(unused.verdict == .passed)

        var (slow, _) = trial(59, 59, 59)
        slow.expire()
        #expect(slow.verdict == .open, "what began in time is waited for")
        for _ in 0..<3 { slow.failed() }
        #expect(slow.verdict == .failed)

        var (left, _) = trial(59, 59, 59)
        left.failed()
        left.unknown()
        left.expire()
        left.unknown()
        #expect(left.verdict == .passed, "what nobody waits for any more does not keep it open")

        var (again, _) = trial(1, 1, 1)
        again.unknown()
        let more = [again.admit(now: 2), again.admit(now: 2)]
        #expect(more == [true, false], "another one counts in its place")
    }

    // MARK: The lane

    @Test func aStuckLaneTakesNothingMoreAndRecovers() async {
        let lane = Lane(name: "test")
        let gate = DispatchSemaphore(value: 0), dropped = Atomic(0)
        let hanging = lane.submit("resolve") { gate.wait() }
        let waiting = lane.submit("open", drop: { _ in dropped.add(1, ordering: .relaxed) }) {}
        #expect(await eventually { lane.depth == 1 })
        #expect(lane.stuck == 0)
        #expect(hanging.map(lane.expire) == .hangs)
        #expect(lane.stuck == 1 && lane.depth == 0 && dropped.load(ordering: .relaxed) == 1)
        #expect(waiting.map(lane.expire) == .returned, "it was dropped already")
        #expect(lane.submit("open") {} == nil, "nothing is queued behind it")
        #expect(lane.stuckReason == "test hangs in resolve")
        gate.signal()
        #expect(await eventually { lane.stuck == 0 })
        #expect(lane.lateReturns == 1)
        let ran = Atomic(false)
        #expect(lane.submit("open") { ran.store(true, ordering: .relaxed) } != nil)
        #expect(await eventually { ran.load(ordering: .relaxed) })
        lane.close()
        #expect(lane.submit("open") {} == nil)
    }

    @Test func whatIsExclusiveRunsAlone() async {
        let lane = Lane(name: "test")
        lane.widen(to: 4)
        #expect(lane.width == 4)
        let running = Atomic(0), atOnce = Atomic(-1), gate = DispatchSemaphore(value: 0)
        for _ in 0..<3 {
            lane.submit("call") {
                running.add(1, ordering: .relaxed)
                gate.wait()
                running.subtract(1, ordering: .relaxed)
            }
        }
        #expect(await eventually { running.load(ordering: .relaxed) == 3 })
        lane.submit("destroy", exclusive: true) {
            atOnce.store(running.load(ordering: .relaxed), ordering: .relaxed)
        }
        #expect(lane.depth == 1)
        for _ in 0..<3 { gate.signal() }
        #expect(await eventually { atOnce.load(ordering: .relaxed) == 0 })
        lane.close()
    }

    @Test func aPerformedCallIsAnsweredOrLate() async {
        let lane = Lane(name: "test"), clock = ManualClock()
        let answer = await lane.perform("call", within: .seconds(1), clock: clock) { 42 }
        #expect(answer == 42)
        let gate = DispatchSemaphore(value: 0), expiry = Mutex<Lane.Expiry?>(nil)
        let holder = Holder(expiry: expiry)
        let late = Task {
            await lane.perform(
                "call", within: .seconds(1), clock: clock, late: { found in holder.expiry.withLock { $0 = found } }
            ) {
                holder.isEntered.store(true, ordering: .relaxed)
                gate.wait()
                return 1
            }
        }
        // Only a call whose turn has come can hang.
        #expect(await eventually { holder.isEntered.load(ordering: .relaxed) && clock.sleeperCount == 1 })
        clock.advance(by: .seconds(1))
        #expect(await late.value == nil)
        #expect(holder.expiry.withLock { $0 } == .hangs)
        #expect(await lane.perform("call", within: .seconds(1), clock: clock) { 1 } == nil)
        gate.signal()
        lane.close()
    }

    private final class Holder: Sendable {
        let expiry: Mutex<Lane.Expiry?>
        let isEntered = Atomic(false)
        init(expiry: consuming sending Mutex<Lane.Expiry?>) { self.expiry = expiry }
    }

    // MARK: Plugins

    @Test(arguments: [1, 4])
    func aManifestAsksForLanes(_ lanes: Int) async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0", ["-DLANES=\"\(lanes)\""])
        let host = makeHost(scratch)
        try host.load(plugin.path)
        #expect(try host.status(of: plugin).lanes == lanes)
        let most = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<lanes {
                group.addTask { try await host.text("meet", ["number": .integer(Int64(lanes))]) }
            }
            return try await group.reduce(into: "") { $0 = max($0, $1) }
        }
        #expect(most == "\(lanes)")
        await host.close()
    }

    @Test(arguments: [0, 9, -1])
    func tooManyLanesAreRefused(_ lanes: Int) throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0", ["-DLANES=\"\(lanes)\""])
        let refusal = #expect(throws: PluginRefusal.self) { try makeHost(scratch).load(plugin.path) }
        #expect(refusal?.description.contains("1 to 8") == true)
    }

    @Test func aHangingCommandIsCutOffAndComesBack() async throws {
        let scratch = try Scratch(), clock = ManualClock()
        let bad = LifePlugin(scratch, suffix: "_bad"), good = LifePlugin(scratch)
        try bad.build(hangingIn: "command")
        try good.build()
        let host = makeHost(scratch, clock: clock)
        #expect(host.loadAll().allSatisfy { $0.refusal == nil })
        // One hangs, and one waits behind it.
        let calls = (0..<2).map { _ in Task { await failure { try await host.text(bad, "version") } } }
        #expect(
            await eventually {
                bad.hasHung && (try? host.status(of: bad).queueDepth) == 1
                    && clock.sleeperCount == 1
            })
        clock.advance(by: PluginHost.commandDeadline)
        for call in calls { #expect(await call.value?.code == TB_E_TIMEOUT) }
        var status = try host.status(of: bad)
        #expect(status.state == .stuck && status.stuckLanes == 1 && status.queueDepth == 0, "\(status)")
        // More calls fail at once, until nothing is asked any more.
        for _ in 0..<3 {
            let refused = await failure { try await host.text(bad, "version") }
            #expect(
                refused?.code == TB_E_TIMEOUT && refused?.detail.contains("hangs in command") == true, "\(refused!)")
        }
        let resting = await failure { try await host.text(bad, "version") }
        #expect(resting?.code == TB_E_UNAVAILABLE && resting?.detail.contains("hangs in") == true)
        status = try host.status(of: bad)
        #expect(status.failures == 5 && status.lastFailure?.contains("hangs in command") == true, "\(status)")
        #expect(try await host.text(good, "version") == "1.0.0")
        // Back from its call, it counts as late, and one probe closes the breaker.
        bad.letGo()
        #expect(await eventually { (try? host.status(of: bad).stuckLanes) == 0 })
        #expect(try host.status(of: bad).lateAnswers >= 1)
        #expect(try host.status(of: bad).state == .resting)
        clock.advance(by: .seconds(Breaker.pause))
        #expect(try host.status(of: bad).state == .probing)
        let probe = Task { try await host.text(bad, "version") }
        #expect(await eventually { (try? host.status(of: bad).openCalls) == 1 })
        let second = await failure { try await host.text(bad, "version") }
        #expect(second?.code == TB_E_UNAVAILABLE, "one probe at a time")
        var released = false
        while !released {
            bad.letGo()
            released = (try? host.status(of: bad).openCalls) == 0
        }
        #expect(try await probe.value == "1.0.0")
        #expect(try host.status(of: bad).state == .running)
        await Self.close(host, clock)
    }

    /// Closes a host whose clock stands still, letting hanging stops run out once `isReady`.
    static func close(
        _ host: PluginHost, _ clock: ManualClock, when isReady: @Sendable () -> Bool = { true }
    ) async {
        let closing = Task { await host.close() }
        let done = Atomic(false)
        let watch = Task {
            await closing.value
            done.store(true, ordering: .releasing)
        }
        _ = await eventually { done.load(ordering: .acquiring) || isReady() }
        // Whatever does end gets the time for it.
        if await !poll(within: .milliseconds(500), { done.load(ordering: .acquiring) }) {
            _ = await poll(every: .milliseconds(20)) {
                clock.advance(by: .seconds(1))
                return done.load(ordering: .acquiring)
            }
        }
        await watch.value
    }
}
