import Foundation

/// The pump and its floor, one line for each number of guilds.
struct SendingBench {
    private let options: Options
    private let catcher: Catcher
    private let emptyProcess: Int

    init(_ options: Options) throws {
        self.options = options
        Meter.raiseDescriptorLimit()
        let most = options.guilds.max() ?? 1
        let frames = Double(50 * most) * (options.slice + PumpStep.warmUp + 2)
        catcher = try Catcher(streams: most, capacity: Int(frames) + 10_000)
        emptyProcess = Meter.resident
    }

    func run() async throws {
        var table = Table(
            "Sending: milliseconds of CPU for a stream-minute (3000 packets of \(Feeder.packetSize) bytes, both layers encrypted)",
            [
                "guilds", "pump", "floor", "ratio", "floor, paced", "ratio", "p50 ms", "p99 ms", "max ms",
            ] + Losses.header + ["KiB a guild"])
        var first: (guilds: Int, resident: Int)?
        for guilds in options.guilds {
            var pump = try await measurePump(guilds), floor = try await measureFloor(guilds)
            for _ in 1..<options.rounds {
                pump = pump.joined(with: try await measurePump(guilds))
                floor = floor.joined(with: try await measureFloor(guilds))
            }
            table.add(row(guilds, pump, floor, since: first))
            if options.wants(.pump), first == nil { first = (guilds, pump.resident) }
        }
        table.print()
    }

    private func measurePump(_ guilds: Int) async throws -> PumpResult {
        guard options.wants(.pump) else { return PumpResult() }
        return try await PumpStep(guilds: guilds, seconds: options.slice, catcher: catcher).run()
    }

    private func measureFloor(_ guilds: Int) async throws -> FloorResult {
        guard options.wants(.floor) else { return FloorResult() }
        return try await FloorStep(guilds: guilds, seconds: options.slice, catcher: catcher).run()
    }

    private func row(
        _ guilds: Int, _ pump: PumpResult, _ floor: FloorResult, since first: (guilds: Int, resident: Int)?
    ) -> [String] {
        // The first row bears what the process needs anyway; later ones say what each further guild adds.
        let base = first ?? (0, emptyProcess)
        let memory =
            guilds > base.guilds ? Double(pump.resident - base.resident) / Double(guilds - base.guilds) / 1_024 : 0
        let hasPump = options.wants(.pump), hasFloor = options.wants(.floor)
        let lateness = [0.5, 0.99, 1].map { hasPump ? Lateness.percentile($0, of: pump.lateness).text(3) : "-" }
        return [
            "\(guilds)", hasPump ? pump.cpuPerStreamMinute.text(2) : "-", hasFloor ? floor.tight.text(2) : "-",
            hasPump ? pump.cpuPerStreamMinute.ratio(to: floor.tight) : "-", hasFloor ? floor.paced.text(2) : "-",
            hasPump ? pump.cpuPerStreamMinute.ratio(to: floor.paced) : "-",
        ] + lateness + (hasPump ? pump.losses.cells : Losses.header.map { _ in "-" })
            + [hasPump && memory > 0 ? memory.text(0) : "-"]
    }
}
