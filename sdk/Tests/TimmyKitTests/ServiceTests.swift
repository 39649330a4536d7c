import CTimmyBot
import Glibc
import Testing

@testable import TimmyKit

/// What a plugin asks of the host: each extension through its Swift face.
@Suite("Host extensions", .timeLimit(.minutes(5)))
struct ServiceTests {
    private struct Asking: Plugin {
        static let id = "test.asking"
        static let version = "1.0.0"
        let host: Host
        init(host: Host) { self.host = host }

        @CommandList static var commands: [Command] {
            Command("ask", "Asks", .string("what")) { call, what in
                try call.reply(try await Self.answer(call, what))
            }
        }

        private static func answer(_ call: TimmyKit.Call, _ what: String) async throws -> String {
            let host = call.host
            switch what {
            case "search": return "\(try await call.search("abba", limit: 5).map { "\($0.track.title) \($0.source)" })"
            case "history":
                let played = try await call.history(limit: 7)
                return "\(played[0].track.title) \(played[0].requestedBy ?? 0) \(played[0].playedAt ?? -1)"
            case "play":
                let added = try await call.player.play("abba", .next)
                return "\(added.tracks.count) \(added.place) \(added.state?.volume ?? 0)"
            case "control":
                try await call.player.perform(.remove(from: 2, to: 4))
                try await call.player.perform(.seekBy(milliseconds: -5))
                try await call.player.setFilter("night")
                let state = try await call.player.state(first: 3, count: 2)
                return "\(state.loop) \(state.queueLength) \(state.page.count)"
            case "settings":
                try await call.settings.set("mood", "calm")
                let value = try await call.settings.get("mood") ?? "-"
                let rest = try await call.settings.set("mood", nil)
                return "\(value) \(rest.count)"
            case "store":
                try await host.store.set("a/1", ["n": 1])
                try await host.store.set("a/2", [1, 2])
                let json = try await host.store.json("a/1") ?? .null
                let keys = try await host.store.keys("a/")
                try await host.store.remove("a/1")
                return "\(json) \(keys) \(try await host.store.get("a/1") == nil)"
            case "quota":
                try await host.store.set("big", [UInt8](repeating: 0, count: 100_000))
                return "stored"
            case "account":
                let account = try await host.account("app", of: 5)
                return "\(account.handle) \(account.scopes)"
            case "no account": return "\(try await host.account("app", of: 404).handle)"
            case "clock": return "\(host.clock.unixMilliseconds) \(host.clock.monotonicMilliseconds)"
            case "metrics":
                host.metrics.count("rolls")
                host.metrics.gauge("depth", 2)
                host.metrics.observe("wait_seconds", 0.5)
                return "counted"
            case "pipe":
                let pipe = try host.pipe(.pcm, capacity: 4_096)
                let first = try pipe.write([UInt8](repeating: 1, count: 4_000))
                let second = try pipe.write([UInt8](repeating: 1, count: 400))
                pipe.finish()
                return "\(first) \(second) \((try? pipe.write([1])) == nil)"
            case "host":
                return
                    "\(host.name) \(host.version) \(call.guild) \(call.voiceChannel ?? 0) \(call.isOwner) \(call.locale) \(call.permissions == .manageGuild)"
            default: throw Failure(code: .invalid)
            }
        }

        func component(_ call: TimmyKit.Call) async throws {
            if call.name == "open" {
                try call.show(
                    Modal(
                        id: "form", title: "Say it",
                        .text(id: "line", "Line", placeholder: "anything", length: 1...50),
                        .select(Select(id: "mood", .choices([Choice("Calm", "c")])), "Mood", description: "how")))
            } else {
                try call.reply([.text("\(call.name) \(call.selected)")], update: true)
            }
        }

        func modal(_ call: TimmyKit.Call) async throws {
            try call.reply("\(call.name) \(call.fields["line"] ?? "-") \(call.fields.count)")
        }
    }

