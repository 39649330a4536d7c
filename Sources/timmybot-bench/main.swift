// What `make bench` runs: every measurement beside its floor in the same run. docs/benchmarks.md says what each row means.

import Foundation

guard let options = Options(CommandLine.arguments.dropFirst()) else {
    print(Options.usage)
    exit(64)
}
do {
    print("timmybot-bench: \(ProcessInfo.processInfo.activeProcessorCount) cores, load \(Meter.load)\n")
    if options.wants(.pump) || options.wants(.floor) { try await SendingBench(options).run() }
    if options.wants(.chain) { try await ChainBench(options).run() }
    if options.wants(.transcode) { try await TranscodeBench(options).run() }
    if options.wants(.call) { try await CallBench(options).run() }
    if options.wants(.roundtrip) { try await RoundTripBench(options).run() }
    if options.wants(.http) { try await HTTPBench(options).run() }
    if options.wants(.reader) { try await ReaderBench(options).run() }
    if options.wants(.discordpy) { try await PeerBench(options).run() }
    // Last, because it leaves much behind in this process's memory.
    if options.wants(.audio) { try await FirstAudioBench(options).run() }
    print("timmybot-bench: load at the end \(Meter.load)")
} catch {
    print("timmybot-bench: \(error)")
    exit(70)
}
