import Foundation
import Logging
import PluginHost
import PluginStore
import Synchronization
import TestSupport
import Testing

@testable import Bot

/// What is loaded at start.
@Suite("Caring for plugins")
struct PluginCareTests {
    private let directory = NSTemporaryDirectory() + "timmybot-care-\(UUID().uuidString)"

    /// A host with one plugin in its folder, and what the operator reads.
    private func start(_ lines: LogLines) async throws -> (care: PluginCare, host: PluginHost, store: PluginStore) {
        try FileManager.default.createDirectory(
            atPath: "\(directory)/plugins", withIntermediateDirectories: true)
        try await compileFixture("moody", to: "\(directory)/moody.so")
        let logger = lines.logger
        let host = PluginHost(
            PluginHost.Configuration(directory: directory, cacheDirectory: "\(directory)/cache"),
            services: PluginServices(player: LatePlayer(), probe: EngineProbeless()), logger: logger)
        let store = PluginStore(dataDirectory: directory)
        let care = PluginCare(
            plugins: host, health: HealthWatch(plugins: host, logger: logger), store: store, folder: directory,
            dataDirectory: directory, logger: logger)
        return (care, host, store)
    }

    @Test func whatCameWithTheBotIsLoaded() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (care, host, _) = try await start(LogLines(.warning))
        #expect(care.load().map(\.refusal) == [nil])
        await host.close()
    }

    /// Disabled or in quarantine cannot be told then, so nobody gets in; the operator reads one line about it.
    @Test(arguments: ["plugins.lock", "quarantine.json"])
    func whereNobodyCanTellWhoIsOutNobodyGetsIn(_ file: String) async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let lines = LogLines(.warning)
        let (care, host, store) = try await start(lines)
        try Data("{".utf8).write(to: URL(fileURLWithPath: "\(store.directory)/\(file)"))
        let crash = "1 \(time(nil)) SIGSEGV lane test.moody /boom\n"
        try Data(crash.utf8).write(to: URL(fileURLWithPath: store.crashPath))
        #expect(care.load().isEmpty && host.commands.isEmpty)
        #expect(lines.all.count == 1 && lines.all.first?.contains(file) == true, "\(lines.all)")
        await host.close()
    }

    /// While the bot starts, what plugins ask of the player is no fault of theirs.
    @Test func aPlayerThatIsNotReadyIsNotTheirFault() async {
        let failure = await #expect(throws: PluginFailure.self) {
            try await LatePlayer().search("x", limit: 1, for: call)
        }
        #expect(failure?.code == -4 && failure?.userText == "I am still starting.")
    }

    private let call = PluginInvocation(guild: 1, channel: 2, user: 3, voiceChannel: 0, locale: "en-GB")
}

private struct EngineProbeless: ProbeService {
    func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe {
        close(descriptor)
        throw PluginFailure(detail: "not in this test")
    }
}
