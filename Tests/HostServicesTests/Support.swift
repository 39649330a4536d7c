import CTimmyBot
import Foundation
import HostServices
import NIOSSL
import PluginHost
import Synchronization
import TestSupport
import Testing

/// A folder that goes away with the test.
final class Scratch: Sendable {
    let path = NSTemporaryDirectory() + "timmybot-services-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// Names as a test likes them.
struct Names: NameResolving {
    let names: [String: [String]]

    func addresses(of name: String) async throws(PluginFailure) -> [IPAddress] {
        if let literal = IPAddress(name) { return [literal] }
        guard let found = names[name] else { throw PluginFailure(code: TB_E_IO, detail: "\(name) has no address") }
        return found.compactMap { IPAddress($0) }
    }
}

/// A service that knows some names, all on loopback, and may go there at these ports.
func testService(
    _ ports: [Int], names: [String] = ["a.test.example", "b.test.example"], ca: String? = nil,
    clock: any Clock<Duration> = ContinuousClock()
) -> HTTPService {
    HTTPService(
        resolver: Names(names: Dictionary(uniqueKeysWithValues: names.map { ($0, ["127.0.0.1"]) })),
        addresses: AddressGuard(loopbackPorts: Set(ports), own: { [] }), trustedCAFile: ca, clock: clock)
}

func testCaller(_ hosts: String...) throws -> HTTPCaller {
    HTTPCaller(id: "test.caller", hosts: try AllowedHosts(hosts))
}

/// A certificate of its own for some names.
struct TestCertificate {
    let scratch: Scratch
    let context: NIOSSLContext
    var file: String { scratch.file("cert.pem") }

    struct Failed: Error { let text: String }

    init(_ names: [String]) throws {
        scratch = try Scratch()
        let child = try ChildProcess(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", "/CN=\(names[0])", "-addext",
                "subjectAltName=\(names.map { "DNS:\($0)" }.joined(separator: ","))",
                "-days", "2", "-keyout", scratch.file("key.pem"), "-out", scratch.file("cert.pem"),
            ], errors: .pipe)
        let text = child.readAll()
        guard child.wait() == 0 else { throw Failed(text: text) }
        context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: NIOSSLCertificate.fromPEMFile(scratch.file("cert.pem")).map { .certificate($0) },
                privateKey: .privateKey(NIOSSLPrivateKey(file: scratch.file("key.pem"), format: .pem))))
    }
}

func failure<Value>(_ body: () async throws -> Value) async -> PluginFailure? {
    do {
        _ = try await body()
        return nil
    } catch { return error as? PluginFailure }
}

/// Polls for what another thread does.
func eventually(_ condition: () -> Bool) async -> Bool { await poll { condition() } }
