import CTimmyBot
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import PluginHost

let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
let fixtures = "\(repository)/Tests/Fixtures/plugins"

/// A folder that goes away with the test.
final class Scratch: Sendable {
    let path = NSTemporaryDirectory() + "timmybot-plugins-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

struct Failed: Error, CustomStringConvertible { let description: String }

/// Runs a program and gives what it printed.
@discardableResult
func run(_ arguments: [String]) throws -> String {
    let child = try ChildProcess(arguments, errors: .pipe)
    let text = child.readAll()
    guard child.wait() == 0 else { throw Failed(description: "\(arguments.joined(separator: " "))\n\(text)") }
    return text
}

/// Compiles a fixture with a C compiler that sees nothing but the SDK's headers.
func compile(_ source: String, _ options: [String] = [], to path: String) throws {
    let flags = [
        "-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-O1", "-I", "\(repository)/sdk/include",
    ]
    try run(["cc"] + flags + options + ["\(fixtures)/\(source)", "-o", path, "-Wl,-z,nodelete"])
}

/// Polls for what another thread does.
func eventually(_ condition: () -> Bool) async -> Bool { await poll { condition() } }

struct NoServices: PlayerService, ProbeService {
    private var none: PluginFailure { PluginFailure(code: TB_E_UNSUPPORTED, detail: "not in this test") }
    func play(_ query: String, _ mode: PlayMode, for call: PluginInvocation) async throws(PluginFailure)
        -> PlayerAddition
    {
        throw none
    }
    func search(_ query: String, limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginFound] {
        throw none
    }
    func perform(_ action: PlayerAction, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        throw none
    }
    func setFilter(_ name: String, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        throw none
    }
    func snapshot(first: Int, count: Int, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        throw none
    }
    /// Knows every file by its size, and nothing more.
    func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe {
        close(descriptor)
        return PluginProbe(
            durationMilliseconds: 1_000, codec: "opus", title: "", artist: "", album: "", artworkType: "", artwork: [])
    }
}

func makeHost(
    _ scratch: Scratch, clock: any Clock<Duration> = ContinuousClock(), settings: [String: String] = [:],
    deadlines: PluginHost.Deadlines = .init(), log: LogLines? = nil,
    services: PluginServices = PluginServices(player: NoServices(), probe: NoServices())
) -> PluginHost {
    var logger = log.map { log in Logger(label: "plugins") { _ in log } } ?? Logger(label: "plugins")
    logger.logLevel = log == nil ? .critical : .info
    var configuration = PluginHost.Configuration(
        directory: scratch.path, cacheDirectory: "\(scratch.path)/cache", settings: settings)
    configuration.deadlines = deadlines
    return PluginHost(configuration, services: services, logger: logger, clock: clock)
}

extension PluginHost.Deadlines {
    /// For plugins that hang while they are loaded, which is real time.
    static let short: Self = {
        var deadlines = Self()
        deadlines.load = .seconds(3)
        deadlines.create = .seconds(3)
        return deadlines
    }()
}

let somebody = PluginInvocation(guild: 1 << 60, channel: 2, user: 3, voiceChannel: 0, locale: "en-GB")
