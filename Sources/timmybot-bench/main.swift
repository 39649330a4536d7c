// What `make bench` runs: every measurement beside its floor in the same run. docs/benchmarks.md says what each row means.

import Foundation

guard let options = Options(CommandLine.arguments.dropFirst()) else {
    print(Options.usage)
    exit(64)
}
do {
    print("timmybot-bench: \(ProcessInfo.processInfo.activeProcessorCount) cores, load \(Meter.load)\n")
    if options.wants(.pump) || options.wants(.floor) { try await SendingBench(options).run() }
    if options.wants(.transcode) { try await TranscodeBench(options).run() }
    if options.wants(.call) { CallBench(options).run() }
    if options.wants(.discordpy) { try await PeerBench(options).run() }
} catch {
    print("timmybot-bench: \(error)")
    exit(70)
}
