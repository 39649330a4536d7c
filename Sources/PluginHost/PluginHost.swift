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
        /// JSON for each plugin, by id; its members win over those of the operator's file.
        public var settings: [String: String]
        /// Where the operator's files `<plugin id>.json` are, read at each load and reload; none where nil.
        public var settingsDirectory: String?
        public var deadlines = Deadlines()

        public init(directory: String, cacheDirectory: String, settings: [String: String] = [:]) {
            self.directory = directory
            self.cacheDirectory = cacheDirectory
            self.settings = settings
        }
    }

    /// How long a plugin may take for what belongs to its life.
    public struct Deadlines: Sendable {
        /// The file's constructors and its entry.
        public var load = Duration.seconds(10)
        public var create = Duration.seconds(5)
        public var stop = Duration.seconds(3)
        public var destroy = Duration.seconds(2)
        /// The contract says a millisecond; this is when it is no longer waited for.
        public var match = Duration.seconds(1)

        public init() {}
    }

    let configuration: Configuration
    let services: PluginServices
    let tasks: TaskTable
    let ledger = CallLedger()
    let logger: Logger
    let clock: any Clock<Duration>
    private let elapsed: @Sendable () -> Duration

    struct State: Sendable {
        var instances: [String: PluginInstance] = [:]
        var commands: [String: PluginCommand] = [:]
        /// What comes back where a plugin's new version fails its first calls.
        var fallbacks: [String: PluginGeneration] = [:]
        /// Replaced instances that are not over yet.
        var retiring: [PluginInstance] = []
        /// Plugins that are being loaded, replaced or unloaded at this moment.
        var busy: Set<String> = []
        /// Where `match` runs, which may come from any thread.
        var matching: Lane?
        var isClosed = false
    }

    let state = Mutex(State())
    /// Commands or sources that came, went or changed by `reload` and `unload`; for one reader, who asks for `commands` and
    /// `sources` anew.
    public let changes: AsyncStream<PluginChange>
    let announce: AsyncStream<PluginChange>.Continuation

    public init(
        _ configuration: Configuration, services: PluginServices, logger: Logger,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.configuration = configuration
        self.services = services
        self.logger = logger
        self.clock = clock
        elapsed = Self.stopwatch(clock)
        tasks = TaskTable(clock: clock)
        (changes, announce) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
    }

    private static func stopwatch<Time: Clock>(_ clock: Time) -> @Sendable () -> Duration
    where Time.Duration == Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
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
        loadAll(Self.files(in: configuration.directory).map { PluginCandidate(file: $0) })
    }

    /// Loads one plugin. Blocks while it starts.
    @discardableResult
    public func load(_ path: String) throws(PluginRefusal) -> PluginManifest {
        try load(PluginCandidate(file: path))
    }

    /// Seconds on the host's clock.
    var now: Double { elapsed() / .seconds(1) }
}
