import DiscordModel
import Foundation
import HostServices
import Logging
import Sandbox
import TestSupport
import Testing

@testable import Bot

/// Everything that plays in real time, one after the other: two whole bots at once on a small machine would measure each
/// other.
@Suite("The whole bot", .serialized)
enum WholeBot {}

/// The whole bot against a local Discord: real sockets, real media worker, real plugins.
final class Rig: Sendable {
    let server: SandboxServer
    let app: BotApp
    let bot: Snowflake
    let human: Snowflake
    let home: Town
    let away: Town
    /// Where the bot is a member without being approved.
    let stranger: Town
    private let directory: String
    private let running: Task<Void, any Error>

    /// A guild with a text and a voice channel.
    struct Town: Sendable {
        let guild, text, voice: Snowflake
    }

    var world: SandboxWorld { server.world }

    /// - Parameters:
    ///   - music: a folder; the demo's songs where nil.
    ///   - web: the plugins' way to the network.
    static func start(
        music: String? = nil, directory: String? = nil, environment: [String: String] = [:],
        web: HTTPService = HTTPService(),
        adjust: (inout SandboxConfiguration) -> Void = { _ in }
    ) async throws -> Rig {
        let installation = Installation(executable: Installation.runningExecutable)
        let directory = directory ?? NSTemporaryDirectory() + "timmybot-\(UUID().uuidString)"
        var logger = Logger(label: "rig")
        logger.logLevel =
            ProcessInfo.processInfo.environment["TIMMYBOT_TEST_LOG"].flatMap(Logger.Level.init(rawValue:)) ?? .critical
        var configuration = SandboxConfiguration(directory: directory, logger: logger)
        adjust(&configuration)
        let server = try await SandboxServer.start(configuration)
        let (bot, token) = await server.world.addBot("TimmyBot")
        var towns: [Town] = []
        for name in ["Home", "Away", "Stranger"] {
            let guild = try await server.world.addGuild(name)
            let text = try await server.world.addChannel("music", in: guild)
            let voice = try await server.world.addChannel("Lounge", type: ChannelType.voice, in: guild)
            await server.world.addMember(bot, to: guild)
            towns.append(Town(guild: guild, text: text, voice: voice))
        }
        var settings = [
            "DISCORD_TOKEN": token, "TIMMYBOT_DISCORD_API_BASE": server.apiBase,
            "TIMMYBOT_DISCORD_CA_FILE": server.caFile,
            "TIMMYBOT_DATA_DIR": "\(directory)/data", "TIMMYBOT_ALLOWED_GUILDS": "\(towns[0].guild),\(towns[1].guild)",
        ]
        settings["TIMMYBOT_LIBRARY_DIR"] = if let music { music } else { try await Songs.shared.folder() }
        settings.merge(environment) { $1 }
        let loaded = try await BotConfiguration.load(
            environment: settings, file: "/nonexistent/timmybot.yaml", installation: installation)
        let app = try await BotApp(loaded, logger: logger, web: web)
        return await Rig(server, app, bot, towns, directory)
    }

    private init(_ server: SandboxServer, _ app: BotApp, _ bot: Snowflake, _ towns: [Town], _ directory: String) async {
        self.server = server
        self.app = app
        self.bot = bot
        self.directory = directory
        human = await server.world.human
        (home, away, stranger) = (towns[0], towns[1], towns[2])
        running = Task { try await app.run() }
        let world = server.world, home = towns[0]
        let isUp = await eventually { await !world.commands(of: bot, in: home.guild).isEmpty }
        if !isUp { Issue.record("the bot did not register its commands") }
    }

