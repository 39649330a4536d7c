import Bot
import DiscordModel
import Foundation
import Logging
import Sandbox

/// From the moment that a user sends /play to the first packet with audio that a listener of the call could decrypt: the
/// whole bot against the sandbox, all in this process but for the media worker.
struct FirstAudioBench {
    private static let runs = 10
    private static let title = "Morning Train"
    private static let aim = 150.0
    private let options: Options

    init(_ options: Options) { self.options = options }

    func run() async throws {
        let folder = NSTemporaryDirectory() + "/timmybot-bench-audio-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        guard Songs.compose(into: "\(folder)/music") else {
            return print("First audio: skipped, timmybot-songs is not beside this program\n")
        }
        let call = try await Call.start(in: folder, guilds: Self.runs)
        defer { call.running.cancel() }
        var joining: [Double] = [], again: [Double] = []
        do {
            for number in 0..<Self.runs {
                let (first, second) = try await call.play(number, Self.title)
                joining.append(first)
                again.append(second)
            }
        } catch {
            await call.stop()
            throw error
        }
        await call.stop()
        var table = Table(
            "First audio after /play of a local file (aim: \(Int(Self.aim)) ms): milliseconds",
            ["the bot", "runs", "min", "median", "max", "within the aim"])
        table.add(row("joins a call for the first time", joining))
        table.add(row("joins it again after /stop", again))
        table.print()
    }

    private func row(_ name: String, _ times: [Double]) -> [String] {
        let sorted = times.sorted()
        return [
            name, "\(sorted.count)", sorted[0].text(0), sorted[sorted.count / 2].text(0),
            sorted[sorted.count - 1].text(0), "\(sorted.count { $0 <= Self.aim })",
        ]
    }
}

/// The sandbox with some guilds, and the bot logged in to it.
private struct Call {
    let server: SandboxServer
    let app: BotApp
    let bot: DiscordModel.Snowflake
    let guilds: [(guild: DiscordModel.Snowflake, text: DiscordModel.Snowflake, voice: DiscordModel.Snowflake)]
    let running: Task<Void, any Error>

    static func start(in folder: String, guilds count: Int) async throws -> Call {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        var sandbox = SandboxConfiguration(directory: folder, logger: logger)
        sandbox.httpPort = 0
        let server = try await SandboxServer.start(sandbox)
        let world = server.world
        let (bot, token) = await world.addBot("TimmyBot")
        var guilds: [(guild: DiscordModel.Snowflake, text: DiscordModel.Snowflake, voice: DiscordModel.Snowflake)] = []
        for number in 1...count {
            let guild = try await world.addGuild("Server \(number)")
            let text = try await world.addChannel("music", in: guild)
            let voice = try await world.addChannel("Lounge", type: ChannelType.voice, in: guild)
            await world.addMember(bot, to: guild)
            guilds.append((guild, text, voice))
        }
        let environment = [
            "DISCORD_TOKEN": token, "TIMMYBOT_DISCORD_API_BASE": server.apiBase,
            "TIMMYBOT_DISCORD_CA_FILE": server.caFile, "TIMMYBOT_DATA_DIR": "\(folder)/data",
            "TIMMYBOT_LIBRARY_DIR": "\(folder)/music",
            "TIMMYBOT_ALLOWED_GUILDS": guilds.map { "\($0.guild)" }.joined(separator: ","),
        ]
        let configuration = try await BotConfiguration.load(
            environment: environment, file: "/nonexistent/timmybot.yaml",
            installation: Installation(executable: Installation.runningExecutable))
        let app = try await BotApp(configuration, logger: logger)
        let running = Task { try await app.run() }
        let call = Call(server: server, app: app, bot: bot, guilds: guilds, running: running)
        for one in guilds {
            try await call.wait("the bot's commands") { await !world.commands(of: bot, in: one.guild).isEmpty }
        }
        return call
    }

    func stop() async {
        await app.stop()
        await server.stop()
    }

    /// Milliseconds to the first audio, in a guild's first call and after /stop, with which the bot leaves.
    func play(_ number: Int, _ title: String) async throws -> (first: Double, again: Double) {
        let one = guilds[number], human = await server.world.human
        let listener = try await server.world.listen(human, in: one.voice, recording: false)
        let who = SandboxInvocation(user: human, guild: one.guild, channel: one.text)
        let first = try await firstAudio(listener, title, who)
        _ = try await server.world.command("stop", by: who)
        try await silence(listener)
        let second = try await firstAudio(listener, title, who)
        _ = try await server.world.command("stop", by: who)
        try await silence(listener)
        return (first, second)
    }

    private func firstAudio(_ listener: SandboxListener, _ title: String, _ who: SandboxInvocation) async throws
        -> Double
    {
        let before = audio(listener), start = ContinuousClock.now
        _ = try await server.world.command(
            "play", options: [["name": "query", "type": 3, "value": .string(title)]], by: who)
        try await wait("the first audio", every: .milliseconds(1)) { audio(listener) > before }
        return start.duration(to: .now) / .milliseconds(1)
    }

    /// Frames that are no silence and could be decrypted.
    private func audio(_ listener: SandboxListener) -> Int {
        let report = listener.report(of: bot)
        return report.packets - report.silence - report.undecryptable
    }

    /// Until a fifth of a second has brought no more audio.
    private func silence(_ listener: SandboxListener) async throws {
        var last = -1
        try await wait("the silence after /stop", every: .milliseconds(200)) {
            defer { last = audio(listener) }
            return audio(listener) == last
        }
    }

    private func wait(
        _ what: String, every pause: Duration = .milliseconds(5), _ ready: () async -> Bool
    ) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while await !ready() {
            guard ContinuousClock.now < end else { throw BenchError("waited in vain for \(what)") }
            try await Task.sleep(for: pause)
        }
    }
}
