import CTimmyBot
import Foundation
import Logging
import Testing

@testable import PluginHost

/// What was built against ABI 1 on the day on which it was frozen goes on working; what is of another major is refused.
@Suite("Plugins of other days")
struct AbiFixtureTests {
    private static let warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1"]

    /// Compiles it with its own declarations and nothing of the SDK.
    private func compileFrozen(to path: String) throws {
        try run(
            ["cc"] + Self.warnings + ["-fPIC", "-shared", "\(fixtures)/abi1/plugin.c", "-o", path, "-Wl,-z,nodelete"])
    }

    /// The program that takes it through every extension, on the mock host with the headers under `include`.
    private func compileDriver(include: String, to path: String) throws {
        let testing = "\(repository)/sdk/testing"
        let flags = ["-I", include, "-I", testing]
        let sources = ["\(fixtures)/abi1/drive.c", "\(testing)/tb_mock.c"]
        try run(["cc"] + Self.warnings + flags + sources + ["-o", path, "-pthread", "-ldl", "-lm"])
    }

    private func said(_ text: String) -> String { #"[{"type":10,"content":"\#(text)"}]"# }

    @Test func itsCommandsAreCalled() async throws {
        let scratch = try Scratch()
        try compileFrozen(to: "\(scratch.path)/abi1.so")
        let host = makeHost(scratch)
        #expect(host.loadAll().map(\.refusal) == [nil])
        #expect(host.commands.map(\.name) == ["abi1", "abi1-typed"])
        let call = try await host.text("abi1", ["what": .string("call")])
        #expect(call == said("\(somebody.guild);2;3;0;0;0;en-GB;abi1;"))
        var values: [String: PluginValue] = [
            "word": .string("one"), "whole": .integer(-5), "real": .number(2.5), "flag": .integer(1),
        ]
        #expect(try await host.text("abi1-typed", values) == said("one;-5;2.500;1;-1;-1.000;none;"))
        values["maybe"] = .integer(7)
        values["perhaps"] = .number(0.125)
        values["why"] = .string("so")
        #expect(try await host.text("abi1-typed", values) == said("one;-5;2.500;1;7;0.125;so;"))
        let failed = await failure { try await host.invoke("abi1", somebody, ["what": .string("fail")]) }
        #expect(failed?.code == TB_E_RATE_LIMIT && failed?.userText == "Later." && failed?.detail == "busy")
        let choices = await host.autocomplete("abi1", option: "what", text: "ca", somebody)
        #expect(choices == [PluginChoice(name: "what", value: "ca"), PluginChoice(name: "One", value: "one")])
        host.shutdown()
    }

    @Test func itsSourceIsAsked() async throws {
        let scratch = try Scratch()
        try compileFrozen(to: "\(scratch.path)/abi1.so")
        let host = makeHost(scratch)
        #expect(host.loadAll().map(\.refusal) == [nil])
        let source = try #require(host.sources.first)
        #expect(await source.match("abi1:x") == 77)
        #expect(await source.match("else") == 0)
        let tracks = try await source.resolve("abi1:x", limit: 10)
        try #require(tracks.count == 2)
        #expect(
            tracks[0]
                == PluginTrack(
                    key: "k1", title: "Title", artist: "Artist", album: "Album", isrc: "GBAYE6700149",
                    pageURL: "https://example.org/1", artworkURL: "https://example.org/1.png",
                    durationMilliseconds: 61_000, hasArtwork: true))
        #expect(tracks[1].title == "Live" && tracks[1].isLive)
        guard case .file(let descriptor) = try await source.open("fd", startMilliseconds: 0) else {
            Issue.record("no file")
            return
        }
        #expect(fcntl(descriptor, F_GETFD) >= 0)
        close(descriptor)
        #expect(await source.artwork("k1")?.bytes.count == 8)
        host.shutdown()
    }

