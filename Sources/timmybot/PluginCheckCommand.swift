import ArgumentParser
import Bot
import Foundation
import PluginCheck

struct PluginCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks a plugin file from its bytes to its behaviour on a mock host.",
        discussion: """
            Level 0 looks at the file, level 1 loads it, level 2 reads its tables, level 3 uses it. Every dynamic check \
            runs in a process of its own with a time limit. Exit code 0: all holds; 1: something fails; 2: the check could \
            not run.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case human, tap, json }

    @Argument(help: "The plugin's .so files.") var files: [String]
    @Option(help: "Highest level to run, 0 to 3.") var level = 3
    @Option(help: "human, tap or json.") var format = Format.human
    @Option(help: "Seed of an earlier run, to see the same again.") var reproduce: UInt64?
    @Option(help: "Fuzz calls of each command and function.") var rounds = 200
    @Option(help: ArgumentHelp("How long the fuzz goes on, instead of --rounds.", valueName: "seconds"))
    var fuzzSeconds: Int?
    @Option(help: "The plugin's configuration, JSON.") var config = "{}"
    @Option(help: "A search that its source surely answers; may be repeated.") var input: [String] = []
    @Option(help: "Seconds for one group of checks.") var timeout = 60
    @Flag(name: .shortAndLong, help: "Show what passes, too.") var verbose = false

    func validate() throws {
        guard (0...3).contains(level), (1...1_000_000).contains(rounds), (1...86_400).contains(timeout),
            (1...604_800).contains(fuzzSeconds ?? 1)
        else {
            throw ValidationError(
                "--level is 0 to 3, --rounds 1 to 1000000, --timeout 1 to 86400 and --fuzz-seconds 1 to 604800 seconds")
        }
        guard (try? JSONSerialization.jsonObject(with: Data(config.utf8))) is [String: Any] else {
            throw ValidationError("--config must be a JSON object")
        }
    }

    func run() async throws {
        let installation = Installation(executable: Installation.runningExecutable)
        var options = PluginCheck.Options(
            program: installation.pluginChecker, libraryPath: Installation.swiftLibraries.joined(separator: ":"))
        options.level = level
        options.seed = reproduce
        options.rounds = rounds
        options.fuzzTime = fuzzSeconds.map { .seconds($0) }
        options.configuration = config
        options.inputs = input
        options.timeLimit = .seconds(timeout)
        let check = PluginCheck(options)
        // Several documents one after the other are no JSON.
        let isArray = format == .json && files.count > 1
        var reports: [CheckReport] = []
        var worst: Int32 = 0
        for file in files {
            let outcome = await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    continuation.resume(returning: Result { () throws(PluginCheck.CannotRun) in try check.run(file) })
                }
            }
            switch outcome {
            case .success(let report):
                if isArray { reports.append(report) } else { print(text(of: report)) }
                worst = max(worst, report.exitCode)
            case .failure(let error):
                Settings.fail(error.description)
                worst = 2
            }
        }
        if isArray { print(CheckReport.json(of: reports)) }
        throw ExitCode(worst)
    }

    private func text(of report: CheckReport) -> String {
        switch format {
        case .human: report.text(verbose: verbose)
        case .tap: report.tap
        case .json: report.json
        }
    }
}
