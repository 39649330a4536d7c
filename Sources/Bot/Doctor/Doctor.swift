import Foundation

/// Looks at everything that `run` will need and says how to mend what is missing. Changes nothing, but makes the data
/// directory where there is none.
public struct Doctor: Sendable {
    let configuration: BotConfiguration
    let discord: any DiscordProbe
    let runWorker: WorkerExamination.Run

    public init(configuration: BotConfiguration) {
        self.init(configuration: configuration, discord: DiscordConnection(configuration))
    }

    init(
        configuration: BotConfiguration, discord: any DiscordProbe,
        runWorker: @escaping WorkerExamination.Run = { await Subprocess.run($0, $1) }
    ) {
        self.configuration = configuration
        self.discord = discord
        self.runWorker = runWorker
    }

    public func examine() async -> [Finding] {
        let machine = MachineExamination(configuration)
        var findings = [machine.data, machine.library]
        findings.append(await WorkerExamination(path: configuration.mediaWorker, run: runWorker).finding())
        findings += PluginExamination(configuration).findings
        findings += await withCheckedContinuation { continuation in
            // A running bot asks its plugins meanwhile, which takes its time.
            Thread.detachNewThread { [configuration] in
                continuation.resume(
                    returning: HealthExamination(dataDirectory: configuration.dataDirectory).findings)
            }
        }
        findings.append(machine.udp)
        findings += await DiscordExamination(configuration, discord).findings()
        return findings
    }
}
