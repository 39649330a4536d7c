import CTimmyBot
import Foundation
import TestSupport
import Testing

@testable import PluginHost

/// Calls of a C plugin: what it is given, and what it may answer.
@Suite("Calling plugins")
struct CallTests {
    /// A host with its own copy of the plugin, whose statics are then its own too.
    private func start(_ scratch: Scratch, clock: any Clock<Duration> = ContinuousClock()) throws -> PluginHost {
        let id = "test.b\(UInt32.random(in: 0 ... .max))"
        try compile("behaviour.c", ["-DPLUGIN_ID=\"\(id)\""], to: "\(scratch.path)/\(id).so")
        let host = makeHost(scratch, clock: clock)
        let reports = host.loadAll()
        try #require(reports.map(\.refusal) == [nil], "\(reports)")
        return host
    }

    private static let values: [[String: PluginValue]] = [
        [
            "word": .string("héllo"), "number": .integer(-7), "real": .number(2.5), "flag": .integer(1),
            "maybe": .integer(.max),
            "perhaps": .number(-0.125),
        ],
        ["word": .string(""), "number": .integer(.min), "real": .number(1e300), "flag": .integer(0)],
        ["word": .string("x"), "number": .integer(0), "real": .integer(3), "flag": .integer(1), "maybe": .integer(0)],
    ]

