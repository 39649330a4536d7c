import DiscordModel
import DiscordREST
import Foundation
import Sandbox
import Testing

@testable import Bot

/// The doctor's verdicts, with Discord and the media worker played by the test.
@Suite("Doctor", .timeLimit(.minutes(5)))
struct DoctorTests {
    /// A Discord with one server, in which the bot is.
    private struct FakeDiscord: DiscordProbe {
        static let bot = Snowflake(rawValue: 9)
        static let home = Snowflake(rawValue: 1)
        var token: RESTError?
        var owner: Int64 = 2
        /// Permissions of everyone and of the bot's own role.
        var everyone: Permissions = [.viewChannel, .connect, .speak, .sendMessages]
        var own: Permissions = []
        /// Denied to, and granted to, everyone in the one voice channel.
        var denied: Permissions = []
        var granted: Permissions = []
        var shards: Int64 = 1
        var remaining: Int64 = 999
        var gatewayFails = false
        var serverDate: Date? = Date(timeIntervalSince1970: 1_000_000)

        func currentUser() async throws -> JSONValue {
            if let token { throw token }
            return ["id": "9", "username": "TimmyBot"]
        }

        func gatewayBot() async throws -> JSONValue {
            [
                "url": "wss://gateway.test", "shards": .int(shards),
                "session_start_limit": ["total": 1000, "remaining": .int(remaining), "reset_after": 0],
            ]
        }

        func guild(_ guild: Snowflake) async throws -> JSONValue {
            guard guild == Self.home else {
                throw RESTError(kind: .status(404, code: 10004), route: "GET /guilds/{}", message: "Unknown Guild")
            }
            return [
                "id": "1", "name": "Home", "owner_id": .string("\(owner)"),
                "roles": [
                    ["id": "1", "permissions": .string("\(everyone.rawValue)")],
                    ["id": "5", "permissions": .string("\(own.rawValue)")],
                ],
            ]
        }

        func member(_ user: Snowflake, of guild: Snowflake) async throws -> JSONValue { ["roles": ["5"]] }

        func channels(of guild: Snowflake) async throws -> JSONValue {
            let overwrite: JSONValue = [
                "id": "1", "allow": .string("\(granted.rawValue)"), "deny": .string("\(denied.rawValue)"),
            ]
            return [
                ["id": "3", "type": 2, "name": "Lounge", "permission_overwrites": [overwrite]],
                ["id": "4", "type": 0, "name": "chat"],
            ]
        }

        func hello(from url: String) async throws {
            if gatewayFails { throw URLError(.cannotConnectToHost) }
        }

        func close() async {}
    }

    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func configuration(
        guilds: Set<Snowflake> = [FakeDiscord.home], _ change: (inout BotConfiguration) -> Void = { _ in }
    ) async throws -> BotConfiguration {
        let installation = Installation(executable: Installation.runningExecutable)
        var made = try await BotConfiguration.load(
            environment: ["DISCORD_TOKEN": "a.token"], file: "/nonexistent", installation: installation)
        made.dataDirectory = "\(scratch.path)/data"
        made.libraryDirectory = scratch.path
        made.allowedGuilds = guilds
        change(&made)
        return made
    }

    private func discord(
        _ fake: FakeDiscord = FakeDiscord(), guilds: Set<Snowflake> = [FakeDiscord.home],
        _ change: (inout BotConfiguration) -> Void = { _ in }
    ) async throws -> [Finding] {
        let now = Date(timeIntervalSince1970: 1_000_000)
        return await DiscordExamination(try await configuration(guilds: guilds, change), fake, now: { now }).findings()
    }

    private func one(_ findings: [Finding], _ subject: String) throws -> Finding {
        let matching = findings.filter { $0.subject == subject }
        #expect(matching.count == 1, "\(findings)")
        return try #require(matching.first)
    }

    private static func adjusted(_ change: (inout FakeDiscord) -> Void) -> FakeDiscord {
        var fake = FakeDiscord()
        change(&fake)
        return fake
    }

    // MARK: Discord

    @Test func allIsWell() async throws {
        let findings = try await discord()
        #expect(findings.map(\.subject) == ["bot token", "server 1", "gateway", "clock"])
        #expect(findings.allSatisfy { $0.verdict == .good && $0.remedy == nil }, "\(findings)")
        #expect(try one(findings, "server 1").detail == "Home: may play in 1 of 1 voice channels")
    }

