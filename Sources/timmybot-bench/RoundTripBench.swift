import CBenchFloor
import PluginHost

/// A command of a C plugin from `PluginHost.invoke` until its answer is there, beside the bare exchange between two threads.
struct RoundTripBench {
    private static let calls = 2_000
    private static let rounds = 4
    private static let atOnce = 16
    private let options: Options

    init(_ options: Options) { self.options = options }

    func run() async throws {
        let plugin = try BenchHost(http: NoHTTP())
        defer { plugin.remove() }
        guard let hop = tb_hop_new() else { throw BenchError("no thread for the floor") }
        defer { tb_hop_free(hop) }
        nonisolated(unsafe) let floor = hop
        let host = plugin.host
        let least = try await Slices.least(
            Self.rounds * options.rounds,
            [
                { try await microseconds { try await call("typed", host, times: Self.calls) } },
                { try await microseconds { try await call("uniform", host, times: Self.calls) } },
                { await onPlainThread { Double(tb_hop_run(floor, Self.calls)) / 1e3 / Double(Self.calls) } },
                { try await microseconds { try await manyAtOnce(host) } },
            ])
        var table = Table(
            "Round trip of a call to a C plugin, until its answer is settled: microseconds of wall time",
            ["path", "us", "ratio"])
        let names = [
            "invoke of a typed command", "invoke of a uniform one", "two switches of threads in C",
            "\(Self.atOnce) at once, each",
        ]
        for (name, value) in zip(names, least) { table.add([name, value.text(2), value.ratio(to: least[2])]) }
        table.print()
    }

    private func microseconds(_ body: () async throws -> Void) async rethrows -> Double {
        let start = tb_now()
        try await body()
        return Double(tb_now() - start) / 1e3 / Double(Self.calls)
    }

    private func call(_ name: String, _ host: PluginHost, times: Int) async throws {
        let values: [String: PluginValue] = ["text": .string("a song"), "integer": .integer(7), "number": .number(0.5)]
        for _ in 0..<times {
            guard case .message = try await host.invoke(name, BenchHost.caller, values) else {
                throw BenchError("the plugin answered with something else")
            }
        }
    }

    private func manyAtOnce(_ host: PluginHost) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.atOnce {
                group.addTask { try await call("typed", host, times: Self.calls / Self.atOnce) }
            }
            try await group.waitForAll()
        }
    }
}
