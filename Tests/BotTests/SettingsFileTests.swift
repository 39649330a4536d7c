import Foundation
import PluginHost
import Testing

@testable import Bot

@Suite("Settings on the disk")
final class SettingsFileTests: Sendable {
    private let directory = NSTemporaryDirectory() + "timmybot-settings-\(UUID().uuidString)"

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func set(_ file: SettingsFile, _ key: String, _ value: String, of plugin: String = "a", guild: UInt64 = 1)
        async -> Result<[PluginSetting], PluginFailure>
    {
        await withCheckedContinuation { continuation in
            file.set(PluginSetting(key: key, value: value), of: plugin, guild: guild) {
                continuation.resume(returning: $0)
            }
        }
    }

    private func all(_ file: SettingsFile, of plugin: String = "a", guild: UInt64 = 1) async -> [String] {
        let result = await withCheckedContinuation { continuation in
            file.settings(of: plugin, guild: guild) { continuation.resume(returning: $0) }
        }
        return ((try? result.get()) ?? []).map { "\($0.key)=\($0.value)" }
    }

    @Test func theyLastAndAreKeptApart() async {
        let file = SettingsFile(directory: directory)
        #expect(await all(file) == [])
        _ = await set(file, "b", "2")
        _ = await set(file, "a", "1")
        _ = await set(file, "a", "other", guild: 2)
        _ = await set(file, "a", "elsewhere", of: "b")
        let again = SettingsFile(directory: directory)
        #expect(await all(again) == ["a=1", "b=2"])
        #expect(await all(again, guild: 2) == ["a=other"])
        #expect(await all(again, of: "b") == ["a=elsewhere"])
        #expect((try? await set(again, "a", "").get()) == [PluginSetting(key: "b", value: "2")])
        #expect(await all(SettingsFile(directory: directory)) == ["b=2"])
    }

    @Test func callsTakeEffectInTheirOrder() async {
        let file = SettingsFile(directory: directory)
        for number in 0..<50 { file.set(PluginSetting(key: "k", value: "\(number)"), of: "a", guild: 1) { _ in } }
        #expect(await all(file) == ["k=49"])
    }

    @Test func thereIsAQuota() async {
        let file = SettingsFile(directory: directory)
        for number in 0..<SettingLimits.keys {
            guard case .success = await set(file, "k\(number)", "v") else {
                Issue.record("\(number)")
                return
            }
        }
        guard case .failure(let failure) = await set(file, "one more", "v") else {
            Issue.record("there is none")
            return
        }
        #expect(failure.code == -6)
        // What is there may still be changed.
        #expect((try? await set(file, "k0", "new").get())?.first?.value == "new")
        #expect(await all(file).count == SettingLimits.keys)
    }

    @Test func aDamagedFileIsPutAside() async throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data("{\"1\":".utf8).write(to: URL(fileURLWithPath: "\(directory)/a.json"))
        let file = SettingsFile(directory: directory)
        #expect(await all(file) == [])
        #expect((try? await set(file, "k", "v").get())?.count == 1)
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        #expect(names.contains { $0.hasPrefix("a.json.damaged-") } && names.contains("a.json"))
    }

    @Test func aDiskThatRefusesChangesNothing() async throws {
        try FileManager.default.createDirectory(
            atPath: (directory as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        // A file where the folder should be.
        try Data().write(to: URL(fileURLWithPath: directory))
        let file = SettingsFile(directory: directory)
        guard case .failure(let failure) = await set(file, "k", "v") else {
            Issue.record("it was stored nowhere")
            return
        }
        #expect(failure.code == -10)
        #expect(await all(file) == [])
    }
}