    @Test func everyTypeArrives() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        let seen = [
            "héllo|-7|2.5|1|9223372036854775807|-0.125", "|-9223372036854775808|1.0000000000000001e+300|0|-|-",
            "x|0|3|1|0|-",
        ]
        for (given, expected) in zip(Self.values, seen) {
            let typed = try await host.text("everything", given)
            #expect(typed == "\(expected)|1152921504606846976|en-GB")
            #expect(try await host.text("uniform", given) == "6|\(expected)")
        }
        host.shutdown()
    }

    @Test func whatIsMissingOrOfTheWrongTypeIsNotCalled() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        for wrong: [String: PluginValue] in [
            [:], ["word": .integer(1), "number": .integer(1), "real": .number(1), "flag": .integer(1)],
        ] {
            let refused = await failure { try await host.invoke("everything", somebody, wrong) }
            #expect(refused?.code == TB_E_INVALID && refused?.userText.isEmpty == false)
        }
        #expect(host.conditions.map(\.failures) == [0], "it was never asked")
        let unknown = await failure { try await host.invoke("nothing_such", somebody, [:]) }
        #expect(unknown?.code == TB_E_NOT_FOUND)
        host.shutdown()
    }

    @Test func aSecondAnswerIsStale() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        #expect(try await host.text("twice", [:]) == "first")
        #expect(try await host.text("second_status", [:]) == "\(TB_E_STALE)")
        host.shutdown()
    }

    @Test func noAnswerTimesOutAndALateOneIsHarmless() async throws {
        let scratch = try Scratch()
        let clock = ManualClock()
        let host = try start(scratch, clock: clock)
        let waiting = Task { await failure { try await host.invoke("silent", somebody, [:]) } }
        #expect(await eventually { clock.sleeperCount == 1 })
        // The lane is serial: once this one is answered, `silent` has been called.
        #expect(try await host.text("twice", [:]) == "first")
        clock.advance(by: PluginHost.commandDeadline)
        #expect(await waiting.value?.code == TB_E_TIMEOUT)
        #expect(try await host.text("late", [:]) == "\(TB_E_STALE) 1")
        host.shutdown()
    }

    @Test func answersOfTheWrongKindAndGarbageAreInvalid() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        #expect(try await host.text("wrong_kind", [:]) == "\(TB_E_INVALID) \(TB_E_INVALID)")
        #expect(
            try await host.text("garbage", [:])
                == "\(TB_E_INVALID) \(TB_E_INVALID) \(TB_E_INVALID) \(TB_E_INVALID) \(TB_E_INVALID) \(TB_E_INVALID)")
        let refused = await failure { try await host.invoke("refuse", somebody, [:]) }
        #expect(refused?.code == TB_E_UNAVAILABLE)
        let explained = await failure { try await host.invoke("explain", somebody, [:]) }
        let words = "Come back later."
        #expect(
            explained
                == PluginFailure(code: TB_E_RATE_LIMIT, userText: words, detail: "429", retryAfter: .seconds(1)))
        host.shutdown()
    }

    @Test func nobodySettlesAnothersTask() async throws {
        let scratch = try Scratch()
        for (id, suffix) in [("test.one", ""), ("test.two", "_two")] {
            try compile(
                "behaviour.c", ["-DPLUGIN_ID=\"\(id)\"", "-DSUFFIX=\"\(suffix)\""], to: "\(scratch.path)/\(id).so")
        }
        let clock = ManualClock()
        let host = makeHost(scratch, clock: clock)
        #expect(host.loadAll().map(\.refusal) == [nil, nil])
        let waiting = Task { await failure { try await host.invoke("silent", somebody, [:]) } }
        #expect(await eventually { clock.sleeperCount == 1 })
        // The first task of this host is number 1.
        #expect(
            try await host.text("foreign_two", ["number": .integer(1)]) == "\(TB_E_STALE)")
        clock.advance(by: PluginHost.commandDeadline)
        #expect(await waiting.value?.code == TB_E_TIMEOUT)
        host.shutdown()
    }

    @Test func aHangingPluginHurtsNobodyElse() async throws {
        let scratch = try Scratch()
        for (id, suffix) in [("test.stuck", "_stuck"), ("test.well", "")] {
            try compile(
                "behaviour.c", ["-DPLUGIN_ID=\"\(id)\"", "-DSUFFIX=\"\(suffix)\""], to: "\(scratch.path)/\(id).so")
        }
        let clock = ManualClock()
        let host = makeHost(scratch, clock: clock)
        #expect(host.loadAll().map(\.refusal) == [nil, nil])
        var pipe: [Int32] = [-1, -1]
        #expect(Glibc.pipe(&pipe) == 0)
        let (input, output) = (pipe[0], pipe[1])
        let hanging = (0..<6).map { _ in
            Task { await failure { try await host.invoke("hang_stuck", somebody, ["number": .integer(Int64(input))]) } }
        }
        #expect(await eventually { host.tasks.openCount == 6 && clock.sleeperCount == 1 })
        #expect(try await host.text("second_status", [:]) == "1")
        clock.advance(by: PluginHost.commandDeadline)
        for task in hanging { #expect(await task.value?.code == TB_E_TIMEOUT) }
        // It is not asked any more, at once and not after another deadline.
        let resting = await failure { try await host.invoke("second_status_stuck", somebody, [:]) }
        #expect(resting?.code == TB_E_UNAVAILABLE && resting?.detail.contains("resting") == true)
        #expect(try await host.text("second_status", [:]) == "1")
        close(output)
        host.shutdown()
        close(input)
    }

    @Test func suggestionsAreCutAndCleaned() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        let choices = await host.autocomplete("everything", option: "word", text: "abc", somebody)
        #expect(choices == Array(repeating: PluginChoice(name: "abc", value: "abc"), count: 24))
        let long = await host.autocomplete(
            "everything", option: "word", text: String(repeating: "x", count: 101), somebody)
        #expect(long.isEmpty, "a value of more than 100 characters cannot be sent to Discord")
        host.shutdown()
    }

    @Test func componentsReachTheirPlugin() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        let plugin = try #require(host.commands.first?.plugin)
        let answer = try await host.component(plugin: plugin, customID: "skip:1", values: ["one", "two"], somebody)
        #expect(answer.text == "skip:1 2 one")
        let none = await failure { try await host.component(plugin: "test.gone", customID: "x", values: [], somebody) }
        #expect(none?.code == TB_E_NOT_FOUND)
        host.shutdown()
    }

    @Test func tracksAreCleaned() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        let source = try #require(host.sources.first)
        #expect(await source.match("test:1") == 100)
        #expect(await source.match("else") == 0)
        let track = PluginTrack(key: "a/b.opus", title: "Title", artist: "Artist", pageURL: "", durationMilliseconds: 0)
        #expect(try await source.resolve("x", limit: 10) == [track, track])
        #expect(try await source.resolve("x", limit: 1) == [track])
        for input in ["many", "less"] {
            let odd = await failure { try await source.resolve(input, limit: 10) }
            #expect(odd?.code == TB_E_INVALID, "\(input)")
        }
        host.shutdown()
    }

    @Test func onlyRealDescriptorsAndWebAddressesAreTaken() async throws {
        let scratch = try Scratch()
        let host = try start(scratch)
        let source = try #require(host.sources.first)
        guard case .file(let descriptor) = try await source.open("null", startMilliseconds: 0) else {
            Issue.record("no file")
            return
        }
        #expect(fcntl(descriptor, F_GETFD) >= 0)
        close(descriptor)
        for key in ["closed", "file", "less"] {
            let refused = await failure { try await source.open(key, startMilliseconds: 0) }
            #expect(refused?.code == TB_E_INVALID, "\(key)")
        }
        #expect(await source.artwork("x")?.bytes == [1, 2, 3, 4])
        #expect(await source.artwork("") == nil, "a page is no picture")
        host.shutdown()
    }

    @Test func theBreakerOpensAndCloses() {
        var breaker = Breaker()
        for second in 0..<4 { breaker.failed(now: Double(second)) }
        #expect(!breaker.isOpen(now: 4))
        breaker.failed(now: 4)
        #expect(breaker.isOpen(now: 5) && breaker.isOpen(now: 33.9) && !breaker.isOpen(now: 34))
        breaker.failed(now: 34)
        #expect(breaker.isOpen(now: 35), "one more failure after the pause is enough")
        breaker.succeeded()
        #expect(!breaker.isOpen(now: 35))
    }
}

extension PluginHost {
    /// Calls a command that answers with text instead of components.
    func text(_ command: String, _ arguments: [String: PluginValue]) async throws -> String {
        try #require(try await invoke(command, somebody, arguments).text)
    }
}

extension PluginAnswer {
    var text: String? {
        if case .message(let reply) = self { reply.componentsJSON } else { nil }
    }
}

/// What a call failed with; nil where it worked, or failed with something else.
func failure<Value>(_ body: () async throws -> Value) async -> PluginFailure? {
    do {
        _ = try await body()
        return nil
    } catch { return error as? PluginFailure }
}