    @Test func withoutATokenDiscordIsNotAsked() async throws {
        let findings = try await discord(guilds: []) { $0.token = nil }
        #expect(try one(findings, "bot token").verdict == .bad)
        #expect(try one(findings, "approved servers").verdict == .warning)
        #expect(findings.count == 2)
    }

    @Test func aRefusedTokenEndsTheQuestions() async throws {
        let refusal = RESTError(kind: .status(401, code: 0), route: "GET /users/@me", message: "401: Unauthorized")
        let findings = try await discord(Self.adjusted { $0.token = refusal })
        #expect(findings.map(\.subject) == ["bot token", "clock"])
        #expect(findings[0].verdict == .bad && findings[0].detail == "Discord refuses it")
    }

    @Test func noNetworkIsNoRefusal() async throws {
        let failure = RESTError(kind: .unreachable, route: "GET /users/@me", message: "no answer")
        let findings = try await discord(Self.adjusted { $0.token = failure })
        #expect(try one(findings, "Discord").verdict == .bad)
        #expect(!findings.contains { $0.subject == "bot token" })
    }

    @Test func aServerThatTheBotIsNotInIsNamedWithAnInvitation() async throws {
        let finding = try one(try await discord(guilds: [Snowflake(rawValue: 77)]), "server 77")
        #expect(finding.verdict == .bad && finding.detail == "the bot is not in it")
        #expect(finding.remedy?.contains("client_id=9") == true)
    }

    @Test(arguments: [
        (Permissions.viewChannel, "VIEW_CHANNEL"), (.connect, "CONNECT"), (.speak, "SPEAK"),
    ])
    func aMissingPermissionIsNamed(_ permission: Permissions, _ name: String) async throws {
        let fake = Self.adjusted { $0.everyone.remove(permission) }
        let finding = try one(try await discord(fake), "server 1")
        #expect(finding.verdict == .bad && finding.detail.hasSuffix("0 of 1 voice channels, lacks \(name)"))
        #expect(finding.remedy?.contains("give its role \(name) ") == true)
        // The bot's own role, or the channel, may make it good.
        let byRole = Self.adjusted {
            $0.everyone.remove(permission)
            $0.own = permission
        }
        #expect(try one(try await discord(byRole), "server 1").verdict == .good)
        let byChannel = Self.adjusted {
            $0.everyone.remove(permission)
            $0.granted = permission
        }
        #expect(try one(try await discord(byChannel), "server 1").verdict == .warning)
    }

    @Test func textOnlyIsAWarning() async throws {
        let finding = try one(try await discord(Self.adjusted { $0.everyone.remove(.sendMessages) }), "server 1")
        #expect(finding.verdict == .warning && finding.detail.contains("SEND_MESSAGES"))
    }

    @Test func aChannelThatShutsItOutIsFound() async throws {
        let finding = try one(try await discord(Self.adjusted { $0.denied = .connect }), "server 1")
        #expect(finding.verdict == .bad && finding.detail == "Home: may play in 0 of 1 voice channels")
        let administrator = Self.adjusted {
            $0.denied = .connect
            $0.own = .administrator
        }
        #expect(try one(try await discord(administrator), "server 1").verdict == .good)
    }

    @Test func theGatewayIsTried() async throws {
        #expect(try one(try await discord(Self.adjusted { $0.gatewayFails = true }), "gateway").verdict == .bad)
        #expect(try one(try await discord(Self.adjusted { $0.remaining = 3 }), "gateway").verdict == .warning)
        let sharded = try one(try await discord(Self.adjusted { $0.shards = 4 }), "shards")
        #expect(sharded.verdict == .warning && sharded.detail == "Discord recommends 4, 1 configured")
        let enough = try await discord(Self.adjusted { $0.shards = 4 }) { $0.shard = (1, 4) }
        #expect(!enough.contains { $0.subject == "shards" })
    }

