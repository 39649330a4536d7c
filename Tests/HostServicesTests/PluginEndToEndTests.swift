import CTimmyBot
import Foundation
import Logging
import PluginHost
import TestSupport
import Testing

@testable import HostServices

/// A C plugin, the host, and the real services together.
@Suite("A plugin and the host's services")
struct PluginEndToEndTests {
    struct Nothing: PlayerService, ProbeService {
        private var none: PluginFailure { PluginFailure(code: TB_E_UNSUPPORTED, detail: "not in this test") }
        func play(_ query: String, _ mode: PlayMode, for call: PluginInvocation) async throws(PluginFailure)
            -> PlayerAddition
        { throw none }
        func search(_ query: String, limit: Int, for call: PluginInvocation) async throws(PluginFailure)
            -> [PluginFound]
        { throw none }
        func perform(_ action: PlayerAction, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
            throw none
        }
        func setFilter(_ name: String, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
            throw none
        }
        func snapshot(first: Int, count: Int, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot
        {
            throw none
        }
        func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe { throw none }
    }

    private static func run(
        _ host: PluginHost, _ command: String, _ arguments: [String: PluginValue]
    ) async -> String {
        let call = PluginInvocation(guild: 1, channel: 2, user: 3, voiceChannel: 0, locale: "en-GB")
        return await failure { try await host.invoke(command, call, arguments) }?.detail ?? "answered"
    }

    private static func request(
        _ host: PluginHost, _ command: String, _ url: String, account: Int64 = 0
    ) async -> String {
        await run(
            host, command,
            [
                "url": .string(url), "method": .string(""), "header": .string(""), "body": .string(""),
                "limit": .integer(1 << 40), "account": .integer(account), "timeout": .integer(0),
            ])
    }

    @Test func overTLSWithAnAccountAStreamAndAStore() async throws {
        let size = 64 << 20
        let certificate = try TestCertificate(["api.test.example"])
        let server = try TestServer(tls: certificate.context) { request in
            switch request.target {
            case "/token": .text(#"{"access_token":"t0ken","expires_in":3600}"#)
            case "/large": .init(body: [UInt8](repeating: 3, count: 64 << 10), repeats: size / (64 << 10) - 1)
            default: .text(request.headers["authorization"] ?? "nobody")
            }
        }
        let base = "https://api.test.example:\(server.port)"
        let scratch = try Scratch(), id = "test.end"
        let child = try ChildProcess(
            [
                "cc", "-std=c11", "-fPIC", "-shared", "-O1", "-I", "\(repositoryRoot)/sdk/include",
                "-DPLUGIN_ID=\"\(id)\"", "-DHOSTS=\"\\\"api.test.example:\(server.port)\\\"\"",
                "-DOAUTH_BASE=\"\(base)\"", "\(repositoryRoot)/Tests/Fixtures/plugins/ports.c", "-o",
                scratch.file("end.so"), "-Wl,-z,nodelete",
            ], errors: .pipe)
        let text = child.readAll()
        try #require(child.wait() == 0, "\(text)")
        let lines = LogLines(.trace)
        let http = testService([server.port], names: ["api.test.example"], ca: certificate.file)
        let host = PluginHost(
            .init(
                directory: scratch.path, cacheDirectory: scratch.file("cache"),
                settings: [id: #"{"client_id":"me","client_secret":"s3cret"}"#]),
            services: PluginServices(
                player: Nothing(), probe: Nothing(), http: http,
                store: FileStore(directory: scratch.file("store"), logger: lines.logger),
                accounts: AccountBook(
                    .init(directory: scratch.file("accounts"), callbackURL: ""), http: http, logger: lines.logger)),
            logger: lines.logger)
        #expect(host.loadAll().map(\.refusal) == [nil])

        #expect(await Self.request(host, "fetch", base + "/who").contains("|6|nobody|"))
        let account = await Self.run(host, "account_of", ["flow": .string("own"), "user": .integer(0)])
        let handle = try #require(Int64(account.prefix { $0 != "|" }), "\(account)")
        #expect(await Self.request(host, "fetch", base + "/who", account: handle).contains("|12|Bearer t0ken|"))

        let opened = await Self.request(host, "stream", base + "/large")
        let stream = try #require(Int64(opened.split(separator: "|")[2]), "\(opened)")
        let read = await Self.run(host, "read_all", ["number": .integer(stream)])
        #expect(read.hasPrefix("\(size) ") && read.hasSuffix(" 0"), "\(read)")

        #expect(await Self.run(host, "store_set", ["key": .string("k"), "value": .string("v")]) == "0|0|")
        #expect(await Self.run(host, "store_get", ["key": .string("k")]) == "1|1|v")
        #expect(FileManager.default.fileExists(atPath: scratch.file("store/\(id).store")))

        #expect(await Self.request(host, "fetch", "https://elsewhere.example/").hasPrefix("error -4 "))
        let metrics = try #require(host.httpMetrics[id])
        #expect(metrics.requests == 5 && metrics.failures == 1 && metrics.refused == 1)
        #expect(metrics.bytesIn > UInt64(size))
        #expect(!lines.text.contains("t0ken") && !lines.text.contains("s3cret"))
        host.shutdown()
        await http.shutdown()
        server.stop()
    }
}
