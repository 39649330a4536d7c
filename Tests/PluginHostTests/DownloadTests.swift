import Foundation
import TestSupport
import Testing

@testable import PluginStore

/// Plugins that are fetched from an address.
@Suite("Downloading plugins")
struct DownloadTests {
    @Test(.enabled(if: Python.isPresent, "no Python: run scripts/setup peers"))
    func downloadsAreHTTPSAllTheWayAndBounded() async throws {
        let scratch = try Scratch()
        let (certificate, key) = ("\(scratch.path)/cert.pem", "\(scratch.path)/key.pem")
        try run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate,
        ])
        let content = Data((0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        try content.write(to: URL(fileURLWithPath: "\(scratch.path)/file.so"))
        let server = try ChildProcess(Python.command("https_files.py", [scratch.path, certificate, key]))
        defer { server.stop() }
        let port = String(decoding: try #require(server.readLine()), as: UTF8.self)
        let base = "https://localhost:\(port)"
        let download = Download(trustedCAFile: certificate, limit: 1 << 20)
        #expect(try await download.fetch("\(base)/file.so") == Array(content))
        #expect(try await download.fetch("\(base)/none.so") == nil)
        #expect(try await download.fetch("\(base)/to?\(base)/file.so") == Array(content))
        func reason(_ download: Download, _ address: String) async -> String {
            do {
                let bytes = try await download.fetch(address)
                return "\(bytes?.count ?? -1) bytes came"
            } catch { return "\(error)" }
        }
        #expect(await reason(download, "\(base)/to?http://localhost:\(port)/file.so").contains("not an https address"))
        #expect(await reason(download, "\(base)/to?file:///etc/passwd").contains("not an https address"))
        #expect(await reason(download, "\(base)/loop").contains("sent on more than 5 times"))
        #expect(await reason(download, "\(base)/endless").contains("larger than 1048576 bytes"))
        #expect(await reason(download, "http://localhost:\(port)/file.so").contains("not an https address"))
        #expect(await reason(download, "https://user:secret@localhost/").contains("not an https address"))
        let strict = await reason(Download(), "\(base)/file.so")
        #expect(strict.contains("cannot be reached"), "nobody vouches for that certificate: \(strict)")
    }
}