    @Test(arguments: [(-31.0, "31 s ahead of Discord's"), (31, "31 s behind Discord's")])
    func aWrongClockIsFound(_ off: Double, _ words: String) async throws {
        let fake = Self.adjusted { $0.serverDate?.addTimeInterval(off) }
        let finding = try one(try await discord(fake), "clock")
        #expect(finding.verdict == .warning && finding.detail == words)
        #expect(
            try one(try await discord(Self.adjusted { $0.serverDate?.addTimeInterval(29) }), "clock").verdict == .good)
    }

    @Test func manyServersAreNotAllAskedAbout() async throws {
        let many = Set((1...30).map { Snowflake(rawValue: $0) })
        let findings = try await discord(guilds: many)
        #expect(findings.count { $0.subject.hasPrefix("server ") } == 20)
        #expect(try one(findings, "approved servers").detail == "the first 20 of 30 were looked at")
    }

    // MARK: The worker

    private func worker(_ answers: [String: (Int32, String)?], path: String = "/bin/true") async -> Finding {
        await WorkerExamination(path: path) { _, arguments in answers[arguments[0]] ?? nil }.finding()
    }

    @Test func theWorkerHasToStartAndToBeConfined() async {
        let version: (Int32, String) = (0, "timmybot-media 0.1.0 (libavformat 59)\n")
        let good = await worker(["--version": version, "--self-test": (0, "open: refused\nsocket: refused\n")])
        #expect(good == .good("media worker", "timmybot-media 0.1.0 (libavformat 59), confined"))
        let open = await worker(["--version": version, "--self-test": (1, "open: refused\nsocket: ALLOWED\n")])
        #expect(open.verdict == .bad && open.detail.hasSuffix("must not: socket"))
        let refused = await worker(["--version": version, "--self-test": (1, "confinement failed\n")])
        #expect(refused.verdict == .bad && refused.remedy?.contains("seccomp") == true)
        let library = await worker(["--version": (127, "error while loading shared libraries: libavformat.so.59\n")])
        #expect(library.verdict == .bad && library.detail.contains("libavformat.so.59"))
        #expect(library.remedy?.contains("libavformat59") == true)
        let missing = await worker([:], path: "/nonexistent/worker")
        #expect(missing.verdict == .bad && missing.remedy?.contains("TIMMYBOT_MEDIA_WORKER") == true)
    }

    @Test func theBuiltWorkerIsConfined() async throws {
        let path = Installation(executable: Installation.runningExecutable).mediaWorker
        let finding = await WorkerExamination(path: path) { await Subprocess.run($0, $1) }.finding()
        #expect(finding.verdict == .good && finding.detail.contains("libavformat"), "\(finding)")
    }

    @Test func aProgramThatHangsIsGivenUp() async {
        #expect(await Subprocess.run("/bin/sh", ["-c", "exec sleep 60"], limit: 0.2) == nil)
        #expect(await Subprocess.run("/nonexistent/program", []) == nil)
        let ended = await Subprocess.run("/bin/sh", ["-c", "echo out; echo err >&2; exit 3"])
        #expect(ended?.status == 3 && ended?.output == "out\nerr\n")
    }

    // MARK: This machine

    @Test func foldersAreLookedAt() async throws {
        let good = MachineExamination(try await configuration())
        #expect(good.data.verdict == .good && good.library.verdict == .good && good.udp.verdict == .good)
        #expect(good.udp.detail.contains("firewall"), "it promises no more than it has seen")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/data").isEmpty)
        try scratch.write("x", to: "file")
        let bad = MachineExamination(
            try await configuration {
                $0.dataDirectory = "\(scratch.path)/file/data"
                $0.libraryDirectory = "\(scratch.path)/file"
            })
        #expect(bad.data.verdict == .bad && bad.data.remedy?.contains("TIMMYBOT_DATA_DIR") == true)
        #expect(bad.library.verdict == .bad && bad.library.detail.contains("Not a directory"))
        let absent = MachineExamination(try await configuration { $0.libraryDirectory = "/nonexistent" })
        #expect(absent.library.verdict == .warning)
    }

    @Test func pluginsAreJudgedOneByOne() async throws {
        let built = PluginExamination(try await configuration())
        #expect(built.findings.filter { $0.verdict == .good }.map(\.subject).contains("plugin timmy.library"))
        try scratch.write("no ELF file", to: "broken.so")
        let broken = PluginExamination(try await configuration { $0.pluginDirectory = scratch.path }).findings
        #expect(broken.map(\.subject) == ["plugin broken.so"] && broken[0].verdict == .warning)
        let none = PluginExamination(try await configuration { $0.pluginDirectory = "/nonexistent" }).findings
        #expect(none.map(\.verdict) == [.bad])
    }

    @Test func whatIsKeptOutIsSaid() async throws {
        let plugins = "\(scratch.path)/data/plugins"
        try FileManager.default.createDirectory(atPath: plugins, withIntermediateDirectories: true)
        try scratch.write(
            #"{"format":1,"plugins":[],"disabled":["timmy.queue"]}"#, to: "data/plugins/plugins.lock")
        try scratch.write(
            #"{"plugins":{"timmy.playback":{"reason":"it fell twice","since":1}},"lifted":{}}"#,
            to: "data/plugins/quarantine.json")
        let findings = PluginExamination(try await configuration()).findings
        let queue = try one(findings, "plugin timmy.queue"), playback = try one(findings, "plugin timmy.playback")
        #expect(queue.verdict == .warning && queue.detail.hasSuffix(", disabled"), "\(queue)")
        #expect(queue.remedy == "`timmybot plugin enable timmy.queue` lets it in")
        #expect(playback.verdict == .warning && playback.detail.hasSuffix("in quarantine: it fell twice"))
        #expect(try one(findings, "plugin timmy.library").verdict == .good)
        try scratch.write("no JSON", to: "data/plugins/plugins.lock")
        #expect(PluginExamination(try await configuration()).findings.map(\.verdict) == [.bad])
    }
}

