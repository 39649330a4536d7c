import Bot
import DiscordModel
import Foundation
import Glibc
import Logging
import PluginStore
import Sandbox
import TestSupport
import Testing

extension WholeBot {
    /// A plugin takes the process down while music plays: `timmybot run --supervise` as an operator starts it.
    @Suite("Crashes", .serialized)
    struct CrashTests {
        @Test(.timeLimit(.minutes(3)))
        func theSongGoesOnAndTheSecondCrashIsTheLast() async throws {
            let rig = try await SupervisedRig.start(
                "life", ["-DPLUGIN_ID=\"test.crasher\"", "-DSOURCE=0"], ready: "crash")
            defer { rig.stop() }
            let ear = try await rig.world.listen(rig.human, in: rig.voice)
            #expect(text(of: try await rig.type("play", ["query": "morning train"])).contains("Morning Train"))
            #expect(await eventually { ear.report(of: rig.bot).packets >= 150 })

            for round in 1...2 {
                let crashing = try #require(rig.botProcess)
                _ = try await rig.world.command(
                    "crash", options: [["name": "number", "type": 4, "value": .int(Int64(round))]], by: rig.who)
                #expect(await eventually { rig.botProcess.map { $0 != crashing } ?? false })
                ear.clear()
                #expect(
                    await eventually { ear.report(of: rig.bot).packets >= 100 },
                    "no music after crash \(round): \(rig.log)")
                // Where it was, give or take the lazily written position and the pause; never from the start.
                let heard = Correlation.mono(ear.pcm(of: rig.bot)).suffix(48_000 * 3 / 2)
                let original = try await Songs.shared.composed("morning-train.opus")
                let match = Correlation.find(Array(heard), in: original, maximumOffset: original.count)
                let found = try #require(match)
                #expect(found.value > 0.98, "\(found.value)")
                let position = Double(found.offset) / 48_000
                #expect((Double(2 * round)...40).contains(position), "\(position) after crash \(round)")
            }
            // The culprit is out, with a reason; the others work.
            #expect(
                await eventually {
                    await !rig.world.commands(of: rig.bot, in: rig.guild).contains { $0["name"]?.string == "crash" }
                })
            #expect(text(of: try await rig.type("now-playing")).contains("Morning Train"))
            #expect(
                rig.log.contains("plugin test.crasher is in quarantine: it took the bot down 2 times"), "\(rig.log)")
            let list = try await rig.operate("plugin", "list")
            #expect(list.output.contains("quarantined: it took the bot down 2 times within"), "\(list.output)")
            #expect(list.output.contains("in /crash"), "\(list.output)")

            // An operator lets it out, and tells the running bot.
            let enabled = try await rig.operate("plugin", "enable", "test.crasher")
            #expect(enabled.status == 0 && enabled.output.contains("out of quarantine"), "\(enabled.output)")
            let reloaded = try await rig.operate("plugin", "reload", "test.crasher")
            #expect(reloaded.status == 0 && reloaded.output.contains("test.crasher 1.0.0 loaded"), "\(reloaded.output)")
            #expect(
                await eventually {
                    await rig.world.commands(of: rig.bot, in: rig.guild).contains { $0["name"]?.string == "crash" }
                })
            // And takes it out again while music plays.
            let disabled = try await rig.operate("plugin", "disable", "test.crasher")
            #expect(disabled.status == 0, "\(disabled.output)")
            let unloaded = try await rig.operate("plugin", "reload", "test.crasher")
            #expect(unloaded.output.contains("unloaded: test.crasher is disabled"), "\(unloaded.output)")

            // SIGTERM goes through to the bot, and its status comes back.
            let last = try #require(rig.botProcess)
            rig.supervisor.send(SIGTERM)
            #expect(await rig.end() == 0, "\(rig.log)")
            #expect(kill(last, 0) != 0, "the bot has ended with its supervisor")
        }

        /// A reader works on the host's threads, and a track that is to go on after a restart would crash it again.
        @Test(.timeLimit(.minutes(3)))
        func aReaderThatCrashesIsToldApartAndItsTrackIsLeftOut() async throws {
            let rig = try await SupervisedRig.start("reader", [], ready: "play")
            defer { rig.stop() }
            let ear = try await rig.world.listen(rig.human, in: rig.voice)
            for query in ["morning train", "read:bytes:crash", "paper lanterns"] {
                _ = try await rig.type("play", ["query": .string(query)])
            }
            #expect(await eventually { ear.report(of: rig.bot).packets >= 50 })
            ear.clear()
            _ = try await rig.world.command("skip", by: rig.who)
            #expect(
                await eventually(within: .seconds(60)) {
                    rig.log.contains("plugin test.reader is in quarantine: it took the bot down 2 times")
                }, "\(rig.log)")
            ear.clear()
            #expect(await eventually { ear.report(of: rig.bot).packets >= 100 }, "\(rig.log)")
            let heard = Correlation.mono(ear.pcm(of: rig.bot)).suffix(48_000 * 3 / 2)
            let original = try await Songs.shared.composed("paper-lanterns.mp3")
            let match = Correlation.find(Array(heard), in: original, maximumOffset: original.count)
            let found = try #require(match)
            #expect(found.value > 0.98, "the song after it plays: \(found)")
            let list = try await rig.operate("plugin", "list")
            #expect(list.output.contains("quarantined: it took the bot down 2 times within"), "\(list.output)")
            #expect(list.output.contains("by SIGABRT in reader.read"), "\(list.output)")
            rig.supervisor.send(SIGTERM)
            #expect(await rig.end() == 0, "\(rig.log)")
        }

        @Test func aSettingThatIsMissingIsNotRetried() async throws {
            let program = Installation(executable: Installation.runningExecutable).program
            let (status, output) = try await ChildProcess.run(
                [program, "run", "--supervise", "--config", "/nonexistent.yaml"],
                environment: ["DISCORD_TOKEN": "", "TIMMYBOT_DATA_DIR": NSTemporaryDirectory() + UUID().uuidString])
            #expect(status == 78 && output.contains("DISCORD_TOKEN"), "\(status) \(output)")
        }
    }
}

