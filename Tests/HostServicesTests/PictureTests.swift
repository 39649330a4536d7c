import Foundation
import Logging
import PluginHost
import TestSupport
import Testing

@testable import HostServices

/// Pictures at addresses that a source gave.
@Suite("Pictures of tracks by address")
struct PictureTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
    private static let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16]

    @Test func onlyWhatIsAPictureAndAllowedIsTaken() async throws {
        let certificate = try TestCertificate(["art.test.example"])
        let server = try TestServer(tls: certificate.context) { request in
            // What the server calls it does not matter.
            var answer = TestServer.Answer(headers: [("Content-Type", "text/html")])
            switch request.target {
            case "/png": answer.body = Self.png
            case "/jpeg": answer.body = Self.jpeg
            case "/missing": (answer.status, answer.body) = (404, Self.png)
            case "/largest": answer.body = Self.png + [UInt8](repeating: 0, count: (4 << 20) - Self.png.count)
            case "/large": answer.body = Self.png + [UInt8](repeating: 0, count: (4 << 20) - Self.png.count + 1)
            case "/endless": (answer.body, answer.repeats) = (Self.png + [UInt8](repeating: 0, count: 65_536), .max)
            case "/away": answer = .redirect("https://other.test.example:443/png")
            default: answer.body = Array("GIF89a and so on".utf8)
            }
            return answer
        }
        let scratch = try Scratch()
        let child = try ChildProcess(
            [
                "cc", "-std=c11", "-fPIC", "-shared", "-O1", "-I", "\(repositoryRoot)/sdk/include",
                "-DPLUGIN_ID=\"test.art\"", "-DHOSTS=\"\\\"art.test.example:\(server.port)\\\"\"",
                "-DARTWORK=\"https://art.test.example:\(server.port)/png\"",
                "\(repositoryRoot)/Tests/Fixtures/plugins/reader.c", "-o", scratch.file("art.so"), "-Wl,-z,nodelete",
            ], errors: .pipe)
        let text = child.readAll()
        try #require(child.wait() == 0, "\(text)")
        let http = testService(
            [server.port], names: ["art.test.example", "other.test.example"], ca: certificate.file)
        let nothing = PluginEndToEndTests.Nothing()
        var logger = Logger(label: "pictures")
        logger.logLevel = .critical
        let host = PluginHost(
            .init(directory: scratch.path, cacheDirectory: scratch.file("cache"), settings: [:]),
            services: PluginServices(player: nothing, probe: nothing, http: http), logger: logger)
        #expect(host.loadAll().map(\.refusal) == [nil])
        let source = try #require(host.sources.first)
        let track = try #require(try await source.resolve("read:bytes:plain", limit: 1).first)
        #expect(track.album == "An Album" && track.isrc == "DEA123456789" && !track.hasArtwork)

        let own = await source.picture(at: track.artworkURL)
        #expect(own?.type == "image/png" && own?.bytes == Self.png)
        let base = "https://art.test.example:\(server.port)"
        let other = await source.picture(at: base + "/jpeg")
        #expect(other?.type == "image/jpeg" && other?.bytes == Self.jpeg)
        #expect(await source.picture(at: base + "/largest")?.bytes.count == 4 << 20)
        for path in ["/gif", "/missing", "/large", "/endless", "/away"] {
            #expect(await source.picture(at: base + path) == nil, "\(path)")
        }
        let asked = server.requests.count
        #expect(await source.picture(at: "http://art.test.example:\(server.port)/png") == nil)
        #expect(await source.picture(at: "https://other.test.example:\(server.port)/png") == nil)
        #expect(server.requests.count == asked)
        host.shutdown()
        await http.shutdown()
        server.stop()
    }
}
