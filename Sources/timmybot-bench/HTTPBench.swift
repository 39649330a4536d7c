import AsyncHTTPClient
import CBenchFloor
import HostServices
import NIOCore
import PluginHost

/// A small request through the host's client, with its allow-list, address guard, limits and counters, beside the bare
/// async-http-client, against the same server of the loopback.
struct HTTPBench {
    private static let requests = 500
    private static let rounds = 3
    private let options: Options

    init(_ options: Options) { self.options = options }

    func run() async throws {
        var port: UInt16 = 0
        let server = tb_bench_server(&port)
        guard server >= 0 else { throw BenchError("no web server on the loopback") }
        defer { tb_bench_server_stop(server) }
        let service = HTTPService(addresses: AddressGuard(loopbackPorts: [Int(port)]))
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let url = "http://127.0.0.1:\(port)/small"
        let caller = HTTPCaller(id: "timmybot.bench", hosts: try AllowedHosts(["http://127.0.0.1:\(port)"]))
        let result = await Result<[Double], any Error>.catching {
            try await Slices.least(
                Self.rounds * options.rounds,
                [
                    { try await microseconds { try await hosted(service, url, caller) } },
                    { try await microseconds { try await bare(client, url) } },
                ])
        }
        await service.shutdown()
        try await client.shutdown()
        let least = try result.get()
        var table = Table(
            "A request for 64 bytes over the loopback: microseconds of wall time", ["path", "us", "ratio"])
        table.add(["the host's client", least[0].text(1), least[0].ratio(to: least[1])])
        table.add(["async-http-client alone", least[1].text(1), "1.00x"])
        table.add(["difference", (least[0] - least[1]).text(1), "-"])
        table.print()
    }

    private func microseconds(_ body: () async throws -> Int) async throws -> Double {
        let start = tb_now()
        for _ in 0..<Self.requests where try await body() != 64 { throw BenchError("the server answered otherwise") }
        return Double(tb_now() - start) / 1e3 / Double(Self.requests)
    }

    private func hosted(_ service: HTTPService, _ url: String, _ caller: HTTPCaller) async throws -> Int {
        var request = HTTPFetchRequest(url: url)
        request.limit = 4 << 20
        return try await service.fetchAll(request, for: caller).body.count
    }

    private func bare(_ client: HTTPClient, _ url: String) async throws -> Int {
        let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(15))
        return try await response.body.collect(upTo: 4 << 20).readableBytes
    }
}

extension Result where Failure == any Error {
    fileprivate static func catching(_ body: () async throws -> Success) async -> Self {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}
