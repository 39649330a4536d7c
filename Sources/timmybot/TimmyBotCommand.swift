import ArgumentParser
import Bot

@main
struct TimmyBotCommand: AsyncParsableCommand {
    static let version = "0.1.0"
    static let configuration = CommandConfiguration(
        commandName: "timmybot", abstract: "A Discord music bot that you host yourself.", version: version,
        subcommands: [RunCommand.self, DemoCommand.self, PluginCommands.self, DoctorCommand.self])
}

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs the bot against Discord.",
        discussion: "Settings come from the environment, then timmybot.yaml; .env.example lists them all.")

    @Option(help: "Settings file.") var config = "timmybot.yaml"
    @Flag(help: "Start it again after a crash, as a service manager would.") var supervise = false

    func run() async throws {
        if supervise { throw ExitCode(await Supervisor(arguments: ["run", "--config", config]).run()) }
        CrashWatch.followSupervisor()
        let configuration = try await Settings.load(config)
        CrashWatch.install(dataDirectory: configuration.dataDirectory)
        try await Service.run(configuration)
    }
}

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Says what is missing for `run`, and how to mend it.")

    func run() async throws {
        let configuration = try await Settings.load("timmybot.yaml")
        let findings = await Doctor(configuration: configuration, discord: DiscordExamination(configuration)).examine()
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
