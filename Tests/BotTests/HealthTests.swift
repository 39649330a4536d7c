import Foundation
import Logging
import PluginStore
import TestSupport
import Testing

@testable import Bot
@testable import PluginHost

/// Plugins that can say whether they are well are asked, and what they say is passed on.
@Suite("The health of plugins")
struct HealthTests {
    private let directory = NSTemporaryDirectory() + "timmybot-health-\(UUID().uuidString)"

    private func start() async throws -> PluginHost {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try await compileFixture("moody", to: "\(directory)/moody.so")
        let services = PluginServices(player: LatePlayer(), probe: NoProbe())
        let host = PluginHost(
            PluginHost.Configuration(directory: directory, cacheDirectory: "\(directory)/cache"), services: services,
            logger: quiet)
        try #require(host.loadAll().map(\.refusal) == [nil])
        return host
    }

    private var quiet: Logger {
        var logger = Logger(label: "health")
        logger.logLevel = .critical
        return logger
    }

    @Test func whatPluginsSayIsKept() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let host = try await start()
        let watch = HealthWatch(plugins: host, logger: quiet)
        var lines = await watch.ask()
        #expect(lines.map(\.plugin) == ["test.moody"] && lines.map(\.isWell) == [true])
        #expect(lines.map(\.note) == ["in good spirits"] && watch.ailing.isEmpty)
        lines = await watch.ask()
        #expect(lines.map(\.isWell) == [false] && watch.ailing == ["test.moody": "the key has run out"])
        _ = await watch.ask()
        #expect(watch.ailing.isEmpty)
        await host.close()
    }

    /// On a thread that may block, as the doctor's does: the bot that answers needs the pool's.
    private func examine() async -> [Finding] {
        await withCheckedContinuation { done in
            Thread.detachNewThread { [directory] in
                done.resume(returning: HealthExamination(dataDirectory: directory).findings)
            }
        }
    }

    @Test func theDoctorAsksARunningBot() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let host = try await start()
        let care = PluginCare(
            plugins: host, health: HealthWatch(plugins: host, logger: quiet),
            store: PluginStore(dataDirectory: directory), folder: directory, dataDirectory: directory, logger: quiet)
        #expect(await examine().isEmpty, "nothing runs yet")
        care.listen()
        let well = await examine()
        #expect(well == [.good("plugin test.moody at work", "in good spirits")])
        let ill = await examine()
        #expect(ill.map(\.verdict) == [.warning] && ill.first?.detail == "the key has run out")
        care.stop()
        await host.close()
    }
}

private struct NoProbe: ProbeService {
    func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe {
        close(descriptor)
        throw PluginFailure(detail: "not in this test")
    }
}