    /// What it asks for, and what it reads in the answers, field by field.
    private static let asked: [(what: String, said: String)] = [
        ("set", "0;;"),
        ("get", "1;value;"),
        ("keys", "1;;key;"),
        ("remove", "1;;"),
        ("get", "0;;"),
        ("account", "error -3;0;"),
        ("setting", "colour;red;"),
        ("settings", "colour;red;"),
        ("play", "3;0;k;song;;;;;;1;0;1;0;100;0;k;next;;;;;;1;0;0;0;0;soft;0;0;0;0;"),
        ("control", "0;0;1;0;100;0;k;seekBy(milliseconds: -5);;;;;;1;0;0;0;0;soft;0;0;0;0;"),
        ("filter", "0;0;1;0;100;0;k;filter soft;;;;;;1;0;0;0;0;soft;0;0;0;0;"),
        ("snapshot", "0;0;1;0;100;0;k;3 from 2;;;;;;1;0;0;0;0;soft;0;0;0;0;"),
        ("search", "lib;k;song 4;;;;;;1;0;"),
        ("history", "t;Song0;;;;;;0;0;lib;3;0;t;Song1;;;;;;0;0;lib;3;0;"),
        ("probe", "1000;opus;;;;;;"),
        ("metrics", ""),
    ]

    @Test func itAsksThisHostForEverything() async throws {
        let scratch = try Scratch()
        try compileFrozen(to: "\(scratch.path)/abi1.so")
        let http = FakeHTTP { _ in
            await FakeHTTP.answer(200, "fetched", headers: [HTTPHeader("Server", "test")])
        }
        let memory = MemorySettings()
        var services = PluginServices(player: EchoPlayer(), probe: NoServices(), http: http, store: MemoryStore())
        services.settings = memory
        services.history = memory
        var logger = Logger(label: "plugins")
        logger.logLevel = .critical
        let host = PluginHost(
            PluginHost.Configuration(directory: scratch.path, cacheDirectory: "\(scratch.path)/cache"),
            services: services, logger: logger)
        #expect(host.loadAll().map(\.refusal) == [nil])
        for (what, expected) in Self.asked {
            #expect(try await host.text("abi1", ["what": .string(what)]) == said(expected), "\(what)")
        }
        let timed = try await host.text("abi1", ["what": .string("timer")])
        #expect(timed.contains("-8;0;") || timed.contains("0;-8;"), "its second cancel is stale: \(timed)")
        // It asks with the number of an account that it was never given.
        for what in ["fetch", "stream"] {
            let refused = await failure { try await host.text("abi1", ["what": .string(what)]) }
            #expect(refused?.code == TB_E_AUTH, "\(what)")
        }
        #expect(http.requests.isEmpty)
        host.shutdown()
    }

    @Test func itUsesEveryExtensionOfTheMockHost() throws {
        let scratch = try Scratch()
        try compileFrozen(to: "\(scratch.path)/abi1.so")
        try compileDriver(include: "\(repository)/sdk/include", to: "\(scratch.path)/drive")
        try run(["\(scratch.path)/drive", "\(scratch.path)/abi1.so"])
    }

    /// Two fields that change places keep every size, and yet it is found out.
    @Test(arguments: [
        ("source.h", "tb_str title, artist, album;", "tb_str artist, title, album;"),
        ("player.h", "uint32_t paused, volume, loop;", "uint32_t volume, paused, loop;"),
        ("commands.h", "uint64_t guild, channel, user;", "uint64_t channel, guild, user;"),
        ("http.h", "uint32_t status, zero;", "uint32_t zero, status;"),
    ])
    func aMovedFieldIsFoundOut(_ header: String, _ old: String, _ new: String) throws {
        let scratch = try Scratch()
        try FileManager.default.copyItem(atPath: "\(repository)/sdk/include", toPath: "\(scratch.path)/include")
        let path = "\(scratch.path)/include/timmybot/\(header)"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try #require(text.contains(old))
        try text.replacingOccurrences(of: old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
        try compileFrozen(to: "\(scratch.path)/abi1.so")
        try compileDriver(include: "\(scratch.path)/include", to: "\(scratch.path)/drive")
        #expect(throws: Failed.self) {
            try run(["\(scratch.path)/drive", "\(scratch.path)/abi1.so"])
        }
    }

    @Test(arguments: [
        ([], "it is made for plugin ABI 2; this host speaks 1"),
        (["-DSAYS_ABI1"], "it does not export timmybot_plugin_v1"),
    ])
    func aFutureMajorIsRefusedInOneLine(_ options: [String], _ reason: String) throws {
        let scratch = try Scratch()
        try compile("abi2.c", options, to: "\(scratch.path)/abi2.so")
        let host = makeHost(scratch)
        #expect(host.loadAll().map(\.refusal) == [reason])
        #expect(host.commands.isEmpty && host.sources.isEmpty)
    }
}
