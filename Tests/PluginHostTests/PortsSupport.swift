import CTimmyBot
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import PluginHost

/// A host with `ports.c` loaded and the services that a test gives it.
struct PortsHost {
    let host: PluginHost
    let id: String
    let scratch: Scratch

    init(
        hosts: [String] = ["api.example.org"], http: any HTTPFetching = NoHTTP(), store: any StoreService = NoStore(),
        accounts: any AccountService = NoAccounts(), time: any TimeService = SystemTime(), settings: String? = nil,
        options: [String] = []
    ) throws {
        let scratch = try Scratch()
        let id = "test.p\(UInt32.random(in: 0 ... .max))"
        let list = hosts.map { "\\\"\($0)\\\"" }.joined(separator: ",")
        try compile(
            "ports.c", ["-DPLUGIN_ID=\"\(id)\"", "-DHOSTS=\"\(list)\""] + options, to: "\(scratch.path)/\(id).so")
        var logger = Logger(label: "plugins")
        logger.logLevel = .critical
        host = PluginHost(
            PluginHost.Configuration(
                directory: scratch.path, cacheDirectory: "\(scratch.path)/cache",
                settings: settings.map { [id: $0] } ?? [:]),
            services: PluginServices(
                player: NoServices(), probe: NoServices(), http: http, store: store, accounts: accounts, time: time),
            logger: logger)
        (self.id, self.scratch) = (id, scratch)
        let reports = host.loadAll()
        try #require(reports.map(\.refusal) == [nil], "\(reports)")
    }

    /// What the plugin's command found out.
    func run(_ command: String, _ arguments: [String: PluginValue] = [:]) async -> String {
        do throws(PluginFailure) {
            return "answered \(try await host.invoke(command, somebody, arguments))"
        } catch {
            return error.code == TB_E_UNAVAILABLE ? error.detail : "failed \(error)"
        }
    }

    func request(
        _ command: String, _ url: String, method: String = "", header: String = "", body: String = "", limit: Int64 = 0,
        account: Int64 = 0, timeout: Int64 = 0
    ) async -> String {
        await run(
            command,
            [
                "url": .string(url), "method": .string(method), "header": .string(header), "body": .string(body),
                "limit": .integer(limit), "account": .integer(account), "timeout": .integer(timeout),
            ])
    }
}

/// Answers requests as a test says, and remembers them.
final class FakeHTTP: HTTPFetching {
    typealias Script = @Sendable (HTTPFetchRequest) async throws(PluginFailure) -> HTTPFetchResponse

    private let seen = Mutex<[HTTPFetchRequest]>([])
    private let script: Script

    init(_ script: @escaping Script) { self.script = script }

    var requests: [HTTPFetchRequest] { seen.withLock { $0 } }

    func fetch(_ request: HTTPFetchRequest, for caller: HTTPCaller) async throws(PluginFailure) -> HTTPFetchResponse {
        seen.withLock { $0.append(request) }
        return try await script(request)
    }

    func metrics() -> [String: HTTPMetrics] { [:] }

    static func answer(_ status: Int, _ body: String, headers: [HTTPHeader] = []) async -> HTTPFetchResponse {
        let pipe = BytePipe()
        _ = await pipe.write(Array(body.utf8))
        pipe.finish()
        return HTTPFetchResponse(
            status: status, url: "https://api.example.org/there", headers: headers, body: ByteStream(pipe))
    }

    /// Waits until its task is cancelled.
    static func never() async throws(PluginFailure) -> HTTPFetchResponse {
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
        throw PluginFailure(code: TB_E_CANCELLED, detail: "cancelled")
    }
}

/// Time that a test moves.
final class ManualTime: TimeService {
    private let clock = ManualClock()
    private static let start: UInt64 = 1_000_000

    var sleeperCount: Int { clock.sleeperCount }
    /// Sleeps that were ever begun.
    var sleepCount: Int { clock.sleepCount }
    func unixMilliseconds() -> Int64 { 1_700_000_000_000 + Int64(monotonicMilliseconds()) }
    func monotonicMilliseconds() -> UInt64 { Self.start + UInt64(clock.now.offset / .milliseconds(1)) }

    func sleep(untilMonotonic milliseconds: UInt64) async throws {
        let now = clock.now, passed = now.offset + .milliseconds(Int64(Self.start))
        try await clock.sleep(
            until: now.advanced(by: .milliseconds(Int64(clamping: milliseconds)) - passed), tolerance: nil)
    }

    func advance(_ milliseconds: UInt64) { clock.advance(by: .milliseconds(Int64(milliseconds))) }
}