    @Test(arguments: [
        ("search", #"["abba test.other"]"#), ("history", "Old 9 -1"), ("play", "1 3 80"), ("control", "queue 12 1"),
        ("settings", "calm 0"), ("store", #"{"n":1} ["a/1", "a/2"] true"#), ("account", #"1005 ["read", "app"]"#),
        ("clock", "1700000000000 0"), ("metrics", "counted"), ("pipe", "4000 0 true"),
        ("host", "Fake 1.2.3 10 40 true en-GB true"),
    ])
    func answers(_ question: String, _ expected: String) async throws {
        let started = try Started(Asking.self)
        let lender = Lender()
        let outcome = await started.host.outcome(try started.invoke("ask", [.text(question, lender)]))
        #expect(outcome.text == expected, "\(outcome)")
        started.end()
        let state = started.host.state.withLock { ($0.played, $0.metrics, $0.pipeFinished) }
        switch question {
        case "search": #expect(state.0 == ["search abba 5 10"])
        case "history": #expect(state.0 == ["history 7 10"])
        case "play": #expect(state.0 == ["play abba 1"])
        case "control": #expect(state.0 == ["control 11 2 4", "control 7 -5 0", "filter night", "snapshot 3 2"])
        case "metrics": #expect(state.1 == ["count rolls 1.0", "gauge depth 2.0", "observe wait_seconds 0.5"])
        case "pipe": #expect(state.2 == [TB_OK], "finished once, although the pipe is dropped as well")
        default: break
        }
    }

    /// The host's own words go on to the user where the author does not catch them.
    @Test func theHostsFailuresGoThrough() async throws {
        let started = try Started(Asking.self)
        let lender = Lender()
        let failure = await started.host.outcome(try started.invoke("ask", [.text("no account", lender)])).failure
        #expect(failure == Failure(code: .auth, userText: "Link it with /link."))
        let quota = await started.host.outcome(try started.invoke("ask", [.text("quota", lender)])).failure
        #expect(quota == Failure(code: .rateLimit, detail: "quota"))
        let bare = try Started(Asking.self, FakeHost(without: [TB_EXT_STORE]))
        let missing = await bare.host.outcome(try bare.invoke("ask", [.text("store", lender)])).failure
        #expect(missing == .missing("a store"))
    }

    @Test func noUpdateOfTheStoreIsLost() async throws {
        let fake = FakeHost()
        let store = Host(fake.raw, configuration: [:]).store
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask { try await store.update("n") { .integer(($0?.integer ?? 0) + 1) } }
            }
            try await group.waitForAll()
        }
        #expect(try await store.json("n") == 50)
        await #expect(throws: Failure.self) { try await store.update("n") { _ in throw Failure(code: .invalid) } }
        #expect(try await store.update("n") { _ in nil } == nil)
        #expect(try await store.get("n") == nil)
    }