extension TheProgram {
    /// `timmybot doctor` against the local Discord.
    @Suite("Doctor", .serialized)
    struct DoctorProgramTests {
        private func examine(_ town: Town, _ more: [String: String] = [:]) async throws -> (
            status: Int32?, output: String
        ) {
            try FileManager.default.createDirectory(
                atPath: "\(town.scratch.path)/music", withIntermediateDirectories: true)
            return try await Program.run(
                "doctor", folder: town.scratch.path, environment: town.settings.merging(more) { $1 })
        }

        @Test func allIsWell() async throws {
            let town = try await Town()
            let (status, output) = try await examine(town)
            #expect(status == 0, "\(output)")
            for line in [
                "[ok]      data directory", "[ok]      music folder", "[ok]      media worker: timmybot-media",
                "[ok]      plugin timmy.playback", "[ok]      UDP", "[ok]      bot token: belongs to TimmyBot",
                "[ok]      server \(town.guild): Home: may play in 1 of 1 voice channels",
                "[ok]      gateway: it answers; 1000 starts left today", "[ok]      clock: agrees with Discord's",
            ] { #expect(output.contains(line), "\(output)") }
            #expect(!output.contains(town.token))
            await town.server.stop()
        }

        @Test func whatIsMissingIsSaidWithItsRemedy() async throws {
            let town = try await Town {
                $0.clockAhead = 120
                $0.recommendedShards = 3
            }
            await town.world.setPermissions([.viewChannel, .sendMessages], ofRole: town.guild, in: town.guild)
            let away = try await town.world.addGuild("Away")
            let (status, output) = try await examine(
                town, ["TIMMYBOT_ALLOWED_GUILDS": "\(town.guild),\(away)", "TIMMYBOT_PLUGIN_DIR": "/nonexistent"])
            #expect(status == 1, "\(output)")
            for line in [
                "[missing] server \(town.guild): Home: may play in 0 of 1 voice channels, lacks CONNECT, SPEAK",
                "    -> give its role CONNECT, SPEAK", "[missing] server \(away): the bot is not in it",
                "[missing] plugins: none in /nonexistent", "s behind Discord's",
                "[warning] shards: Discord recommends 3",
            ] { #expect(output.contains(line), "\(line)\n\(output)") }
            await town.server.stop()
        }

        @Test func anotherSettingsFileIsRead() async throws {
            let town = try await Town()
            try town.scratch.write("timmybot:\n  plugin:\n    dir: /elsewhere\n", to: "other.yaml")
            let program = try Program(
                ["doctor", "--config", "other.yaml"], in: town.scratch.path, environment: town.settings)
            #expect(await program.end() == 1, "\(program.output)")
            #expect(program.output.contains("none in /elsewhere"), "\(program.output)")
            await town.server.stop()
        }

        @Test func aRefusedToken() async throws {
            let town = try await Town()
            let (status, output) = try await examine(town, ["DISCORD_TOKEN": "wrong.token"])
            #expect(status == 1 && output.contains("[missing] bot token: Discord refuses it"), "\(output)")
            #expect(!output.contains("wrong.token"))
            let none = try await examine(town, ["DISCORD_TOKEN": ""])
            #expect(none.status == 1 && none.output.contains("[missing] bot token: DISCORD_TOKEN is not set"))
            await town.server.stop()
        }
    }
}
