import CTimmyBot
import Foundation
import Logging
import Synchronization

/// What became of one file in the plugin folder.
public struct PluginReport: Sendable, Equatable {
    public let file: String
    public let manifest: PluginManifest?
    /// Nil where the plugin is loaded.
    public let refusal: String?
}

/// Loads plugins and calls them.
public final class PluginHost: Sendable {
    public struct Configuration: Sendable {
        public var directory: String
        public var cacheDirectory: String
        /// JSON for each plugin, by id.
        public var settings: [String: String]

        public init(directory: String, cacheDirectory: String, settings: [String: String] = [:]) {
            self.directory = directory
            self.cacheDirectory = cacheDirectory
            self.settings = settings
        }
    }

    private let configuration: Configuration
    let services: PluginServices
    let tasks: TaskTable
    let ledger = CallLedger()
    let logger: Logger
    let started = ContinuousClock.now

    struct State: Sendable {
        var instances: [String: PluginInstance] = [:]
        var commands: [String: PluginCommand] = [:]
    }

    let state = Mutex(State())

    public init(
        _ configuration: Configuration, services: PluginServices, logger: Logger,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.configuration = configuration
        self.services = services
        self.logger = logger
        tasks = TaskTable(clock: clock)
    }

    // MARK: Loading

    /// Plugin files of a folder, sorted; none where the folder is missing.
    public static func files(in directory: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { $0.hasSuffix(".so") }.sorted().map { "\(directory)/\($0)" }
    }

    /// Reads every manifest without running a plugin.
    public static func survey(_ directory: String) -> [PluginReport] {
        files(in: directory).map { path in
            do throws(PluginRefusal) {
                return PluginReport(file: path, manifest: try PluginLoader.manifest(of: path).manifest, refusal: nil)
            } catch {
                return PluginReport(file: path, manifest: nil, refusal: error.description)
            }
        }
    }

    /// Loads every plugin of the folder; a bad one costs only itself. Blocks; call it off the cooperative pool.
    public func loadAll() -> [PluginReport] {
        Self.files(in: configuration.directory).map { path in
            do throws(PluginRefusal) {
                let manifest = try load(path)
                logger.info("plugin \(manifest.id) \(manifest.version) loaded")
                return PluginReport(file: path, manifest: manifest, refusal: nil)
            } catch {
                logger.warning("plugin \((path as NSString).lastPathComponent) was refused: \(error)")
                return PluginReport(file: path, manifest: nil, refusal: error.description)
            }
        }
    }

    @discardableResult
    public func load(_ path: String) throws(PluginRefusal) -> PluginManifest {
        let loader = PluginLoader(cacheDirectory: configuration.cacheDirectory)
        let (manifest, table) = try loader.load(path)
        guard state.withLock({ $0.instances[manifest.id] == nil }) else {
            throw PluginRefusal("a plugin with the id \(manifest.id) is loaded already")
        }
        let instance = PluginInstance(manifest, table: table, tasks: tasks, services: services, logger: logger)
        try instance.create(configuration: configuration.settings[manifest.id] ?? "{}")
        let commands = try self.commands(of: instance)
        try state.withLock { state throws(PluginRefusal) in
            for command in commands where state.commands[command.name] != nil {
                throw PluginRefusal(
                    "its command /\(command.name) is taken by \(state.commands[command.name]?.plugin ?? "?")")
            }
            state.instances[manifest.id] = instance
            for command in commands { state.commands[command.name] = command }
        }
        return manifest
    }

    /// Asks every plugin to stop. Their code stays mapped.
    public func shutdown() {
        for instance in state.withLock({ Array($0.instances.values) }) {
            _ = instance.lane.submit { [instance] in
                instance.table.pointee.stop?(instance.created)
                instance.table.pointee.destroy?(instance.created)
            }
            instance.lane.close()
        }
    }
}
