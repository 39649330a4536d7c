import Foundation
import Glibc
import Logging
import PluginStore
import TestSupport
import Testing

@testable import PluginHost

/// `<data>/plugins/config/<plugin id>.json`: what an operator has to say to a plugin.
@Suite("Configuration by operators")
struct OperatorSettingsTests {
    private let scratch: Scratch
    private let store: PluginStore
    private let plugin: LifePlugin
    private let log = LogLines()

    init() throws {
        scratch = try Scratch()
        store = PluginStore(dataDirectory: scratch.path)
        plugin = LifePlugin(scratch)
        try FileManager.default.createDirectory(
            atPath: store.settingsDirectory, withIntermediateDirectories: true)
    }

    private var path: String { OperatorSettings.path(of: plugin.id, in: store.settingsDirectory) }

    private func write(_ text: String, mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func host(_ settings: [String: String] = [:]) -> PluginHost {
        var logger = Logger(label: "plugins") { [log] _ in log }
        logger.logLevel = .info
        var configuration = PluginHost.Configuration(
            directory: scratch.path, cacheDirectory: store.directory, settings: settings)
        configuration.settingsDirectory = store.settingsDirectory
        return PluginHost(
            configuration, services: PluginServices(player: NoServices(), probe: NoServices()), logger: logger)
    }

    @Test func itIsReadAtLoadAndAgainAtReload() async throws {
        try plugin.build("1.0.0", ["-DTELL_CONFIG"])
        let host = host()
        try write(#"{"client_secret":"one"}"#)
        try host.load(plugin.path)
        #expect(plugin.events == [#"{"client_secret":"one"} 1.0.0"#, "create 1.0.0"])
        guard case .unchanged = try await host.reload(plugin.id) else {
            Issue.record("nothing had changed")
            return
        }
        // The same build with other words is another instance, with static data of its own.
        try write(#"{"client_secret":"two"}"#)
        guard case .replaced = try await host.reload(plugin.id) else {
            Issue.record("its configuration had changed")
            return
        }
        #expect(plugin.events.suffix(2) == [#"{"client_secret":"two"} 1.0.0"#, "create 1.0.0"])
        #expect(try await host.text(plugin, "version") == "1.0.0")
        host.removeStaleCopies()
        let copies = try FileManager.default.contentsOfDirectory(atPath: store.directory)
            .filter { $0.hasPrefix(plugin.id) && $0.hasSuffix(".so") }
        #expect(copies.count >= 1 && copies.allSatisfy(PluginLoader.isCopy), "\(copies)")
        #expect(!log.contains("one") && !log.contains("two"), "\(log.all)")
        await host.close()
    }

    @Test func withoutAFileItIsAnEmptyObject() async throws {
        try plugin.build("1.0.0", ["-DTELL_CONFIG"])
        let host = host()
        try host.load(plugin.path)
        #expect(plugin.events.first == "{} 1.0.0")
        #expect(!log.contains("chmod"))
        await host.close()
    }

    @Test func theHostsOwnWordWins() throws {
        try write(#"{"directory":"/elsewhere","rescan_seconds":7}"#)
        let merged = try OperatorSettings(
            of: plugin.id, in: store.settingsDirectory, overlay: #"{"directory":"/music"}"#)
        #expect(merged.json == #"{"directory":"/music","rescan_seconds":7}"#)
        #expect(merged.isFromFile && !merged.isOpenToOthers)
    }

    @Test(arguments: ["{\"client_secret\":\"s3cret\"", "[\"s3cret\"]", "\"s3cret\"", "", "\u{0}"])
    func whatIsNoObjectRefusesThePlugin(_ text: String) throws {
        try plugin.build()
        try write(text)
        let reports = host().loadAll([PluginCandidate(file: plugin.path)])
        let reason = try #require(reports.first?.refusal)
        #expect(reason == "its configuration \(path) is not a JSON object")
        #expect(plugin.events.isEmpty, "it was created all the same")
        #expect(!log.contains("s3cret"), "\(log.all)")
    }

    @Test func whatIsTooLargeOrNoFileRefusesThePlugin() throws {
        try write("{\"a\":\"" + String(repeating: "x", count: OperatorSettings.maximumSize) + "\"}")
        #expect(throws: PluginRefusal("its configuration \(path) is larger than 256 KiB")) {
            try OperatorSettings(of: plugin.id, in: store.settingsDirectory)
        }
        unlink(path)
        try #require(mkfifo(path, 0o600) == 0)
        #expect(throws: PluginRefusal("its configuration \(path) is not a file")) {
            try OperatorSettings(of: plugin.id, in: store.settingsDirectory)
        }
    }

    @Test func aFileThatOthersReadIsWarnedAbout() async throws {
        try plugin.build()
        try write("{}", mode: 0o644)
        let host = host()
        try host.load(plugin.path)
        #expect(log.contains("\(path) can be read by others on this machine: chmod 600"), "\(log.all)")
        await host.close()
    }

    /// `timmybot plugin info` says where it is and never what is in it.
    @Test func infoTellsWhetherThereIsOne() throws {
        try plugin.build()
        let listing = PluginListing(store: store, folder: scratch.path)
        #expect(try listing.info(plugin.id).contains("config       none (\(path))"))
        try write(#"{"client_secret":"s3cret"}"#)
        let text = try listing.info(plugin.id)
        #expect(text.contains("config       \(path)\n") && !text.contains("s3cret"), "\(text)")
        try write(#"{"client_secret":"s3cret"}"#, mode: 0o640)
        #expect(try listing.info(plugin.id).contains("\(path) (others can read it: chmod 600)"))
        try write("s3cret")
        let bad = try listing.info(plugin.id)
        #expect(bad.contains("config       UNUSABLE: ") && !bad.contains("s3cret"), "\(bad)")
    }
}
