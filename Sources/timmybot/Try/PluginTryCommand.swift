import ArgumentParser
import Bot
import CBreadcrumb
import Foundation
import Logging
import PluginHost

struct PluginTryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "try", abstract: "Runs one plugin in a local Discord with a web page, to use and hear it.",
        discussion: """
            No Discord account is involved. Beside the plugin there are the commands for playing and for the queue. The \
            file is looked at every second, and what was built anew is loaded in its place.

            --once needs no browser: it plays what QUERY finds, writes what a listener heard to a WAV file and reports; \
            with a slash in front it types that command and prints the answer. Exit code 0: it worked; 1: it did not, or \
            the plugin is refused; 66: there is no such file.
            """)

    @Argument(help: "The plugin's .so file.") var file: String
    @Option(help: ArgumentHelp("The plugin's configuration.", valueName: "json")) var config: String?
    @Option(help: ArgumentHelp("Port of the web page; 0 takes a free one.", valueName: "port")) var port = 8099
    @Option(help: ArgumentHelp("Play or type this headless, report, and exit.", valueName: "query")) var once: String?
    @Option(help: ArgumentHelp("How long to listen with --once.", valueName: "1-3600")) var seconds = 10
    @Option(help: ArgumentHelp("Where --once writes what was heard.", valueName: "file")) var wav = "try.wav"
    @Option(help: ArgumentHelp("A music folder: loads the Library source, too.", valueName: "folder"))
    var library: String?
    @Flag(help: "Leave the temporary data folder, and say where it is.") var keep = false

    func validate() throws {
        guard (1...3_600).contains(seconds), (0...65_535).contains(port) else {
            throw ValidationError("--seconds must be 1 to 3600 and --port 0 to 65535")
        }
        guard (try? JSONSerialization.jsonObject(with: Data((config ?? "{}").utf8))) is [String: Any] else {
            throw ValidationError("--config must be a JSON object")
        }
        guard once?.isEmpty != true else { throw ValidationError("--once needs something to play or to type") }
    }

    func run() async throws {
        guard FileManager.default.fileExists(atPath: file) else {
            Settings.fail("there is no \(file)")
            throw Exit.noInput
        }
        let installation = Installation(executable: Installation.runningExecutable)
        let folder = try TryFolder(
            file: file, withLibrary: library != nil, configuration: config, installation: installation)
        defer {
            if keep { StandardError.write("the data folder is \(folder.path)\n") } else { folder.remove() }
        }
        // A crash ends this process: its last line says in whose call, as docs/plugins/operating.md describes it.
        _ = tb_crumb_install(STDERR_FILENO)
        let attempt = try await Try(folder, plan(folder), installation, file: file)
        if let once { return try await attempt.runOnce(once, seconds: seconds, wav: wav) }
        try await attempt.runPage()
    }

    private func plan(_ folder: TryFolder) -> Stage.Plan {
        let logger = Logger(label: "try") { [id = folder.plugin.id] _ in TryLog(plugin: id) }
        let environment = [
            "TIMMYBOT_DATA_DIR": folder.data, "TIMMYBOT_PLUGIN_DIR": folder.plugins,
            "TIMMYBOT_LIBRARY_DIR": library ?? "\(folder.path)/music",
        ]
        return Stage.Plan(
            directory: folder.path, port: once == nil ? port : 0, environment: environment,
            recordedSeconds: max(300, seconds + 10), logger: logger)
    }
}
