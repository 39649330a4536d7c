import CBenchFloor
import Foundation
import Glibc

/// A whole stream from a file to packets: the bot's worker and pump beside discord.py's FFmpegPCMAudio and player.
struct PeerBench {
    /// discord.py has a thread and an ffmpeg process for each voice: more would measure the lack of cores.
    private static let most = 50
    private let options: Options
    private let song: String
    private let folder: String

    init(_ options: Options) {
        self.options = options
        folder = NSTemporaryDirectory() + "/timmybot-bench-peer-\(getpid())"
        song = "\(folder)/glass-harbour.flac"
    }

    private struct Cost {
        /// Seconds of CPU for a minute of one stream.
        var perMinute = 0.0
        /// Bytes for each stream.
        var memory = 0.0
        var lateness: [Int] = []
        var losses = Losses()
    }

    private struct Packages: Decodable { let key_packages: [String] }
    private struct Commits: Decodable { let commits: [String] }
    private struct Playing: Decodable { let playing: Bool }
    private struct Spent: Decodable { let cpu, ffmpeg_cpu, memory: Double }

    func run() async throws {
        if let reason = PeerProcess.whyNot() { return print("discord.py: skipped, \(reason)\n") }
        guard Songs.compose(into: folder) else {
            return print("discord.py: skipped, no timmybot-songs beside this program\n")
        }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let seconds = min(options.seconds, ChainStep.longest)
        var table = Table(
            "The whole way of a FLAC file: seconds of CPU for a stream-minute",
            ["voices", "who", "CPU s", "ratio", "KiB a stream", "ratio", "p50 ms", "p99 ms", "max ms"] + Losses.header)
        for voices in options.guilds where voices <= Self.most {
            do {
                let own = try await measureOwn(voices, seconds), peer = try await measurePeer(voices, seconds)
                table.add(row("TimmyBot", voices, own, own))
                table.add(row("discord.py", voices, peer, own))
            } catch let error as BenchError {
                return print("discord.py: skipped, \(error)\n")
            }
        }
        table.print()
    }

    private func row(_ name: String, _ voices: Int, _ cost: Cost, _ own: Cost) -> [String] {
        let lateness = [0.5, 0.99, 1].map { Lateness.percentile($0, of: cost.lateness).text(3) }
        return [
            "\(voices)", name, cost.perMinute.text(2), cost.perMinute.ratio(to: own.perMinute),
            (cost.memory / 1_024).text(0), cost.memory.ratio(to: own.memory),
        ] + lateness + cost.losses.cells
    }

    private func catcher(_ voices: Int, _ seconds: Double) throws -> Catcher {
        try Catcher(streams: voices, capacity: Int(Double(60 * voices) * (seconds + 10)) + 10_000)
    }

    private func measureOwn(_ voices: Int, _ seconds: Double) async throws -> Cost {
        let catcher = try catcher(voices, seconds)
        let before = Meter.proportional(getpid())
        let chain = try await ChainStep(
            songs: [song], guilds: voices, seconds: seconds, catcher: catcher, countsFromSlots: false
        ).run()
        guard chain.passthrough == 0 else { throw BenchError("a FLAC file was not transcoded") }
        return Cost(
            perMinute: chain.cpu / 1_000, memory: Double(chain.memory - before) / Double(voices),
            lateness: chain.lateness, losses: chain.losses)
    }

    private func measurePeer(_ voices: Int, _ seconds: Double) async throws -> Cost {
        let catcher = try catcher(voices, seconds)
        var calls = (1...voices).map { EncryptedCall(channel: UInt64($0)) }
        let peer = try PeerProcess([song, "\(seconds)"] + (0..<voices).map { "\(catcher.port(of: $0))" })
        try peer.say("external", calls.map(\.externalSender))
        let packages = try peer.hear(Packages.self).key_packages
        try peer.say(
            "proposals", try packages.indices.map { try calls[$0].proposals(for: PeerProcess.bytes(packages[$0])) })
        let commits = try peer.hear(Commits.self).commits
        let draining = Background(every: 5_000) { catcher.drain() }
        try peer.say("commit", try commits.indices.map { try calls[$0].accept(PeerProcess.bytes(commits[$0])) })
        _ = try peer.hear(Playing.self)
        let from = tb_now()
        let spent = try peer.hear(Spent.self)
        let until = tb_now()
        draining.stop()
        return cost(spent.cpu + spent.ffmpeg_cpu, spent.memory, voices, seconds, catcher, Int(from)..<Int(until))
    }

    private func cost(
        _ cpu: Double, _ memory: Double, _ voices: Int, _ seconds: Double, _ catcher: Catcher, _ window: Range<Int>
    ) -> Cost {
        Cost(
            perMinute: cpu / seconds * 60 / Double(voices), memory: memory / Double(voices),
            lateness: Lateness.of(catcher.caught, within: window, schedule: nil),
            losses: Losses(catcher.caught, within: window, silent: 0))
    }
}
