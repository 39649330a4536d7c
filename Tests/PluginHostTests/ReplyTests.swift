import CTimmyBot
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import PluginHost

/// Who waits for an answer, in tests: objects to what is not a text display with content.
final class Listener: AnswerChannel, Sendable {
    private let seen = Mutex<[PluginUpdate]>([])

    var updates: [PluginUpdate] { seen.withLock { $0 } }

    func objection(to reply: PluginReply) -> String? {
        reply.componentsJSON.contains("content") ? nil : "components[0].content: is missing"
    }
    func objection(toModal json: String) -> String? { json == "{}" ? "title: is missing" : nil }
    func update(_ update: PluginUpdate) { seen.withLock { $0.append(update) } }
}

@Suite("Answers of plugins and the small extensions")
struct ReplyTests {
    private func start(
        _ scratch: Scratch, clock: any Clock<Duration> = ContinuousClock(), services: Bool = true
    ) throws -> PluginHost {
        let id = "test.r\(UInt32.random(in: 0 ... .max))"
        try compile("replies.c", ["-DPLUGIN_ID=\"\(id)\""], to: "\(scratch.path)/\(id).so")
        var logger = Logger(label: "plugins")
        logger.logLevel = .critical
        var offered = PluginServices(player: NoServices(), probe: NoServices())
        if services {
            let memory = MemorySettings()
            offered.settings = memory
            offered.history = memory
        }
        let host = PluginHost(
            PluginHost.Configuration(directory: scratch.path, cacheDirectory: "\(scratch.path)/cache"),
            services: offered, logger: logger, clock: clock)
        let reports = host.loadAll()
        try #require(reports.map(\.refusal) == [nil], "\(reports)")
        return host
    }

    /// The text of the one text display that the fixture answers with.
    private func say(
        _ host: PluginHost, _ command: String, _ arguments: [String: PluginValue] = [:], _ channel: Listener? = nil
    ) async throws -> String {
        let json = try #require(try await host.invoke(command, somebody, arguments, channel: channel).text)
        let parsed = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
        return try #require(parsed?.first?["content"] as? String)
    }

    @Test func answersMayBeEditedAndFollowedUpForAWhile() async throws {
        let scratch = try Scratch()
        let clock = ManualClock()
        let host = try start(scratch, clock: clock)
        let listener = Listener()
        #expect(try await say(host, "answer", [:], listener) == "first")
        let good = PluginReply(componentsJSON: "[{\"type\":10,\"content\":\"good\"}]")
        // A bad edit is invalid, six edits are fine, and of six follow-ups five.
        #expect(try await say(host, "amend", ["number": .integer(6)]) == "-1 0 0 0 0 0 0 0 0 0 0 0 -6")
        let edits = Array(repeating: PluginUpdate.edit(good), count: 6)
        #expect(listener.updates == edits + Array(repeating: .followUp(good), count: 5))
        clock.advance(by: .seconds(15 * 60 - 1))
        #expect(try await say(host, "amend", ["number": .integer(1)]) == "-1 0 -6")
        clock.advance(by: .seconds(2))
        #expect(try await say(host, "amend", ["number": .integer(1)]) == "-8 -8 -8")
        #expect(listener.updates.count == 12)
        host.shutdown()
    }

    @Test func whatIsRememberedIsBounded() async throws {
        let scratch = try Scratch()
        let host = try start(scratch, clock: ManualClock())
        for _ in 0..<(TaskTable.maximumAnswered + 50) { _ = try await say(host, "answer", [:], Listener()) }
        #expect(host.tasks.answeredCount == TaskTable.maximumAnswered)
        host.shutdown()
    }

