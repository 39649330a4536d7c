import ArgumentParser
import Bot

@main
struct TimmyBotCommand: AsyncParsableCommand {
    static let version = "0.1.0"
    static let configuration = CommandConfiguration(
        commandName: "timmybot", abstract: "A Discord music bot that you host yourself.",
        discussion: """
            To hear it without a Discord account: timmybot demo. To run it for your server: set DISCORD_TOKEN and \
            TIMMYBOT_ALLOWED_GUILDS, and ask timmybot doctor what is missing.
            """,
        version: version,
        subcommands: [RunCommand.self, DemoCommand.self, PluginCommands.self, DoctorCommand.self])
}

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs the bot against Discord, until SIGTERM or SIGINT.",
        discussion: """
            Settings come from the environment, then .env, then timmybot.yaml, both of the working directory; \
            .env.example lists them all.

            A first SIGTERM or SIGINT lets answers be finished, stores positions and leaves voice, within ten \
            seconds; a second one ends it at once.

            Exit codes: 0 stopped, 1 an error with no code of its own, 64 wrong arguments, 69 a part is missing, 75 \
            another bot has the data directory, or stopping took too long, 77 the token is refused, 78 a setting \
            cannot be used, 130 a second signal while stopping.
            """)

    @Option(help: ArgumentHelp("Settings file; it may be missing.", valueName: "file")) var config = "timmybot.yaml"
    @Flag(help: "Start it again after a crash, as a service manager would.") var supervise = false

    func run() async throws {
        if supervise { throw ExitCode(await Supervisor(arguments: ["run", "--config", config]).run()) }
        CrashWatch.followSupervisor()
        OpenFiles.raise()
        let configuration = try await Settings.load(config)
        CrashWatch.install(dataDirectory: configuration.dataDirectory)
        try await Service.run(configuration)
    }
}

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Says what is missing for `run`, and how to mend it.",
        discussion: """
            Looks at the folders, the media worker and its confinement, the plugins, the bot token, the permissions in \
            each approved server, the gateway, the clock and UDP. Changes nothing, but makes the data directory where \
            there is none. Exit code 1 where something is missing.
            """)

    @OptionGroup var settings: ConfigOption

    func run() async throws {
        let configuration = try await Settings.load(settings.config)
        let findings = await Doctor(configuration: configuration).examine()
        for finding in findings {
            print("\(finding.verdict.mark) \(finding.subject): \(finding.detail)")
            if let remedy = finding.remedy { print("    -> \(remedy)") }
        }
        if findings.contains(where: { $0.verdict == .bad }) { throw ExitCode(1) }
    }
}

extension Finding.Verdict {
    fileprivate var mark: String {
        switch self {
        case .good: "[ok]     "
        case .warning: "[warning]"
        case .bad: "[missing]"
        }
    }
}
