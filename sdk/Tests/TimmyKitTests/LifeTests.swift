import CTimmyBot
import Glibc
import Synchronization
import Testing

@testable import TimmyKit

/// Counts the instances that are alive.
private let alive = Atomic(0)

private final class Token: Sendable {
    init() { alive.add(1, ordering: .relaxed) }
    deinit { alive.subtract(1, ordering: .relaxed) }
}

@Suite("Life of an instance", .serialized, .timeLimit(.minutes(5)))
struct LifeTests {
    private struct Mortal: Plugin, Source, LyricsSource, Recommender, HealthCheck {
        static let id = "test.mortal"
        static let version = "2.0.0"
        static let oauth = [OAuthFlow.clientCredentials("app", tokenURL: "https://id.example/token")]
        let host: Host
        let token = Token()

        init(host: Host) throws {
            self.host = host
            if host.configuration["refuse"] != nil { throw Failure(code: .auth, detail: "no key") }
            if host.configuration["ticks"] != nil {
                host.clock.every(milliseconds: 1_000) { host.metrics.count("ticks") }
            }
        }

        @CommandList static var commands: [Command] {
            Command("id", "Says which", method: Self.name)
        }
        func name(_ call: Call) async throws { try call.reply(Self.id) }
        func match(_ input: String) -> Int { 500 }
        func resolve(_ input: String, limit: Int) async throws -> [Track] { [] }
        func open(_ key: String, startMilliseconds: UInt64) async throws -> Media { .url("https://e.example/") }
        func lyrics(of track: Track) async throws -> Lyrics? { nil }
        func recommend(after seeds: [Track], limit: Int) async throws -> [Track] { [] }
        func health() async throws -> String { "" }
    }

    private func entries(_ folder: String) -> Int {
        guard let directory = opendir(folder) else { return -1 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return count
    }

    /// Two at once as well: nothing of an instance is static.
    @Test func createAndDestroyAHundredTimes() async throws {
        let host = FakeHost()
        let warm = try Started(Mortal.self, host)
        warm.end()
        let files = entries("/proc/self/fd")
        for round in 0..<100 {
            let one = try Started(Mortal.self, host), two = try Started(Mortal.self, host)
            #expect(alive.load(ordering: .relaxed) == 2)
            #expect(await host.outcome(try one.invoke("id")).text == "test.mortal")
            #expect(await host.outcome(try two.invoke("id")).text == "test.mortal")
            one.end()
            two.end()
            #expect(await eventually { alive.load(ordering: .relaxed) == 0 }, "round \(round)")
        }
        // Other tests open a few meanwhile; a leak would be two hundred.
        #expect(await eventually { entries("/proc/self/fd") < files + 50 })
    }

    @Test func theTableIsTheSameEveryTime() {
        let table = entryTable(Mortal.self)
        #expect(table == entryTable(Mortal.self))
        #expect(table.pointee.size == 72 && table.pointee.magic == TB_PLUGIN_MAGIC)
        #expect(table.pointee.version.string == "2.0.0")
    }

    @Test func aRefusalSaysWhy() {
        let host = FakeHost()
        #expect(throws: Failure(status: TB_E_AUTH, "create")) {
            _ = try Started(Mortal.self, host, configuration: "{\"refuse\":1}")
        }
        #expect(throws: Failure(status: TB_E_INVALID, "create")) {
            _ = try Started(Mortal.self, host, configuration: "{\"refuse\":")
        }
        let log = host.state.withLock { $0.log }
        #expect(log.first == "4 cannot start: no key" && log.last?.contains("JSON at 10") == true, "\(log)")
        #expect(alive.load(ordering: .relaxed) == 0)
    }

    /// Each extension missing in turn: what cannot be done without is named, the rest goes on.
    @Test(arguments: FakeTables.all.keys.sorted())
    func aHostThatLacksOne(_ id: String) throws {
        let host = FakeHost(without: [id])
        let needed = [
            TB_EXT_LOG, TB_EXT_TASK, TB_EXT_REPLY, TB_EXT_SOURCE_HOST, TB_EXT_LYRICS_HOST, TB_EXT_HEALTH_HOST,
        ]
        if needed.contains(id) {
            #expect(throws: Failure(status: TB_E_UNSUPPORTED, "create")) { _ = try Started(Mortal.self, host) }
            if id != TB_EXT_LOG { #expect(host.state.withLock { $0.log.first }?.contains("the host lacks ") == true) }
        } else {
            try Started(Mortal.self, host).end()
        }
    }

    @Test func aHostOfAnotherSizeIsRefused() {
        let host = FakeHost()
        host.raw.pointee.size = 64
        #expect(throws: Failure(status: TB_E_INVALID, "create")) { _ = try Started(Mortal.self, host) }
    }

    @Test func onlyWhatThePluginIsIsOffered() throws {
        struct Bare: Plugin {
            static let id = "test.bare"
            static let version = "1.0.0"
            init(host: Host) {}
        }
        let bare = try Started(Bare.self), all = try Started(Mortal.self)
        #expect(bare.commands == nil && bare.source == nil && bare.lyrics == nil && bare.recommend == nil)
        #expect(bare.health == nil && bare.oauth == nil)
        #expect(all.commands != nil && all.source != nil && all.lyrics != nil && all.recommend != nil)
        #expect(all.health != nil && all.oauth?.count == 1)
        #expect(all.match("x") == 100)
        bare.end()
        all.end()
    }

    /// Timers are the host's; those that a stopped plugin waited for are taken back.
    @Test func timersEndWithTheInstance() async throws {
        let host = FakeHost()
        let started = try Started(Mortal.self, host, configuration: "{\"ticks\":true}")
        for tick in 1...3 {
            #expect(await eventually { host.timerCount == 1 })
            host.advance(999)
            #expect(host.timerCount == 1)
            host.advance(1)
            #expect(await eventually { host.state.withLock { $0.metrics.count } == tick })
        }
        #expect(await eventually { host.timerCount == 1 })
        started.end()
        #expect(host.timerCount == 0)
        #expect(await eventually { alive.load(ordering: .relaxed) == 0 })
    }
}
