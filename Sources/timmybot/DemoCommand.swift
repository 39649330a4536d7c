import ArgumentParser
import Bot
import Files
import Foundation

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Starts a local Discord, the bot, and a web page to type /play in.",
        discussion:
            "No Discord account is involved. With --once it plays headless, records what a listener hears, and reports."
    )

    @Flag(help: "Play headless, write what a listener heard to a WAV file, report, and exit.") var once = false
    @Option(help: ArgumentHelp("How long to play with --once.", valueName: "1-60")) var seconds = 10
    @Option(help: ArgumentHelp("Where --once writes what was heard.", valueName: "file")) var wav = "demo.wav"
    @Option(help: ArgumentHelp("Port of the web page; 0 takes a free one.", valueName: "port")) var port = 8099
    @Option(help: ArgumentHelp("Folder for the songs; what a demo needs beside them is removed.", valueName: "folder"))
    var directory = ".build/demo"

    func run() async throws {
        guard (1...Demo.songSeconds).contains(seconds), (0...65_535).contains(port) else {
            throw ValidationError("--seconds must be 1 to \(Demo.songSeconds) and --port 0 to 65535")
        }
        OpenFiles.raise()
        let demo = try await Demo(directory: directory, port: once ? 0 : port, quiet: once)
        defer { demo.cleanUp() }
        if once {
            let report = try await demo.playOnce(seconds: seconds, wav: wav)
            print(report.text)
            await demo.stage.stop()
            try Recording.keep(report.recording, as: wav)
            throw report.isGood ? ExitCode.success : ExitCode(1)
        }
        print("\n  Open \(demo.stage.server.pageURL) and type /play\n")
        // A pipe's reader waits for the address, too.
        fflush(nil)
        let stopping = Signals.onStop { await demo.stage.stop() }
        defer { withExtendedLifetime(stopping) {} }
        try await demo.stage.app.run()
        // Waits for the stop that the signal has begun.
        await demo.stage.stop()
    }
}
