import CBenchFloor
import Foundation

/// Opus files that pass through untouched, from the file to the socket: everything that a guild's music costs.
struct ChainBench {
    private let options: Options
    private let catcher: Catcher
    private let slice: Double

    init(_ options: Options) throws {
        self.options = options
        slice = min(options.slice, ChainStep.longest)
        Meter.raiseDescriptorLimit()
        let most = options.guilds.max() ?? 1
        let frames = Double(60 * most) * (slice + ChainStep.warmUp + 2)
        catcher = try Catcher(streams: most, capacity: Int(frames) + 10_000)
    }

    func run() async throws {
        let folder = NSTemporaryDirectory() + "/timmybot-bench-chain-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        guard Songs.compose(into: folder) else {
            return print("Passing through: skipped, timmybot-songs is not beside this program\n")
        }
        let songs = ["morning-train.opus", "night-packets.opus", "tidal-clock.opus"].map { "\(folder)/\($0)" }
        var table = Table(
            "Opus files passing through, from file to socket: milliseconds of CPU for a stream-minute",
            [
                "guilds", "worker", "pump", "host", "total", "floor", "ratio", "floor, paced", "ratio", "p50 ms",
                "p99 ms", "max ms",
            ] + Losses.header + ["MiB", "KiB a guild"])
        var first: (guilds: Int, memory: Int)?
        for guilds in options.guilds {
            let (chain, floor) = try await measure(guilds, songs)
            guard chain.passthrough == guilds else { throw BenchError("a song was transcoded") }
            table.add(row(guilds, chain, floor, since: first))
            if first == nil { first = (guilds, chain.memory) }
        }
        table.print()
    }

    private func measure(_ guilds: Int, _ songs: [String]) async throws -> (ChainResult, FloorResult) {
        var chain: ChainResult?, floor: FloorResult?
        for _ in 0..<options.rounds {
            let next = try await ChainStep(songs: songs, guilds: guilds, seconds: slice, catcher: catcher).run()
            chain = chain.map { $0.joined(with: next) } ?? next
            catcher.forget()
            let again = try await FloorStep(
                guilds: guilds, seconds: slice, catcher: catcher, payload: next.payload
            ).run()
            floor = floor.map { $0.joined(with: again) } ?? again
        }
        return (chain ?? ChainResult(), floor ?? FloorResult())
    }

    private func row(
        _ guilds: Int, _ chain: ChainResult, _ floor: FloorResult, since first: (guilds: Int, memory: Int)?
    ) -> [String] {
        let further = first.map { Double(chain.memory - $0.memory) / Double(max(1, guilds - $0.guilds)) / 1_024 }
        return [
            "\(guilds)", chain.worker.text(2), chain.pump.text(2), chain.host.text(2), chain.cpu.text(2),
            floor.tight.text(2), chain.cpu.ratio(to: floor.tight), floor.paced.text(2),
            chain.cpu.ratio(to: floor.paced),
        ] + [0.5, 0.99, 1].map { Lateness.percentile($0, of: chain.lateness).text(3) } + chain.losses.cells + [
            (Double(chain.memory) / 1_048_576).text(1), further?.text(0) ?? "-",
        ]
    }
}

extension ChainResult {
    /// The cheaper of two runs, with the lateness and the losses of both.
    fileprivate func joined(with other: ChainResult) -> ChainResult {
        var result = other.cpu < cpu ? other : self
        result.lateness = (lateness + other.lateness).sorted()
        result.losses = losses + other.losses
        return result
    }
}
