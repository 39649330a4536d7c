import CTimmyBot
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import PluginHost

/// From create to destroy, and plugins that will not have it.
@Suite("A plugin's life")
struct LifeTests {
    @Test func stopThenDestroyAndWhatIsOpenIsCancelled() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build()
        let host = makeHost(scratch)
        try host.load(plugin.path)
        let open = Task { await failure { try await host.text(plugin, "hold") } }
        #expect(await eventually { plugin.events.contains("hold 1.0.0") })
        await host.close()
        #expect(await open.value?.code == TB_E_CANCELLED)
        #expect(plugin.events == ["create 1.0.0", "hold 1.0.0", "stop 1.0.0", "destroy 1.0.0"])
        let gone = await failure { try await host.text(plugin, "version") }
        #expect(gone?.code == TB_E_NOT_FOUND)
        #expect(throws: PluginRefusal.self) { try host.load(plugin.path) }
    }

    @Test func aPluginThatWasRefusedAfterCreateIsStopped() async throws {
        let scratch = try Scratch()
        let first = LifePlugin(scratch), second = LifePlugin(scratch)
        try first.build()
        try second.build()
        let host = makeHost(scratch)
        try host.load(first.path)
        let refusal = #expect(throws: PluginRefusal.self) { try host.load(second.path) }
        #expect(refusal?.description.contains("is taken by \(first.id)") == true)
        #expect(await eventually { second.events == ["create 1.0.0", "stop 1.0.0", "destroy 1.0.0"] })
        #expect(try await host.text(first, "version") == "1.0.0")
        await host.close()
    }

    /// Not only one whose commands clash: whatever it was refused for, it was created.
    @Test func aPluginWithBadAccountFlowsIsStopped() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0", ["-DBAD_OAUTH"])
        let host = makeHost(scratch)
        let refusal = #expect(throws: PluginRefusal.self) { try host.load(plugin.path) }
        #expect(refusal?.description.contains("oauth flows") == true)
        #expect(await eventually { plugin.events == ["create 1.0.0", "stop 1.0.0", "destroy 1.0.0"] })
        await host.close()
    }

    @Test func whatARefusedCreateBeganIsCutOff() async throws {
        let scratch = try Scratch(), time = ManualTime()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0", ["-DLATE_REFUSAL"])
        let host = makeHost(
            scratch, services: PluginServices(player: NoServices(), probe: NoServices(), time: time))
        #expect(throws: PluginRefusal.self) { try host.load(plugin.path) }
        #expect(await eventually { time.sleepCount == 1 && time.sleeperCount == 0 })
        #expect(plugin.events == ["create 1.0.0"], "there is nothing to stop")
        await host.close()
    }

    /// What a plugin does and what its neighbour must not notice.
    @Test(arguments: [
        "entry", "get_extension", "create",
    ])
    func oneThatHangsWhileItIsLoadedCostsOnlyItself(_ call: String) async throws {
        let scratch = try Scratch()
        let bad = LifePlugin(scratch, suffix: "_bad"), good = LifePlugin(scratch)
        try bad.build(hangingIn: call)
        try good.build()
        let host = makeHost(scratch, deadlines: .short)
        let reports = host.loadAll([PluginCandidate(file: bad.path), PluginCandidate(file: good.path)])
        #expect(reports[0].refusal?.contains(call == "entry" ? "does not come back" : "does not return") == true)
        #expect(reports[1].refusal == nil)
        #expect(try await host.text(good, "version") == "1.0.0")
        bad.letGo()
        await host.close()
    }

    @Test(arguments: ["stop", "destroy"])
    func oneThatHangsAtItsEndHoldsNobodyUp(_ call: String) async throws {
        let scratch = try Scratch(), clock = ManualClock()
        let bad = LifePlugin(scratch, suffix: "_bad"), good = LifePlugin(scratch)
        try bad.build(hangingIn: call)
        try good.build()
        let log = LogLines()
        let host = makeHost(scratch, clock: clock, log: log)
        #expect(host.loadAll().allSatisfy { $0.refusal == nil })
        await LaneTests.close(host, clock) { good.events.count == 3 && bad.hasHung }
        #expect(good.events == ["create 1.0.0", "stop 1.0.0", "destroy 1.0.0"])
        #expect(!bad.events.contains("destroy 1.0.0"), "never destroyed under its own feet")
        #expect(log.contains("\(bad.id): it did not stop in time"), "\(log.all)")
        bad.letGo()
    }

    /// Who types nonsense is told so, however often; only what the plugin itself gets wrong has it rest.
    @Test func peoplesMistakesDoNotOpenTheBreaker() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build()
        let host = makeHost(scratch)
        try host.load(plugin.path)
        for _ in 0..<(Breaker.threshold * 3) {
            let told = await failure { try await host.text(plugin, "wrong", ["number": .integer(1)]) }
            #expect(told?.code == TB_E_INVALID && told?.userText == "That is no colour.")
        }
        #expect(try host.status(of: plugin).failures == 0 && host.status(of: plugin).state == .running)
        #expect(try await host.text(plugin, "version") == "1.0.0")
        for _ in 0..<Breaker.threshold {
            let failed = await failure { try await host.text(plugin, "wrong", ["number": .integer(2)]) }
            #expect(failed?.code == TB_E_INVALID && failed?.userText == "")
        }
        #expect(try host.status(of: plugin).failures == Breaker.threshold)
        let refused = await failure { try await host.text(plugin, "version") }
        #expect(refused?.code == TB_E_UNAVAILABLE && refused?.detail.contains("no such colour") == true)
        await host.close()
    }

    /// Nor does it rest for others who are slow, and its lane goes on when it has tidied up after that.
    @Test func aPluginThatGivesUpWaitingIsNotOneThatHangs() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build(hangingIn: "tidying")
        let host = makeHost(scratch)
        try host.load(plugin.path)
        let gaveUp = await failure { try await host.text(plugin, "wrong", ["number": .integer(3)]) }
        #expect(gaveUp?.code == TB_E_TIMEOUT)
        let next = Task { try await host.text(plugin, "version") }
        #expect(await eventually { (try? host.status(of: plugin).openCalls) == 1 })
        #expect(try host.status(of: plugin).stuckLanes == 0 && host.status(of: plugin).failures == 0)
        #expect(host.statuses.first?.counters.timeouts == 0)
        #expect(
            await eventually {
                plugin.letGo()
                return (try? host.status(of: plugin).openCalls) == 0
            })
        #expect(try await next.value == "1.0.0")
        await host.close()
    }

    /// Kind words make a plugin's own fault no better, and a status that is none is such a fault too.
    @Test(arguments: 4...7)
    func faultsOfItsOwnOpenTheBreaker(_ kind: Int64) async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build()
        let host = makeHost(scratch)
        try host.load(plugin.path)
        for _ in 0..<Breaker.threshold {
            let failed = await failure { try await host.text(plugin, "wrong", ["number": .integer(kind)]) }
            #expect(failed?.code == TB_E_INTERNAL)
        }
        #expect(try host.status(of: plugin).state == .resting)
        await host.close()
    }

    /// Each call of a plugin may hang; its neighbour's calls go on, and the operator reads in what it hangs.
    @Test(arguments: ["match", "resolve", "open", "artwork", "command", "autocomplete", "component"])
    func oneThatHangsInACallHurtsNobodyElse(_ call: String) async throws {
        let scratch = try Scratch(), clock = ManualClock()
        let bad = LifePlugin(scratch, suffix: "_bad"), good = LifePlugin(scratch)
        try bad.build(hangingIn: call)
        try good.build()
        let log = LogLines()
        let host = makeHost(scratch, clock: clock, log: log)
        #expect(host.loadAll().allSatisfy { $0.refusal == nil })
        let hanging = Task { await Self.make(call, of: bad, on: host) }
        #expect(await eventually { clock.sleeperCount >= 1 && bad.hasHung })
        // Whatever is asked of the other one is answered while the clock stands still.
        for other in ["match", "resolve", "open", "artwork", "command", "autocomplete", "component"] where other != call
        {
            #expect(await Self.make(other, of: good, on: host), "\(other) while \(call) hangs")
        }
        #expect(
            await eventually {
                clock.advance(by: .seconds(1))
                return (try? host.status(of: bad).stuckLanes) == 1
            })
        #expect(await hanging.value == false)
        #expect(await Self.make(call, of: good, on: host))
        let status = try host.status(of: bad)
        #expect(status.failures == 1 && status.lastFailure?.contains(bad.id) == true, "\(status)")
        #expect(log.contains(bad.id), "\(log.all)")
        if call == "match" {
            #expect(await !Self.make(call, of: bad, on: host), "it is not asked again while it hangs")
        }
        bad.letGo()
        #expect(await eventually { (try? host.status(of: bad).stuckLanes) == 0 })
        await LaneTests.close(host, clock)
    }

    /// One call; whether it was answered.
    private static func make(_ call: String, of plugin: LifePlugin, on host: PluginHost) async -> Bool {
        let source = host.sources.first { $0.id == plugin.id }
        switch call {
        case "match": return await source?.match("x") == 50
        case "resolve": return (try? await source?.resolve("x", limit: 1))?.count == 1
        case "open":
            guard case .file(let descriptor)? = try? await source?.open("x", startMilliseconds: 0) else { return false }
            close(descriptor)
            return true
        case "artwork": return await source?.artwork("x") != nil
        case "autocomplete":
            return await !host.autocomplete(plugin.command("version"), option: "x", text: "x", somebody).isEmpty
        case "component":
            return (try? await host.component(plugin: plugin.id, customID: "x", values: [], somebody)) != nil
        default: return (try? await host.text(plugin, "version")) != nil
        }
    }

    @Test func oneThatSpinsACoreIsCutOffToo() async throws {
        let scratch = try Scratch(), clock = ManualClock()
        let bad = LifePlugin(scratch, suffix: "_bad"), good = LifePlugin(scratch)
        try bad.build("1.0.0", ["-DHANG=\"command\"", "-DSPIN"])
        try good.build()
        let host = makeHost(scratch, clock: clock)
        #expect(host.loadAll().allSatisfy { $0.refusal == nil })
        let spinning = Task { await failure { try await host.text(bad, "version") } }
        #expect(await eventually { clock.sleeperCount == 1 && bad.hasHung })
        #expect(try await host.text(good, "version") == "1.0.0")
        clock.advance(by: PluginHost.commandDeadline)
        #expect(await spinning.value?.code == TB_E_TIMEOUT)
        #expect(try host.status(of: bad).state == .stuck)
        #expect(try await host.text(good, "version") == "1.0.0")
        try Data().write(to: URL(fileURLWithPath: bad.gate))
        #expect(await eventually { (try? host.status(of: bad).stuckLanes) == 0 })
        await LaneTests.close(host, clock)
    }

    @Test func garbageAndSilenceAndLateAnswersAreCountedAndHarmless() async throws {
        let scratch = try Scratch(), clock = ManualClock()
        let bad = LifePlugin(scratch, suffix: "_bad"), good = LifePlugin(scratch)
        try bad.build()
        try good.build()
        let log = LogLines()
        let host = makeHost(scratch, clock: clock, log: log)
        #expect(host.loadAll().allSatisfy { $0.refusal == nil })
        let garbled = await failure { try await host.text(bad, "garble") }
        #expect(garbled?.code == TB_E_INVALID)
        #expect(log.contains("a message that is not text"), "\(log.all)")
        #expect(!log.all.contains { $0.unicodeScalars.contains { $0.value == 27 } })
        let long = "\(bad.id): x" + String(repeating: "ä", count: 2_047)
        #expect(log.all.contains(long), "cut after 4096 bytes, between two characters")
        let kept = Task { await failure { try await host.text(bad, "keep") } }
        #expect(await eventually { host.tasks.openCount == 1 && clock.sleeperCount == 1 })
        clock.advance(by: PluginHost.commandDeadline)
        #expect(await kept.value?.code == TB_E_TIMEOUT)
        #expect(try host.status(of: bad).stuckLanes == 0, "silent is not stuck")
        let before = try host.status(of: bad).lateAnswers
        #expect(try await host.text(bad, "release") == "released")
        #expect(try host.status(of: bad).lateAnswers == before + 1)
        #expect(try await host.text(good, "version") == "1.0.0")
        #expect(try host.status(of: good).lateAnswers == 0)
        await LaneTests.close(host, clock)
    }
}