    /// The descriptor has one owner at every moment, and is closed once whatever happens.
    @Test func probedDescriptors() async throws {
        func descriptor() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }
        func isOpen(_ descriptor: Int32) -> Bool { fcntl(descriptor, F_GETFD) >= 0 }
        let fake = FakeHost()
        let host = Host(fake.raw, configuration: [:])
        let probed = try await host.probe(descriptor: descriptor())
        #expect(probed.title == "Song" && probed.durationMilliseconds == 1_500 && probed.artwork == [1, 2, 3])
        fake.state.withLock { $0.probes = false }
        let refused = HighDescriptor(descriptor())
        await #expect(throws: Failure(status: TB_E_RATE_LIMIT, "probe")) {
            try await host.probe(descriptor: refused.number)
        }
        #expect(!isOpen(refused.number))
        let missing = HighDescriptor(descriptor())
        let bare = Host(FakeHost(without: [TB_EXT_PROBE]).raw, configuration: [:])
        await #expect(throws: Failure.missing("probing")) { try await bare.probe(descriptor: missing.number) }
        #expect(!isOpen(missing.number))
    }

    /// A number that no other test's file gets while this one looks at it.
    private struct HighDescriptor {
        let number: Int32
        init(_ low: Int32) {
            number = fcntl(low, F_DUPFD_CLOEXEC, 700)
            close(low)
        }
    }

    @Test func componentsSelectsAndModals() async throws {
        let started = try Started(Asking.self)
        let chosen = await started.host.outcome(try started.component("pick", ["a", "b"]))
        #expect(
            chosen == .sent([["type": 10, "content": #"pick ["a", "b"]"#]], flags: TB_REPLY_UPDATE, attachments: []))
        let form: JSON = [
            "custom_id": "form", "title": "Say it",
            "components": [
                [
                    "type": 18, "label": "Line",
                    "component": [
                        "type": 4, "custom_id": "line", "style": 1, "required": true, "min_length": 1,
                        "max_length": 50, "placeholder": "anything",
                    ],
                ],
                [
                    "type": 18, "label": "Mood", "description": "how",
                    "component": [
                        "type": 3, "custom_id": "mood", "min_values": 1, "max_values": 1,
                        "options": [["label": "Calm", "value": "c"]],
                    ],
                ],
            ],
        ]
        #expect(await started.host.outcome(try started.component("open")) == .modal(form))
        let sent = await started.host.outcome(try started.modal("form", ["line": "hi", "mood": "c"]))
        #expect(sent.text == "form hi 2")
    }

    @Test func unknownButtonsAndForms() async throws {
        struct Silent: Plugin {
            static let id = "test.silent"
            static let version = "1.0.0"
            init(host: Host) {}
            @CommandList static var commands: [Command] { Command("hi", "Hi") { try $0.reply("hi") } }
        }
        let started = try Started(Silent.self)
        #expect(await started.host.outcome(try started.component("x")).failure?.userText.contains("button") == true)
        #expect(await started.host.outcome(try started.modal("x", [:])).failure?.userText.contains("form") == true)
    }

    @Test func componentsAsDiscordWantsThem() {
        let card: Component = .container(
            accent: 0xFF,
            [
                .section(text: "a\"b", picture: "attachment://cover.png"), .separator,
                .row([
                    .button(id: "x", label: "X", style: .danger, emoji: "⏹️"),
                    .link(url: "https://e.example", label: "L"),
                ]),
                .row([.select(Select(id: "s", .users, placeholder: "who", count: 0...2))]),
                .gallery(["https://e.example/p"]),
            ])
        #expect(
            card.json.text
                == #"{"accent_color":255,"components":[{"accessory":{"media":{"url":"attachment://cover.png"},"type":11},"components":[{"content":"a\"b","type":10}],"type":9},{"divider":true,"spacing":1,"type":14},{"components":[{"custom_id":"x","disabled":false,"emoji":{"name":"⏹️"},"label":"X","style":4,"type":2},{"label":"L","style":5,"type":2,"url":"https://e.example"}],"type":1},{"components":[{"custom_id":"s","max_values":2,"min_values":0,"placeholder":"who","type":5}],"type":1},{"items":[{"media":{"url":"https://e.example/p"}}],"type":12}],"type":17}"#
        )
        #expect(Component.plain("*a_[b](c)") == "\\*a\\_\\[b\\]\\(c\\)")
    }

    @Test func lyricsRecommendationsAndHealth() async throws {
        struct Words: Plugin, LyricsSource, Recommender, HealthCheck {
            static let id = "test.words"
            static let version = "1.0.0"
            static let oauth = [
                OAuthFlow.authorizationCode(
                    "user", authorizeURL: "https://a.example/", tokenURL: "https://t.example/", scopes: ["a", "b"])
            ]
            init(host: Host) {}
            func lyrics(of track: Track) async throws -> Lyrics? {
                track.title == "Song" ? Lyrics([.init("la", milliseconds: 5), .init("li")], credit: "C") : nil
            }
            func recommend(after seeds: [Track], limit: Int) async throws -> [Track] {
                seeds.map { Track(key: "", title: "like \($0.title)", artist: "", durationMilliseconds: 0) }
            }
            func health() async throws -> String { throw Failure(code: .auth, detail: "the key ran out") }
        }
        let started = try Started(Words.self)
        let lender = Lender()
        var song = Track(key: "k", title: "Song", artist: "A", durationMilliseconds: 1).raw(lender)
        let host = started.host
        let found = try started.call { started.lyrics!.lyrics($0, $1, &song) }
        #expect(await host.outcome(found) == .lyrics([.init("la", milliseconds: 5), .init("li")], credit: "C"))
        var other = Track(key: "k", title: "Other", artist: "A", durationMilliseconds: 1).raw(lender)
        let none = try started.call { started.lyrics!.lyrics($0, $1, &other) }
        #expect(await host.outcome(none).failure?.code == .notFound)
        let next = try started.call { started.recommend!.recommend($0, $1, [song, other], 2, 1) }
        guard case .resolved(let tracks) = await host.outcome(next) else {
            Issue.record("no tracks")
            return
        }
        #expect(tracks.map(\.title) == ["like Song"])
        let health = try started.call { started.health!.check($0, $1) }
        #expect(await host.outcome(health).failure?.detail == "the key ran out")
        let flow = try #require(started.oauth).flows[0]
        #expect(flow.kind == TB_OAUTH_AUTHORIZATION_CODE && flow.scopes.string == "a b" && flow.device_url.len == 0)
        #expect(flow.authorize_url.string == "https://a.example/" && flow.scheme.len == 0 && flow.flags == 0)
    }
}