extension Installation {
    /// `timmybot` itself, in the build folder.
    fileprivate var program: String { (mediaWorker as NSString).deletingLastPathComponent + "/timmybot" }
}

/// A local Discord, and the bot as a supervised process of its own.
private final class SupervisedRig: Sendable {
    let server: SandboxServer
    let supervisor: ChildProcess
    let bot, human, guild, text, voice: Snowflake
    private let program: String
    private let directory: String
    private let environment: [String: String]
    private let lines = Lines()

    private final class Lines: @unchecked Sendable {
        // Under `lock` only.
        private let lock = NSLock()
        private var text = ""
        func append(_ line: String) { lock.withLock { text += line + "\n" } }
        var all: String { lock.withLock { text } }
    }

    var world: SandboxWorld { server.world }
    var who: SandboxInvocation { SandboxInvocation(user: human, guild: guild, channel: text) }
    var log: String { lines.all }

    /// - Parameters:
    ///   - fixture: a plugin in C beside those that ship, compiled with `options`.
    ///   - ready: a command that is there once the bot has come up.
    static func start(_ fixture: String, _ options: [String], ready: String) async throws -> SupervisedRig {
        let directory = NSTemporaryDirectory() + "timmybot-crash-\(UUID().uuidString)"
        let installation = Installation(executable: Installation.runningExecutable)
        let plugins = "\(directory)/plugins"
        try FileManager.default.createDirectory(atPath: plugins, withIntermediateDirectories: true)
        let built = (installation.mediaWorker as NSString).deletingLastPathComponent
        for name in ["Library", "Playback", "Queue"] {
            try FileManager.default.copyItem(atPath: "\(built)/lib\(name).so", toPath: "\(plugins)/lib\(name).so")
        }
        try await compileFixture(fixture, options, to: "\(plugins)/fixture.so")
        var logger = Logger(label: "rig")
        logger.logLevel = .critical
        let server = try await SandboxServer.start(SandboxConfiguration(directory: directory, logger: logger))
        let (bot, token) = await server.world.addBot("TimmyBot")
        let guild = try await server.world.addGuild("Home")
        let text = try await server.world.addChannel("music", in: guild)
        let voice = try await server.world.addChannel("Lounge", type: ChannelType.voice, in: guild)
        await server.world.addMember(bot, to: guild)
        let environment = [
            "DISCORD_TOKEN": token, "TIMMYBOT_DISCORD_API_BASE": server.apiBase,
            "TIMMYBOT_DISCORD_CA_FILE": server.caFile, "TIMMYBOT_DATA_DIR": "\(directory)/data",
            "TIMMYBOT_PLUGIN_DIR": plugins, "TIMMYBOT_ALLOWED_GUILDS": "\(guild)",
            "TIMMYBOT_LIBRARY_DIR": try await Songs.shared.folder(),
        ]
        let rig = try SupervisedRig(
            server, bot, await server.world.human, guild, text, voice, installation.program, directory, environment)
        try #require(
            await eventually {
                await server.world.commands(of: bot, in: guild).contains { $0["name"]?.string == ready }
            }, "the bot did not come up: \(rig.log)")
        return rig
    }

    private init(
        _ server: SandboxServer, _ bot: Snowflake, _ human: Snowflake, _ guild: Snowflake, _ text: Snowflake,
        _ voice: Snowflake, _ program: String, _ directory: String, _ environment: [String: String]
    ) throws {
        self.server = server
        (self.bot, self.human, self.guild, self.text, self.voice) = (bot, human, guild, text, voice)
        (self.program, self.directory, self.environment) = (program, directory, environment)
        supervisor = try ChildProcess(
            [program, "run", "--supervise", "--config", "/nonexistent.yaml"], environment: environment, errors: .pipe)
        let (supervisor, lines) = (supervisor, lines)
        Thread.detachNewThread {
            while let line = supervisor.readLine() { lines.append(String(decoding: line, as: UTF8.self)) }
        }
    }

    /// The bot that the supervisor has started, while there is one.
    var botProcess: pid_t? {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { pid_t($0) }.first { pid in
            guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let end = stat.lastIndex(of: ")")
            else { return false }
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            return fields.count > 1 && pid_t(fields[1]) == supervisor.pid && fields[0] != "Z"
        }
    }

    func type(_ name: String, _ options: [String: JSONValue] = [:]) async throws -> JSONValue {
        let list = options.map { ["name": .string($0), "type": 3, "value": $1] as JSONValue }
        let id = try await world.command(name, options: list, by: who)
        return try #require(await world.answer(to: id, within: .seconds(60)), "no answer to /\(name): \(log)")
    }

    /// What an operator types.
    func operate(_ arguments: String...) async throws -> (status: Int32, output: String) {
        try await ChildProcess.run(
            [program] + arguments + ["--config", "/nonexistent.yaml"], environment: environment)
    }

    /// The supervisor's status, once it has ended.
    func end() async -> Int32 {
        await withCheckedContinuation { done in
            Thread.detachNewThread { [supervisor] in done.resume(returning: supervisor.wait()) }
        }
    }

    func stop() {
        // The bot is in a process group of its own: it ends with its supervisor.
        supervisor.stop()
        let server = server, directory = directory
        Task {
            await server.stop()
            try? FileManager.default.removeItem(atPath: directory)
        }
    }
}
