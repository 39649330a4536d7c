import ArgumentParser
import Bot
import DiscordModel
import Files
import Foundation
import Logging
import Sandbox

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Starts a local Discord, the bot, and a web page to type /play in.",
        discussion:
            "No Discord account is involved. With --once it plays headless, records what a listener hears, and reports."
    )

    @Flag(help: "Play headless, write what a listener heard to a WAV file, report, and exit.") var once = false
    @Option(help: ArgumentHelp("How long to play with --once.", valueName: "1-3600")) var seconds = 10
    @Option(help: ArgumentHelp("Where --once writes what was heard.", valueName: "file")) var wav = "demo.wav"
    @Option(help: ArgumentHelp("Port of the web page; 0 takes a free one.", valueName: "port")) var port = 8099
    @Option(help: ArgumentHelp("Folder for the songs and the bot's data.", valueName: "folder"))
    var directory = ".build/demo"

    func run() async throws {
        guard (1...3_600).contains(seconds), (0...65_535).contains(port) else {
            throw ValidationError("--seconds must be 1 to 3600 and --port 0 to 65535")
        }
        let demo = try await Demo(directory: directory, port: once ? 0 : port, quiet: once)
        if once {
            let report = try await demo.playOnce(seconds: seconds, wav: wav)
            print(report.text)
            await demo.stop()
            try Self.keep(report.recording, as: wav)
            throw report.isGood ? ExitCode.success : ExitCode(1)
        }
        print("\n  Open \(demo.server.pageURL) and type /play\n")
        let stopping = Signals.onStop { await demo.stop() }
        defer { withExtendedLifetime(stopping) {} }
        try await demo.app.run()
        // Waits for the stop that the signal has begun.
        await demo.stop()
    }
}

extension DemoCommand {
    /// The report is out already: a full disk costs the recording only.
    private static func keep(_ recording: Data, as path: String) throws {
        do {
            try DurableFile.write(recording, to: path)
        } catch {
            Settings.fail("\(path) could not be written: \(error)")
            throw Exit.cannotCreate
        }
    }
}

/// A local Discord with the bot in it.
final class Demo: Sendable {
    let server: SandboxServer
    let app: BotApp
    private let songMaker: String
    private let music: String
    private let guild, voice, text: DiscordModel.Snowflake
    private let bot: DiscordModel.Snowflake

    init(directory: String, port: Int, quiet: Bool) async throws {
        let installation = Installation(executable: Installation.runningExecutable)
        guard let maker = installation.songMaker else {
            Settings.fail("timmybot-songs is not beside timmybot")
            throw Exit.unavailable
        }
        songMaker = maker
        music = "\(directory)/music"
        let data = "\(directory)/data"
        try? FileManager.default.removeItem(atPath: "\(data)/guilds")
        try FileManager.default.createDirectory(atPath: music, withIntermediateDirectories: true)
        try Self.launch(maker, [music])

        var logger = Logger(label: "demo")
        logger.logLevel = quiet ? .error : .notice
        var sandbox = SandboxConfiguration(directory: directory, logger: logger)
        sandbox.httpPort = port
        sandbox.resourceDirectory = installation.page
        server = try await SandboxServer.start(sandbox)
        let world = server.world
        let (application, token) = await world.addBot("TimmyBot")
        bot = application
        guild = try await world.addGuild("Demo Server")
        text = try await world.addChannel("music", in: guild)
        voice = try await world.addChannel("Lounge", type: ChannelType.voice, in: guild)
        _ = try await world.addChannel("Quiet Corner", type: ChannelType.voice, in: guild)
        await world.addMember(application, to: guild)
        let second = try await world.addGuild("Second Server")
        _ = try await world.addChannel("chat", in: second)
        _ = try await world.addChannel("Hangout", type: ChannelType.voice, in: second)
        await world.addMember(application, to: second)

        var environment = ["DISCORD_TOKEN": token, "TIMMYBOT_DISCORD_API_BASE": server.apiBase]
        environment["TIMMYBOT_DISCORD_CA_FILE"] = server.caFile
        environment["TIMMYBOT_DATA_DIR"] = data
        environment["TIMMYBOT_LIBRARY_DIR"] = music
        environment["TIMMYBOT_ALLOWED_GUILDS"] = "\(guild),\(second)"
        let configuration = try await BotConfiguration.load(
            environment: environment, file: "/nonexistent/timmybot.yaml", installation: installation)
        app = try await BotApp(configuration, logger: logger)
    }

