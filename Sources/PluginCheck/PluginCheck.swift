import Foundation
import Glibc
import PluginHost

/// `timmybot plugin check`: everything that can be known of a plugin before it is trusted with a bot.
///
/// Level 0 looks at the file, level 1 loads it, level 2 reads its tables, level 3 uses it on a mock host. From level 1 on
/// each group of checks runs in a process of its own with a time limit.
public struct PluginCheck: Sendable {
    public struct Options: Sendable {
        /// Highest level to run, 0 to 3.
        public var level = 3
        /// Of the fuzz; nil for a new one each time.
        public var seed: UInt64?
        /// Calls of each command and source function that the fuzz makes.
        public var rounds = 200
        /// How long the fuzz goes on, instead of `rounds`; nil for the rounds.
        public var fuzzTime: Duration?
        /// The plugin's configuration while it is checked, JSON.
        public var configuration = "{}"
        /// Searches that its source surely answers, beside the manifest's `examples`.
        public var inputs: [String] = []
        /// For one group of checks; the fuzz has it beside its `fuzzTime`.
        public var timeLimit = Duration.seconds(60)
        /// Path of `timmybot-check`.
        public var program: String
        /// Folders of the Swift runtime, for plugins that share the host's.
        public var libraryPath: String

        public init(program: String, libraryPath: String) {
            self.program = program
            self.libraryPath = libraryPath
        }
    }

    /// The check itself could not be run.
    public struct CannotRun: Error, CustomStringConvertible {
        public let description: String
    }

    private let options: Options
    private static let maximumSize = 256 << 20

    public init(_ options: Options) { self.options = options }

    /// Blocks for as long as the checks take; call it off the cooperative pool.
    ///
    /// - Throws: `CannotRun` where the file cannot be read or the child program is not there.
    public func run(_ path: String) throws(CannotRun) -> CheckReport {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CannotRun(description: "\(path) cannot be read")
        }
        guard data.count <= Self.maximumSize else { throw CannotRun(description: "\(path) is larger than 256 MiB") }
        guard access(options.program, X_OK) == 0 else {
            throw CannotRun(description: "\(options.program) is not there; it belongs beside the media worker")
        }
        let seed = options.seed ?? UInt64.random(in: 1...UInt64(UInt32.max))
        let file = FileLevel(path: path, bytes: Array(data)).run()
        var results = file.results
        if options.level >= 1 {
            if let manifest = file.manifest, file.isLoadable {
                results += dynamic(URL(fileURLWithPath: path).standardizedFileURL.path, manifest, seed)
            } else {
                results.append(CheckResult("L1.loads", "can be loaded", .skip, "level 0 says that it cannot"))
            }
        }
        return CheckReport(
            file: path, plugin: file.manifest?.id ?? "", version: file.manifest?.version ?? "", seed: seed,
            results: results)
    }

    private func dynamic(_ path: String, _ manifest: PluginManifest, _ seed: UInt64) -> [CheckResult] {
        var results: [CheckResult] = []
        for group in CheckGroup.all where group.level <= options.level {
            let found = run(group, path, manifest, seed)
            results += found
            if group.isFoundation, found.contains(where: { $0.verdict == .fail }) { break }
        }
        return results
    }

    private func run(
        _ group: CheckGroup, _ path: String, _ manifest: PluginManifest, _ seed: UInt64
    ) -> [CheckResult] {
        let child = CheckChild(
            program: options.program, libraryPath: options.libraryPath,
            timeLimit: options.timeLimit + (group.name == "fuzz" ? options.fuzzTime ?? .zero : .zero))
        let outcome = child.run(
            [
                group.name, path, manifest.id, manifest.version, String(seed), String(options.rounds),
                String((options.fuzzTime ?? .zero) / .seconds(1)), options.configuration,
            ] + options.inputs + (manifest.examples ?? []).prefix(8), titles: group.titles)
        var results = group.merged(outcome.results)
        switch outcome.end {
        case .exited(0) where group.isIncomplete(results):
            results.append(group.broken("it closed descriptors that are not its own while \(outcome.at)"))
        case .exited(0): break
        case .exited(let status):
            results.append(group.broken("the plugin ended the process with status \(status) while \(outcome.at)"))
        case .crashed(let signal):
            results.append(group.broken("it crashed (\(Self.name(signal))) while \(outcome.at)"))
        case .hung: results.append(group.broken("it hung while \(outcome.at)"))
        case .notStarted: results.append(group.broken("timmybot-check cannot be started"))
        }
        if !outcome.printed.isEmpty {
            results.append(
                CheckResult(
                    "L\(group.level).quiet", "prints nothing", .fail,
                    "it printed “\(outcome.printed.prefix(80))”; use timmy.log/1"))
        }
        return results
    }

    private static func name(_ signal: Int32) -> String {
        [
            SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGILL: "SIGILL", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE",
            SIGTRAP: "SIGTRAP", SIGXCPU: "SIGXCPU", SIGKILL: "SIGKILL", SIGTERM: "SIGTERM",
        ][signal] ?? "signal \(signal)"
    }
}