    func stop() async {
        await app.stop()
        await checkBodies()
        await server.stop()
        running.cancel()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Every body that the bot has sent fits Discord's own description.
    private func checkBodies() async {
        guard let validator = OpenAPIDocument.validator else { return }
        for request in await world.recordedRequests() {
            guard let body = request.body, let data = try? JSONEncoder().encode(body) else { continue }
            let path = "/" + request.path.split(separator: "/").dropFirst(2).joined(separator: "/")
            do {
                let problems = try validator.problems(method: request.method, path: path, body: data)
                if !problems.isEmpty { Issue.record("\(request.method) \(path): \(problems) in \(body)") }
            } catch {
                Issue.record("\(request.method) \(path): \(error)")
            }
        }
    }

    // MARK: What people do

    /// A slash command and the bot's answer.
    @discardableResult
    func type(
        _ name: String, _ options: [String: JSONValue] = [:], in town: Town? = nil, by user: Snowflake? = nil
    ) async throws -> JSONValue {
        let town = town ?? home
        let list = options.map { name, value -> JSONValue in
            var type: Int64 = 3
            if case .int = value { type = 4 }
            return ["name": .string(name), "type": .int(type), "value": value]
        }
        let who = SandboxInvocation(user: user ?? human, guild: town.guild, channel: town.text)
        let id = try await world.command(name, options: list, by: who)
        return try #require(await world.answer(to: id, within: .seconds(60)), "no answer to /\(name)")
    }

    /// A slash command at home that may be lost: the answer where there is one soon.
    func ask(_ name: String) async -> JSONValue? {
        let who = SandboxInvocation(user: human, guild: home.guild, channel: home.text)
        guard let id = try? await world.command(name, by: who) else { return nil }
        return await world.answer(to: id, within: .seconds(3))
    }

    func press(_ button: String, of message: JSONValue, in town: Town? = nil) async throws -> JSONValue {
        let town = town ?? home
        let id = try #require(Self.ids(of: message).first { $0.hasSuffix(button) }, "no button \(button)")
        let who = SandboxInvocation(user: human, guild: town.guild, channel: town.text)
        let pressed = try await world.press(id, message: try #require(message["id"]?.snowflake), by: who)
        return try #require(await world.answer(to: pressed, within: .seconds(60)), "no answer to \(button)")
    }

    private static func ids(of value: JSONValue) -> [String] {
        switch value {
        case .object(let members): (members["custom_id"]?.string.map { [$0] } ?? []) + members.values.flatMap(ids)
        case .array(let items): items.flatMap(ids)
        default: []
        }
    }

    /// Waits until so many frames of music were heard.
    func hear(_ frames: Int, by listener: SandboxListener, within limit: Duration = .seconds(20)) async -> Bool {
        await eventually(within: limit) { listener.report(of: self.bot).packets >= frames }
    }

    /// How what was heard compares with a song, and where in it that began, in seconds.
    /// - Parameter dropping: seconds at the end that are not looked at: after a stop there are 0.1 s of silence.
    func compare(
        _ listener: SandboxListener, with song: String, last seconds: Double = 100, dropping: Double = 0
    ) async throws -> (value: Double, start: Double) {
        let whole = Correlation.mono(listener.pcm(of: bot)).dropLast(Int(dropping * 48_000))
        let heard = whole.suffix(Int(seconds * 48_000))
        let original = try await Songs.shared.composed(song)
        let match = Correlation.find(Array(heard), in: original, maximumOffset: original.count)
        let found = try #require(match, "too little was heard")
        return (found.value, Double(found.offset) / 48_000)
    }
}

/// What a listener on an overloaded machine may notice, where nothing may be lost: half a second of silence when the
/// whole process was held up. That nothing of the kind happens at rest is for the benchmark to show.
enum Ear {
    static let held = 25
}

/// Every text that a message shows.
func text(of message: JSONValue) -> String {
    switch message {
    case .object(let members):
        let own = ["content", "label", "placeholder"].compactMap { members[$0]?.string }
        let below = members.sorted { $0.key < $1.key }.filter { $0.key == "components" || $0.key == "accessory" }
        return (own + below.map { text(of: $0.value) }).joined(separator: "\n")
    case .array(let items): return items.map(text).joined(separator: "\n")
    default: return ""
    }
}

func isEphemeral(_ message: JSONValue) -> Bool { (message["flags"]?.int ?? 0) & 64 != 0 }

/// Polls `condition`, for what happens on the far side of a real socket.
func eventually(within timeout: Duration = .seconds(60), _ condition: () async -> Bool) async -> Bool {
    await poll(within: timeout, every: .milliseconds(10), condition)
}

/// The demo's songs, made once for all tests.
actor Songs {
    static let shared = Songs()
    private var made: Task<String, any Error>?
    private var pcm: [String: [Float]] = [:]

    private var maker: String {
        get throws {
            try #require(
                Installation(executable: Installation.runningExecutable).songMaker, "timmybot-songs is not built")
        }
    }

    func folder() async throws -> String {
        // A task and not a value: two who ask at once wait for the same one.
        let making =
            made
            ?? Task {
                let path = NSTemporaryDirectory() + "timmybot-songs-\(getpid())"
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                try await run([path])
                return path
            }
        made = making
        return try await making.value
    }

    /// A song before any codec touched it, mono.
    func composed(_ file: String) async throws -> [Float] {
        if let known = pcm[file] { return known }
        let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).pcm"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await run(["--pcm", file, path])
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let mono = Correlation.mono(data.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) })
        pcm[file] = mono
        return mono
    }

    private func run(_ arguments: [String]) async throws {
        let (status, output) = try await ChildProcess.run([maker] + arguments)
        try #require(status == 0, "\(output)")
    }
}