    func stop() async {
        await app.stop()
        await server.stop()
    }

    static func launch(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            Settings.fail("\(program) failed with status \(process.terminationStatus)")
            throw Exit.software
        }
    }

    // MARK: --once

    struct Report {
        let text: String
        let isGood: Bool
        /// What the listener heard, as a WAV file.
        let recording: Data
    }

    private static let song = (file: "morning-train.opus", title: "Morning Train")

    func playOnce(seconds: Int, wav: String) async throws -> Report {
        let running = Task { try await app.run() }
        defer { running.cancel() }
        let world = server.world
        let human = await world.human
        try await wait("the bot registers its commands", 30) {
            await !world.commands(of: self.bot, in: self.guild).isEmpty
        }
        let listener = try await world.listen(human, in: voice)
        let started = ContinuousClock.now
        _ = try await world.command(
            "play", options: [["name": "query", "type": 3, "value": .string(Self.song.title)]],
            by: SandboxInvocation(user: human, guild: guild, channel: text))
        try await wait("the first audio", 20) { listener.frames(of: self.bot) > 0 }
        let firstAudio = started.duration(to: .now)
        try await ContinuousClock().sleep(for: .seconds(seconds))
        let heard = listener.pcm(of: bot), report = listener.report(of: bot)
        let voiceReport = await app.voiceReport(guild: guild.rawValue)
        let correlation = Correlation.find(
            Correlation.mono(heard), in: Correlation.mono(try original()), maximumOffset: 48_000)
        let text = make(seconds, firstAudio, report, voiceReport?.statistics.late ?? [], correlation, wav)
        return Report(text: text.lines, isGood: text.isGood, recording: Data(listener.wav(of: bot)))
    }

    private func make(
        _ seconds: Int, _ firstAudio: Duration, _ heard: SandboxListener.Report, _ late: [Int],
        _ correlation: Correlation?,
        _ wav: String
    ) -> (lines: String, isGood: Bool) {
        let value = correlation?.value ?? 0
        let ticks = max(1, late.reduce(0, +)), onTime = late.prefix(2).reduce(0, +)
        let frames = heard.packets, expected = seconds * 50
        let good = value > 0.99 && heard.undecryptable == 0 && heard.lost == 0 && frames >= expected * 9 / 10
        let lines = [
            "song               \(Self.song.title) (Ogg Opus, passed through untouched)",
            "first audio        \(firstAudio.milliseconds) ms after /play",
            "frames heard       \(frames) in \(seconds) s, \(heard.lost) lost, \(heard.undecryptable) undecryptable",
            "sent within 2 ms   \(100 * onTime / ticks) % of \(ticks) ticks",
            "correlation        \(String(format: "%.4f", value)) with the song as it was composed",
            "recording          \(wav)", good ? "OK" : "FAILED",
        ]
        return (lines.joined(separator: "\n"), good)
    }

    /// The song before any codec touched it.
    private func original() throws -> [Int16] {
        let path = NSTemporaryDirectory() + "timmybot-\(getpid()).pcm"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Self.launch(songMaker, ["--pcm", Self.song.file, path])
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return data.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) }
    }

    private func wait(_ what: String, _ seconds: Int, _ ready: () async -> Bool) async throws {
        for _ in 0..<seconds * 200 {
            if await ready() { return }
            try await ContinuousClock().sleep(for: .milliseconds(5))
        }
        Settings.fail("waited \(seconds) s in vain: \(what)")
        throw ExitCode(1)
    }
}

extension Duration {
    fileprivate var milliseconds: Int { Int(self / .milliseconds(1)) }
}
