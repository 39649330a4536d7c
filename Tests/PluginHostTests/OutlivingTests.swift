import CTimmyBot
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import PluginHost

/// What is still under way when an instance is to end: it is destroyed afterwards or not at all.
@Suite("What outlives a call")
struct OutlivingTests {
    // MARK: Completions

    /// The handler has answered, and what it asked for is still being worked on when the operator unloads the plugin.
    @Test func whatIsOwedIsCancelledBeforeDestroy() async throws {
        let scratch = try Scratch(), slow = SlowServices()
        let plugin = LifePlugin(scratch)
        try plugin.build()
        let host = makeHost(scratch, services: slow.services)
        try host.load(plugin.path)
        let questions = ["play", "control", "filter", "snapshot", "search", "history", "probe"]
        for what in questions { #expect(try await host.text(plugin, "ask", ["what": .string(what)]) == "0") }
        #expect(await eventually { slow.count == questions.count })
        try host.unload(plugin.id)
        #expect(await eventually { plugin.events.last == "destroy 1.0.0" })
        // The services themselves have not heeded their cancellation, and their answers come to nothing.
        slow.letGo()
        let events = plugin.events
        #expect(events.count == questions.count + 3)
        for what in questions { #expect(events.contains("\(what) \(TB_E_CANCELLED) 1.0.0"), "\(events)") }
        await host.close()
    }

    @Test(arguments: [false, true])
    func anInstanceThatIsOwedSomethingIsNotDestroyed(_ botEnds: Bool) async throws {
        let scratch = try Scratch(), slow = SlowServices(), log = LogLines()
        let plugin = LifePlugin(scratch)
        try plugin.build()
        let host = makeHost(scratch, log: log, services: slow.services)
        try host.load(plugin.path)
        let instance = try #require(host.current(plugin.id))
        for what in ["settings", "set"] {
            #expect(try await host.text(plugin, "ask", ["what": .string(what)]) == "0")
        }
        if botEnds { host.shutdown() } else { try host.unload(plugin.id) }
        #expect(await eventually { instance.isOver })
        #expect(plugin.events == ["create 1.0.0", "stop 1.0.0"])
        #expect(log.contains("left as it is; a completion, cancel or match does not return"), "\(log.all)")
        slow.letGo()
        #expect(await eventually { plugin.events.suffix(2) == ["settings 0 1.0.0", "set 0 1.0.0"] })
        await host.close()
    }

    // MARK: Hints

    @Test func aHintThatBlocksKeepsItsInstanceAndHoldsUpNobodyElse() async throws {
        let scratch = try Scratch()
        let plugins = ["_bad", "_good"].map { LifePlugin(scratch, suffix: $0) }
        for plugin in plugins { try plugin.build(hangingIn: "cancel") }
        let host = makeHost(scratch)
        #expect(host.loadAll().allSatisfy { $0.refusal == nil })
        for plugin in plugins {
            let source = try #require(host.sources.first { $0.id == plugin.id })
            let open = Task { try await source.resolve("hold", limit: 1) }
            #expect(await eventually { host.tasks.openCount == 1 })
            open.cancel()
            #expect(await eventually { plugin.events == ["create 1.0.0", "cancel 1.0.0"] })
        }
        for plugin in plugins {
            let instance = try #require(host.current(plugin.id))
            try host.unload(plugin.id)
            #expect(instance.life.withLock { $0.phase } == .draining)
            #expect(await plugin.letGo(until: "cancelled 1.0.0"))
            #expect(
                await eventually {
                    plugin.events.suffix(3) == ["cancelled 1.0.0", "stop 1.0.0", "destroy 1.0.0"]
                })
        }
        await host.close()
    }

    // MARK: Match

    private static let impatient: PluginHost.Deadlines = {
        var deadlines = PluginHost.Deadlines()
        deadlines.match = .milliseconds(50)
        return deadlines
    }()

    @Test func aMatchThatHangsKeepsItsInstance() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build(hangingIn: "match")
        let host = makeHost(scratch, deadlines: Self.impatient)
        try host.load(plugin.path)
        let instance = try #require(host.current(plugin.id))
        #expect(await host.sources.first?.match("x") == 0)
        try host.unload(plugin.id)
        #expect(instance.life.withLock { $0.phase } == .draining)
        #expect(await plugin.letGo(until: "matched 1.0.0"))
        #expect(
            await eventually {
                plugin.events == ["create 1.0.0", "matched 1.0.0", "stop 1.0.0", "destroy 1.0.0"]
            })
        await host.close()
    }

    @Test func whereTheBotEndsNothingIsDestroyedUnderAMatch() async throws {
        let scratch = try Scratch(), log = LogLines()
        let plugin = LifePlugin(scratch)
        try plugin.build(hangingIn: "match")
        let host = makeHost(scratch, deadlines: Self.impatient, log: log)
        try host.load(plugin.path)
        #expect(await host.sources.first?.match("x") == 0)
        await host.close()
        #expect(plugin.events == ["create 1.0.0", "stop 1.0.0"])
        #expect(log.contains("match does not return"), "\(log.all)")
        #expect(await plugin.letGo(until: "matched 1.0.0"))
    }
}

extension LifePlugin {
    /// Lets hanging calls go on until one has come to `event`.
    fileprivate func letGo(until event: String) async -> Bool {
        await eventually {
            letGo()
            return events.contains(event)
        }
    }
}

extension PluginInstance {
    fileprivate var isOver: Bool {
        if case .over = life.withLock({ $0.phase }) { true } else { false }
    }
}

/// Services that answer when they are let go, and heed no cancellation.
private final class SlowServices: PlayerService, ProbeService, HistoryService, SettingsService {
    private let waiting = Mutex<[@Sendable () -> Void]>([])

    var services: PluginServices {
        var services = PluginServices(player: self, probe: self)
        (services.history, services.settings) = (self, self)
        return services
    }

    var count: Int { waiting.withLock { $0.count } }

    func letGo() {
        let all = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for one in all { one() }
    }

    private func wait() async {
        await withCheckedContinuation { continuation in waiting.withLock { $0.append { continuation.resume() } } }
    }

    private func never<Value>() async throws(PluginFailure) -> Value {
        await wait()
        throw PluginFailure(code: TB_E_UNAVAILABLE, detail: "too late")
    }

    func play(_ query: String, _ mode: PlayMode, for call: PluginInvocation) async throws(PluginFailure)
        -> PlayerAddition
    { try await never() }
    func search(_ query: String, limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginFound] {
        try await never()
    }
    func perform(_ action: PlayerAction, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        try await never()
    }
    func setFilter(_ name: String, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        try await never()
    }
    func snapshot(first: Int, count: Int, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        try await never()
    }
    func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe {
        close(descriptor)
        return try await never()
    }
    func recent(_ limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginPlayed] {
        try await never()
    }
    func settings(of plugin: String, guild: UInt64, done: @escaping Done) {
        waiting.withLock { $0.append { done(.success([])) } }
    }
    func set(_ setting: PluginSetting, of plugin: String, guild: UInt64, done: @escaping Done) {
        waiting.withLock { $0.append { done(.success([])) } }
    }
}
