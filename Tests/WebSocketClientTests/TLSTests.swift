import FoundationEssentials
import NIOSSL
import Testing

@testable import WebSocketClient

@Suite(.timeLimit(.minutes(5))) struct TLSTests {
    private func server() async throws -> WebSocketTestServer {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(TestCertificates.server.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(TestCertificates.serverKey.utf8), format: .pem)
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        return try await WebSocketTestServer.start(tls: NIOSSLContext(configuration: configuration)) { peer in
            try await peer.send("secret")
            try await peer.close(1000)
            _ = await peer.frame()
        }
    }

    private func withFile<T>(_ text: String, _ body: (String) async throws -> T) async throws -> T {
        let path = FileManager.default.temporaryDirectory.appending(path: "ca-\(UUID().uuidString).pem").path()
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }

    private func connect(_ server: WebSocketTestServer, _ ca: String?, host: String) async throws
        -> WebSocketConnection
    {
        var configuration = WebSocketConfiguration(url: server.url(host: host))
        configuration.trustedCAFile = ca
        return try await WebSocketConnection.connect(configuration)
    }

    @Test(arguments: ["127.0.0.1", "localhost"]) func ownRootIsTrusted(_ host: String) async throws {
        let server = try await server()
        try await withFile(TestCertificates.root) { path in
            let connection = try await connect(server, path, host: host)
            var events: [WebSocketEvent] = []
            for await event in connection.events { events.append(event) }
            #expect(events == [.message(.text("secret")), .closed(code: 1000, reason: "")])
        }
        await server.stop()
    }

    @Test func strangersRootAndNoRootAreRefused() async throws {
        let server = try await server()
        try await withFile(TestCertificates.strangerRoot) { path in
            for ca in [path, nil] {
                let error = await #expect(throws: WebSocketError.self) {
                    try await connect(server, ca, host: "127.0.0.1")
                }
                #expect(error?.description.contains("CERTIFICATE_VERIFY_FAILED") == true)
            }
        }
        await server.stop()
    }

    @Test func missingAndBrokenCAFilesAreRefused() async throws {
        let server = try await server()
        try await withFile("not a certificate") { path in
            for ca in [path, "/nowhere/ca.pem"] {
                let error = await #expect(throws: WebSocketError.self) {
                    try await connect(server, ca, host: "127.0.0.1")
                }
                #expect(error == .refused("trusted roots cannot be read"))
            }
        }
        await server.stop()
    }
}
