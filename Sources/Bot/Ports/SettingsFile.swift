import Files
import Foundation
import PluginHost

/// Settings of servers for plugins: one small JSON file a plugin, `{guild: {key: value}}`, written whole and atomically.
///
/// `@unchecked Sendable`: `known` is touched on `queue` only, where the blocking writes happen as well.
final class SettingsFile: SettingsService, @unchecked Sendable {
    /// Of one plugin, for all servers together.
    static let maximumSize = 8 << 20
    static let maximumWaiting = 1_024

    private typealias Book = [String: [String: String]]

    private let directory: String
    private let queue = DispatchQueue(label: "timmybot.settings")
    private let waiting = DispatchSemaphore(value: SettingsFile.maximumWaiting)
    private var known: [String: Book] = [:]

    /// - Parameter directory: made at the first write where it is missing.
    init(directory: String) { self.directory = directory }

    func settings(of plugin: String, guild: UInt64, done: @escaping Done) {
        enqueue(done) { [self] () throws(PluginFailure) in Self.list(try book(plugin)[String(guild)] ?? [:]) }
    }

    func set(_ setting: PluginSetting, of plugin: String, guild: UInt64, done: @escaping Done) {
        enqueue(done) { [self] () throws(PluginFailure) in try change(setting, plugin, String(guild)) }
    }

    private func enqueue(
        _ done: @escaping Done, _ body: @escaping @Sendable () throws(PluginFailure) -> [PluginSetting]
    ) {
        guard waiting.wait(timeout: .now()) == .success else {
            // Not on the caller's stack: the plugin may hold a lock.
            return DispatchQueue.global().async {
                done(.failure(PluginFailure(code: -6, detail: "too many settings wait to be stored")))
            }
        }
        queue.async { [waiting] in
            defer { waiting.signal() }
            do throws(PluginFailure) { done(.success(try body())) } catch { done(.failure(error)) }
        }
    }

    private static func list(_ settings: [String: String]) -> [PluginSetting] {
        settings.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
            PluginSetting(key: $0.key, value: $0.value)
        }
    }

    // MARK: On the queue

    private func path(_ plugin: String) -> String { "\(directory)/\(plugin).json" }

    private func book(_ plugin: String) throws(PluginFailure) -> Book {
        dispatchPrecondition(condition: .onQueue(queue))
        if let book = known[plugin] { return book }
        guard FileManager.default.fileExists(atPath: path(plugin)) else { return [:] }
        guard let data = FileManager.default.contents(atPath: path(plugin)) else {
            throw PluginFailure(code: -10, detail: "the settings of \(plugin) cannot be read")
        }
        guard let book = try? JSONDecoder().decode(Book.self, from: data) else {
            // Put aside, not lost: the operator may want to look at it.
            try? FileManager.default.moveItem(atPath: path(plugin), toPath: path(plugin) + ".damaged-\(getpid())")
            return [:]
        }
        known[plugin] = book
        return book
    }

    private func change(_ setting: PluginSetting, _ plugin: String, _ guild: String) throws(PluginFailure)
        -> [PluginSetting]
    {
        var book = try book(plugin)
        var settings = book[guild] ?? [:]
        settings[setting.key] = setting.value.isEmpty ? nil : setting.value
        guard settings.count <= SettingLimits.keys else {
            throw PluginFailure(code: -6, detail: "\(plugin) has \(SettingLimits.keys) settings in \(guild) already")
        }
        book[guild] = settings.isEmpty ? nil : settings
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let data = try? encoder.encode(book), data.count <= Self.maximumSize else {
            throw PluginFailure(code: -6, detail: "\(plugin) has more than \(Self.maximumSize >> 20) MiB of settings")
        }
        do {
            try write(data, to: path(plugin))
        } catch {
            throw PluginFailure(code: -10, detail: "the settings of \(plugin) could not be stored: \(error)")
        }
        known[plugin] = book
        return Self.list(settings)
    }

    /// All or nothing, and on the disk when it returns.
    private func write(_ data: Data, to path: String) throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try DurableFile.write(data, to: path, durable: true)
    }
}