    @Test func misuseLeavesTheTaskOpen() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        #expect(try await say(host, "early", [:], Listener()) == "-1 -1 -1 -1")
        host.shutdown()
    }

    @Test func searchesAreForOneToAHundredTracks() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        #expect(try await say(host, "limits") == "-1 -1 0")
        host.shutdown()
    }

    @Test func modalsGoOutAndComeBack() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        guard case .modal(let json) = try await host.invoke("ask", somebody, [:], channel: Listener()) else {
            Issue.record("no modal")
            return
        }
        #expect(json.contains("\"form:1\""))
        let plugin = try #require(host.commands.first?.plugin)
        let fields = [PluginField(customID: "word", value: "hello"), PluginField(customID: "more", value: "")]
        let answer = try await host.modal(plugin: plugin, customID: "form:1", fields: fields, somebody)
        #expect(answer.text?.contains("form:1 2 word=hello") == true)
        let gone = await failure { try await host.modal(plugin: "test.gone", customID: "x", fields: [], somebody) }
        #expect(gone?.code == TB_E_NOT_FOUND)
        host.shutdown()
    }

    @Test func deferralProgressAndTheHintThatNobodyWaits() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        let listener = Listener()
        let waiting = Task { await failure { try await host.invoke("wait", somebody, [:], channel: listener) } }
        #expect(await eventually { listener.updates == [.deferred(isEphemeral: true), .progress("looking")] })
        #expect(try await say(host, "hint") == "0 0")
        waiting.cancel()
        #expect(await waiting.value?.code == TB_E_CANCELLED)
        var told = ""
        for _ in 0..<1_000 where told != "1 1" { told = try await say(host, "hint") }
        #expect(told == "1 1")
        #expect(host.statuses.first?.counters.failures == 0, "a caller who goes away is no failure")
        host.shutdown()
    }

    @Test func whoCallsIsTold() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        var call = somebody
        call.permissions = 1 << 52
        call.isOwner = true
        let answer = try await host.invoke("who", call, [:])
        #expect(answer.text?.contains("\(UInt64(1) << 52) 1 who") == true)
        let flags = host.commands.filter { ["private", "owner", "who"].contains($0.name) }
        #expect(flags.map(\.isOwnerOnly) == [true, false, false] && flags.map(\.isPrivate) == [false, true, false])
        host.shutdown()
    }

    @Test func callsAreCounted() async throws {
        let scratch = try Scratch()
        let clock = ManualClock()
        let host = try start(scratch, clock: clock)
        let waiting = Task { await failure { try await host.invoke("wait", somebody, [:]) } }
        #expect(await eventually { clock.sleeperCount == 1 })
        #expect(try await say(host, "hint") == "0 0")
        #expect(host.statuses.first?.condition.openCalls == 1)
        clock.advance(by: PluginHost.commandDeadline)
        #expect(await waiting.value?.code == TB_E_TIMEOUT)
        let status = try #require(host.statuses.first)
        #expect(status.counters.calls == 2 && status.counters.failures == 1 && status.counters.timeouts == 1)
        #expect(
            status.counters.lastFailure.contains("no answer") && status.condition.openCalls == 0
                && status.condition.state == .running)
        host.shutdown()
    }

    // MARK: The small extensions

    @Test func settingsAndHistoryArrive() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        #expect(try await say(host, "get") == "0")
        #expect(try await say(host, "set", ["key": .string("b"), "value": .string("2")]) == "0 b=2")
        #expect(try await say(host, "set", ["key": .string("a"), "value": .string("1")]) == "0 a=1 b=2")
        let long = String(repeating: "k", count: 65), large = String(repeating: "v", count: 2_049)
        for (key, value) in [("", "v"), (long, "v"), ("k", large)] {
            let refused = await failure {
                try await host.invoke("set", somebody, ["key": .string(key), "value": .string(value)])
            }
            #expect(refused?.code == TB_E_INVALID)
        }
        #expect(try await say(host, "recent", ["number": .integer(2)]) == "0 lib/Song0/3 lib/Song1/3")
        let none = await failure { try await host.invoke("recent", somebody, ["number": .integer(101)]) }
        #expect(none?.code == TB_E_INVALID)
        host.shutdown()
    }

    @Test func aHostWithoutThemSaysSo() async throws {
        let scratch = try Scratch()
        let host = try start(scratch, services: false)
        let refused = await failure { try await host.invoke("get", somebody, [:]) }
        #expect(refused?.code == TB_E_UNSUPPORTED)
        host.shutdown()
    }

    @Test func metricsAreBoundedAndRead() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        #expect(try await say(host, "measure") == "done")
        let all = Dictionary(host.metrics.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        #expect(all.count == PluginMetrics.maximumNames)
        #expect(all["calls_total"]?.value == 5 && all["level"]?.value == 4)
        let wait = try #require(all["wait_seconds"])
        #expect(wait.kind == .distribution && wait.count == 2 && wait.value == 2)
        #expect(wait.least == 0.5 && wait.greatest == 1.5)
        #expect(all["Bad Name"] == nil && all["n99"] == nil)
        host.shutdown()
    }

    @Test func complaintsAboutMetricsComeOnce() {
        let metrics = PluginMetrics()
        #expect(metrics.record("Bad", 1, .counter, of: "p") != nil)
        #expect(metrics.record("Worse", 1, .counter, of: "p") == nil)
        #expect(metrics.record("good", .nan, .gauge, of: "p") != nil)
        #expect(metrics.record("Bad", 1, .counter, of: "q") != nil)
        #expect(metrics.all.isEmpty)
    }

    @Test func recommendationsLyricsAndHealth() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        let seed = PluginTrack(key: "k", title: "Seed", artist: "", durationMilliseconds: 0)
        let recommender = try #require(host.recommenders.first)
        #expect(!recommender.hasSource)
        #expect(try await recommender.recommend([seed, seed], limit: 2).map(\.title) == ["Seed", "Seed"])
        #expect(await failure { try await recommender.recommend([], limit: 2) }?.code == TB_E_UNSUPPORTED)
        let lyricist = try #require(host.lyricists.first)
        let found = try await lyricist.lyrics(of: seed)
        #expect(found.lines.map(\.atMilliseconds) == [1_000, 2_000] && found.lines.map(\.text) == ["la", "li"])
        #expect(found.credit == "LRC" && found.pageURL == "", "a page is https or none")
        var short = seed
        short.title = "S"
        #expect(try await lyricist.lyrics(of: short).lines.map(\.atMilliseconds) == [nil, nil])
        short.title = ""
        #expect(await failure { try await lyricist.lyrics(of: short) }?.code == TB_E_NOT_FOUND)
        #expect(try await host.patients.first?.check() == "fine")
        host.shutdown()
    }
}
