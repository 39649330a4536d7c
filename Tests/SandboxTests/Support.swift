import DiscordModel
import Foundation
import Logging
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import Sandbox

/// A sandbox with one guild, two text channels' worth of room, a voice channel and a bot in it.
struct Town {
    let server: SandboxServer
    let guild, text, voice, bot, human: Snowflake
    let token: String

    var world: SandboxWorld { server.world }
    var you: SandboxInvocation { SandboxInvocation(user: human, guild: guild, channel: text) }

    static func open(
        clock: (@Sendable () -> Double)? = nil, adjust: (inout SandboxConfiguration) -> Void = { _ in }
    ) async throws -> Town {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("sandbox-\(UUID().uuidString)")
        var logger = Logger(label: "sandbox")
        logger.logLevel = ProcessInfo.processInfo.environment["SANDBOX_LOG"] == nil ? .critical : .debug
        var configuration = SandboxConfiguration(directory: directory.path, logger: logger)
        if let clock { configuration.clock = clock }
        adjust(&configuration)
        let server = try await SandboxServer.start(configuration)
        let world = server.world
        let guild = try await world.addGuild("Test town")
        let text = try await world.addChannel("general", in: guild)
        let voice = try await world.addChannel("Music", type: ChannelType.voice, in: guild)
        let (bot, token) = await world.addBot("Tester")
        await world.addMember(bot, to: guild)
        return Town(
            server: server, guild: guild, text: text, voice: voice, bot: bot, human: await world.human, token: token)
    }

    func close() async {
        await server.stop()
        try? FileManager.default.removeItem(atPath: (server.caFile as NSString).deletingLastPathComponent)
    }

    /// A REST request of the bot, straight into the router.
    func rest(_ method: String, _ path: String, _ body: JSONValue? = nil, token: String? = nil) async -> (
        status: Int, body: JSONValue, headers: [String: String]
    ) {
        let target = RequestTarget.parse("/api/v10" + path)
        let request = SandboxRequest(
            method: method, path: target.path, query: target.query,
            headers: ["authorization": "Bot \(token ?? self.token)", "content-type": "application/json"],
            body: body.map(JSONText.encode) ?? [])
        switch await world.rest(request) {
        case .json(let status, let value, let headers): return (status, value, headers)
        case .empty(let status, let headers): return (status, .null, headers)
        case .bytes(let status, _, _): return (status, .null, [:])
        case .stream, .reset: return (0, .null, [:])
        }
    }
}

/// A Python peer that prints a JSON object a line.
final class Peer: Sendable {
    private let lines: AsyncStream<JSONValue>
    private let process: ChildProcess

    init(_ script: String, arguments: [String] = [], environment: [String: String]) throws {
        let process = try ChildProcess(Python.command(script, arguments), environment: environment)
        let (lines, sink) = AsyncStream.makeStream(of: JSONValue.self)
        (self.process, self.lines) = (process, lines)
        Thread.detachNewThread {
            while let line = process.readLine() { if let value = JSONText.decode(line) { sink.yield(value) } }
            sink.finish()
        }
    }

    deinit { process.stop() }

    func stop() { process.stop() }

    /// The next line with this event, or nil after `timeout`.
    func wait(for event: String, within timeout: Duration = .seconds(20)) async -> JSONValue? {
        await withTaskGroup(of: JSONValue?.self) { group in
            group.addTask { [lines] in
                for await line in lines where line["event"]?.string == event { return line }
                return nil
            }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}

/// Polls `condition` until it holds. For things across a real socket, where there is no event to wait for.
func eventually(within timeout: Duration = .seconds(60), _ condition: () async -> Bool) async -> Bool {
    await poll(within: timeout, every: .milliseconds(10), condition)
}

/// A clock that tests move.
final class ManualClock: Sendable {
    private let time = Mutex(1000.0)
    var now: Double { time.withLock { $0 } }
    func advance(_ seconds: Double) { time.withLock { $0 += seconds } }
}

/// Music-like sound: a melody of decaying tones with overtones, interleaved stereo at 48 kHz.
enum Melody {
    static func pcm(seconds: Double, seed: Int = 1) -> [Int16] {
        var samples: [Int16] = []
        var state = UInt32(truncatingIfNeeded: seed &* 2_654_435_761) | 1
        var phase = 0.0, frequency = 220.0
        for index in 0..<Int(seconds * 48000) {
            if index % 7200 == 0 {
                state = state &* 1_664_525 &+ 1_013_904_223
                frequency = 110 * pow(2, Double(state >> 24 & 31) / 12)
            }
            phase += 2 * Double.pi * frequency / 48000
            let fade = exp(-Double(index % 7200) / 4000)
            let value = fade * (0.5 * sin(phase) + 0.2 * sin(2 * phase) + 0.1 * sin(3 * phase))
            let sample = Int16(value * 20000)
            samples += [sample, sample]
        }
        return samples
    }

    static func write(_ samples: [Int16], to path: String) throws {
        try samples.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: path))
    }
}
