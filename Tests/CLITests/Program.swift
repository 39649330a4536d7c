import Bot
import DiscordModel
import Foundation
import Sandbox
import Synchronization
import TestSupport
import Testing

/// The built `timmybot`, started as an operator starts it: its own folder, a clean environment.
final class Program: Sendable {
    static let path: String = {
        let folder = (Installation.runningExecutable as NSString).deletingLastPathComponent
        return "\(folder)/timmybot"
    }()

    let child: ChildProcess
    private let lines: Lines
    private let ended: Task<Int32, Never>

    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    /// - Parameters:
    ///   - folder: working directory.
    ///   - environment: all that the program gets, beside PATH.
    ///   - wrapper: a command that ends by starting what follows it.
    init(
        _ arguments: [String], in folder: String = NSTemporaryDirectory(), environment: [String: String] = [:],
        wrapper: [String] = []
    ) throws {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let settings = environment.merging(["PATH": path]) { given, _ in given }.map { "\($0)=\($1)" }
        let command = ["env", "-i", "-C", folder] + settings + wrapper + [Self.path] + arguments
        let child = try ChildProcess(command, errors: .pipe)
        let lines = Lines()
        (self.child, self.lines) = (child, lines)
        ended = Task {
            await withCheckedContinuation { done in
                Thread.detachNewThread {
                    while let line = child.readLine() {
                        lines.all.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
                    }
                    done.resume(returning: child.wait())
                }
            }
        }
    }

    deinit { child.stop() }

    /// What it has printed so far, both streams together.
    var output: String { lines.all.withLock { $0.joined(separator: "\n") } }

    func prints(_ text: String, within limit: Duration = .seconds(20)) async -> Bool {
        await eventually(within: limit) { output.contains(text) }
    }

    func terminate() { child.send(SIGTERM) }

    /// Its exit status; nil where it still runs after `limit`, and is killed then.
    func end(within limit: Duration = .seconds(60)) async -> Int32? {
        let alarm = Task {
            try await Task.sleep(for: limit)
            child.stop()
        }
        defer { alarm.cancel() }
        let status = await ended.value
        return status == -SIGKILL ? nil : status
    }

    /// Runs it to its end.
    static func run(
        _ arguments: String..., folder: String = NSTemporaryDirectory(), environment: [String: String] = [:]
    ) async throws -> (status: Int32?, output: String) {
        let program = try Program(arguments, in: folder, environment: environment)
        let status = await program.end()
        return (status, program.output)
    }
}

/// Polls `condition`, for what happens in another process.
func eventually(within timeout: Duration = .seconds(60), _ condition: () async -> Bool) async -> Bool {
    await poll(within: timeout, every: .milliseconds(10), condition)
}

/// A folder that is deleted with its owner.
final class Scratch: Sendable {
    let path = NSTemporaryDirectory() + "timmybot-cli-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String, permissions: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: "\(path)/\(name)")
    }
}

/// A local Discord with one server for a bot that is another process.
final class Town: Sendable {
    let server: SandboxServer
    let scratch: Scratch
    let token: String
    let bot, human, guild, text, voice: Snowflake
    private let listening = Mutex<[SandboxListener]>([])
    /// The demo's songs, made once for all tests.
    static let songs = Task {
        let folder = NSTemporaryDirectory() + "timmybot-cli-songs-\(getpid())"
        let maker = Installation(executable: Installation.runningExecutable).songMaker ?? "timmybot-songs"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (status, output) = try await ChildProcess.run([maker, folder])
        try #require(status == 0, "\(output)")
        return folder
    }

    var world: SandboxWorld { server.world }
    var data: String { "\(scratch.path)/data" }

    init(adjust: (inout SandboxConfiguration) -> Void = { _ in }) async throws {
        scratch = try Scratch()
        var configuration = SandboxConfiguration(directory: scratch.path)
        configuration.logger.logLevel = .critical
        adjust(&configuration)
        server = try await SandboxServer.start(configuration)
        let world = server.world
        human = await world.human
        (bot, token) = await world.addBot("TimmyBot")
        guild = try await world.addGuild("Home")
        text = try await world.addChannel("music", in: guild)
        voice = try await world.addChannel("Lounge", type: ChannelType.voice, in: guild)
        await world.addMember(bot, to: guild)
    }

    /// Settings of a bot that belongs here.
    var settings: [String: String] {
        [
            "DISCORD_TOKEN": token, "TIMMYBOT_DISCORD_API_BASE": server.apiBase,
            "TIMMYBOT_DISCORD_CA_FILE": server.caFile, "TIMMYBOT_ALLOWED_GUILDS": "\(guild)",
            "TIMMYBOT_DATA_DIR": data, "TIMMYBOT_LIBRARY_DIR": "\(scratch.path)/music",
        ]
    }

    /// `timmybot run`, once its commands are there, with the demo's songs as its music folder.
    func bot(_ more: [String: String] = [:], wrapper: [String] = []) async throws -> Program {
        try? FileManager.default.createSymbolicLink(
            atPath: "\(scratch.path)/music", withDestinationPath: try await Self.songs.value)
        let program = try Program(
            ["run"], in: scratch.path, environment: settings.merging(more) { $1 }, wrapper: wrapper)
        let isUp = await eventually { await !world.commands(of: bot, in: guild).isEmpty }
        try #require(isUp, "\(program.output)")
        return program
    }

    /// Types a command and returns its interaction.
    func type(_ name: String, _ options: [String: String] = [:]) async throws -> Snowflake {
        let list = options.map { JSONValue.object(["name": .string($0), "type": 3, "value": .string($1)]) }
        let who = SandboxInvocation(user: human, guild: guild, channel: text)
        return try await world.command(name, options: list, by: who)
    }

    func listen() async throws -> SandboxListener {
        let ear = try await world.listen(human, in: voice)
        listening.withLock { $0.append(ear) }
        return ear
    }

    /// The stored record of the server, nil where there is none.
    func record() throws -> String? {
        let path = "\(data)/guilds/\(guild).json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try String(contentsOfFile: path, encoding: .utf8)
    }
}

/// Everything that starts programs, one after the other.
@Suite("The program", .serialized, .timeLimit(.minutes(5)))
enum TheProgram {}
