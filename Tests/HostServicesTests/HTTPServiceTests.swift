import CTimmyBot
import Foundation
import PluginHost
import Synchronization
import Testing

@testable import HostServices

/// Requests to a server on loopback: what arrives there, what comes back, and what is refused on the way.
@Suite("HTTP for plugins")
struct HTTPServiceTests {
    @Test func aRequestArrivesWhole() async throws {
        let server = try TestServer { _ in .text("hello") }
        let service = testService([server.port])
        var request = HTTPFetchRequest(url: "http://a.test.example:\(server.port)/p/q?x=1&y=%20#not-sent")
        request.method = "POST"
        request.headers = [HTTPHeader("X-One", "1"), HTTPHeader("Accept", "text/plain")]
        request.body = Array("body".utf8)
        let (head, body) = try await service.fetchAll(request, for: testCaller("http://a.test.example:\(server.port)"))
        #expect(head.status == 200 && body == Array("hello".utf8))
        #expect(head.header("content-type") == "text/plain")
        #expect(head.url == "http://a.test.example:\(server.port)/p/q?x=1&y=%20")
        let seen = try #require(server.requests.first)
        #expect(seen.method == "POST" && seen.target == "/p/q?x=1&y=%20" && seen.body == "body")
        #expect(seen.headers["host"] == "a.test.example:\(server.port)" && seen.headers["x-one"] == "1")
        #expect(seen.headers["user-agent"] == "TimmyBot/0.1.0" && seen.headers["accept-encoding"] == "identity")
        let metrics = try #require(service.metrics()["test.caller"])
        #expect(metrics.requests == 1 && metrics.failures == 0 && metrics.bytesIn == 5 && metrics.bytesOut == 4)
        #expect(metrics.latencyCounts.reduce(0, +) == 1)
        await service.shutdown()
        server.stop()
    }

    @Test func connectionsAreReused() async throws {
        let server = try TestServer { _ in .text("x") }
        let service = testService([server.port])
        for _ in 0..<10 {
            _ = try await service.fetchAll(
                HTTPFetchRequest(url: "http://a.test.example:\(server.port)/"),
                for: testCaller("http://a.test.example:\(server.port)"))
        }
        #expect(server.requests.count == 10 && server.connections == 1)
        await service.shutdown()
        server.stop()
    }

    /// The name is asked for and verified although the address comes from our own lookup.
    @Test func theCertificateIsTheNames() async throws {
        let certificate = try TestCertificate(["a.test.example"])
        let server = try TestServer(tls: certificate.context) { _ in .text("sealed") }
        let service = testService([server.port], ca: certificate.file)
        let allowed = try testCaller("*.test.example:\(server.port)")
        let (_, body) = try await service.fetchAll(
            HTTPFetchRequest(url: "https://a.test.example:\(server.port)/"), for: allowed)
        #expect(body == Array("sealed".utf8))
        let error = await failure {
            try await service.fetchAll(HTTPFetchRequest(url: "https://b.test.example:\(server.port)/"), for: allowed)
        }
        #expect(error?.code == TB_E_IO, "\(String(describing: error))")
        #expect(server.requests.count == 1, "nothing is sent to a server that is not the name's")
        let untrusting = testService([server.port])
        #expect(
            await failure {
                try await untrusting.fetchAll(
                    HTTPFetchRequest(url: "https://a.test.example:\(server.port)/"), for: allowed)
            }?.code == TB_E_IO)
        await service.shutdown()
        await untrusting.shutdown()
        server.stop()
    }

    @Test func whatIsNotListedIsNotReached() async throws {
        let server = try TestServer { _ in .text("x") }
        let service = testService([server.port])
        let listed = try testCaller("http://a.test.example:\(server.port)", "b.test.example:\(server.port)")
        for url in [
            "http://b.test.example:\(server.port)/", "http://a.test.example/",
            "http://x.a.test.example:\(server.port)/",
            "http://127.0.0.1:\(server.port)/",
        ] {
            let error = await failure { try await service.fetch(HTTPFetchRequest(url: url), for: listed) }
            #expect(error?.code == TB_E_UNAVAILABLE, "\(url)")
        }
        for url in [
            "file:///etc/passwd", "http://u:p@a.test.example:\(server.port)/", "http://a.test.example\\@b/", "",
        ] {
            let error = await failure { try await service.fetch(HTTPFetchRequest(url: url), for: listed) }
            #expect(error?.code == TB_E_INVALID, "\(url)")
        }
        #expect(server.requests.isEmpty && server.connections == 0)
        #expect(service.metrics()["test.caller"]?.refused == 8)
        await service.shutdown()
        server.stop()
    }

    /// The guard with no test switch: a listed name that resolves to this machine or a private network is not connected.
    @Test(arguments: ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
    func privateAddressesAreNotConnected(_ address: String) async throws {
        let server = try TestServer { _ in .text("x") }
        let service = HTTPService(
            resolver: Names(names: ["a.test.example": [address]]), addresses: AddressGuard(own: { [] }))
        let error = await failure {
            try await service.fetch(
                HTTPFetchRequest(url: "http://a.test.example:\(server.port)/"),
                for: testCaller("http://a.test.example:\(server.port)"))
        }
        #expect(error?.code == TB_E_UNAVAILABLE && server.connections == 0)
        await service.shutdown()
        server.stop()
    }

    /// A name server that answers with a public address first and a private one later gains nothing: each connection
    /// goes to an address that was checked for it.
    @Test func rebindingIsCaught() async throws {
        struct Rebinding: NameResolving {
            let count = Counter()
            func addresses(of name: String) async throws(PluginFailure) -> [IPAddress] {
                count.next() == 1 ? [.v4([127, 0, 0, 1])] : [.v4([10, 0, 0, 1])]
            }
        }
        let server = try TestServer { _ in .redirect("/again") }
        let service = HTTPService(
            resolver: Rebinding(), addresses: AddressGuard(loopbackPorts: [server.port], own: { [] }))
        let error = await failure {
            try await service.fetch(
                HTTPFetchRequest(url: "http://a.test.example:\(server.port)/"),
                for: testCaller("http://a.test.example:\(server.port)"))
        }
        #expect(error?.code == TB_E_UNAVAILABLE && server.requests.count == 1)
        await service.shutdown()
        server.stop()
    }

    final class Counter: Sendable {
        private let value = Mutex(0)
        func next() -> Int {
            value.withLock {
                $0 += 1
                return $0
            }
        }
    }

    @Test func theNextAddressIsTriedWhereConnectingFails() async throws {
        let server = try TestServer { _ in .text("second") }
        let service = HTTPService(
            resolver: Names(names: ["a.test.example": ["127.0.0.2", "::1", "127.0.0.1"]]),
            addresses: AddressGuard(loopbackPorts: [server.port], own: { [] }))
        let (_, body) = try await service.fetchAll(
            HTTPFetchRequest(url: "http://a.test.example:\(server.port)/"),
            for: testCaller("http://a.test.example:\(server.port)"))
        #expect(body == Array("second".utf8))
        await service.shutdown()
        server.stop()
    }

    @Test func redirectsAreCheckedAnew() async throws {
        let other = try TestServer { _ in .text("other") }
        let server = try TestServer { request in
            switch request.target {
            case "/same": .redirect("here/../there?x")
            case "/cross": .redirect("http://b.test.example:\(other.port)/b")
            case "/unlisted": .redirect("http://c.test.example/")
            case "/local": .redirect("http://127.0.0.1:1/")
            case "/odd": .redirect("ftp://a.test.example/")
            case "/loop": .redirect("/loop")
            case "/seen": .redirect("/there", status: 303)
            default: .text("there")
            }
        }
        let service = testService([server.port, other.port])
        let listed = try testCaller("http://a.test.example:\(server.port)", "http://b.test.example:\(other.port)")
        func get(_ path: String, _ change: (inout HTTPFetchRequest) -> Void = { _ in }) async throws -> (
            head: HTTPFetchResponse, body: [UInt8]
        ) {
            var request = HTTPFetchRequest(url: "http://a.test.example:\(server.port)\(path)")
            change(&request)
            return try await service.fetchAll(request, for: listed)
        }
        let same = try await get("/same") {
            $0.headers = [HTTPHeader("Authorization", "mine"), HTTPHeader("Cookie", "c")]
        }
        #expect(same.head.url == "http://a.test.example:\(server.port)/there?x" && same.body == Array("there".utf8))
        #expect(server.requests.last?.headers["authorization"] == "mine")
        let cross = try await get("/cross") {
            $0.headers = [HTTPHeader("Authorization", "mine"), HTTPHeader("Cookie", "c"), HTTPHeader("X-Kept", "k")]
        }
        #expect(cross.body == Array("other".utf8))
        let seen = try #require(other.requests.last)
        #expect(seen.headers["authorization"] == nil && seen.headers["cookie"] == nil && seen.headers["x-kept"] == "k")
        for path in ["/unlisted", "/local", "/odd"] {
            #expect(await failure { try await get(path) }?.code == TB_E_UNAVAILABLE, "\(path)")
        }
        let before = server.requests.count
        #expect(await failure { try await get("/loop") }?.code == TB_E_IO)
        #expect(server.requests.count - before == 6, "the request and five redirects")
        _ = try await get("/seen") {
            $0.method = "POST"
            $0.body = [1, 2, 3]
            $0.headers = [HTTPHeader("Content-Type", "x/y")]
        }
        let last = try #require(server.requests.last)
        #expect(last.method == "GET" && last.body.isEmpty && last.headers["content-type"] == nil)
        let kept = try await get("/cross") { $0.followsRedirects = false }
        #expect(kept.head.status == 302)
        await service.shutdown()
        server.stop()
        other.stop()
    }

    @Test func fromHTTPSToHTTPOnlyWhereListed() async throws {
        let certificate = try TestCertificate(["a.test.example"])
        let plain = try TestServer { _ in .text("plain") }
        let server = try TestServer(tls: certificate.context) { _ in .redirect("http://b.test.example:\(plain.port)/") }
        let service = testService([server.port, plain.port], ca: certificate.file)
        let url = "https://a.test.example:\(server.port)/"
        let error = await failure {
            try await service.fetch(
                HTTPFetchRequest(url: url),
                for: testCaller("a.test.example:\(server.port)", "b.test.example:\(plain.port)"))
        }
        #expect(error?.code == TB_E_UNAVAILABLE && plain.connections == 0)
        let (_, body) = try await service.fetchAll(
            HTTPFetchRequest(url: url),
            for: testCaller("a.test.example:\(server.port)", "http://b.test.example:\(plain.port)"))
        #expect(body == Array("plain".utf8))
        await service.shutdown()
        server.stop()
        plain.stop()
    }

    @Test func anAccountsTokenGoesToItsOriginByTLSOnly() async throws {
        let certificate = try TestCertificate(["a.test.example", "b.test.example"])
        let other = try TestServer(tls: certificate.context) { _ in .text("x") }
        let server = try TestServer(tls: certificate.context) { request in
            request.target == "/go" ? .redirect("https://b.test.example:\(other.port)/") : .text("x")
        }
        let plain = try TestServer { _ in .text("x") }
        let service = testService([server.port, other.port, plain.port], ca: certificate.file)
        let listed = try testCaller(
            "a.test.example:\(server.port)", "b.test.example:\(other.port)", "http://a.test.example:\(plain.port)")
        var request = HTTPFetchRequest(url: "https://a.test.example:\(server.port)/go")
        request.authorization = "Bearer s3cret"
        _ = try await service.fetchAll(request, for: listed)
        #expect(server.requests.last?.headers["authorization"] == "Bearer s3cret")
        #expect(other.requests.count == 1 && other.requests.last?.headers["authorization"] == nil)
        request.url = "http://a.test.example:\(plain.port)/"
        let error = await failure { try await service.fetch(request, for: listed) }
        #expect(error?.code == TB_E_INVALID && plain.connections == 0)
        #expect(error?.detail.contains("s3cret") == false)
        await service.shutdown()
        for one in [server, other, plain] { one.stop() }
    }

    @Test(arguments: [
        ("Host", "evil"), ("connection", "close"), ("Content-Length", "3"), ("TRANSFER-ENCODING", "chunked"),
        ("TE", "x"),
        ("Upgrade", "h2c"), ("Expect", "100-continue"), ("Proxy-Authorization", "x"), ("X", "a\r\nInjected: 1"),
        ("X", "a\nb"), ("X", "a\0b"), ("X Y", "a"), ("", "a"), ("X:", "a"), ("X\r\nA", "b"), ("Ü", "a"),
    ])
    func headersThatAreTheHosts(_ name: String, _ value: String) async throws {
        let server = try TestServer { _ in .text("x") }
        let service = testService([server.port])
        var request = HTTPFetchRequest(url: "http://a.test.example:\(server.port)/")
        request.headers = [HTTPHeader(name, value)]
        let error = await failure {
            try await service.fetch(request, for: testCaller("http://a.test.example:\(server.port)"))
        }
        #expect(error?.code == TB_E_INVALID && server.connections == 0)
        await service.shutdown()
        server.stop()
    }

    @Test func sizesAreBounded() async throws {
        let server = try TestServer { request in
            switch request.target {
            case "/said": .init(body: [UInt8](repeating: 1, count: 2_000))
            case "/unsaid": .init(body: [UInt8](repeating: 1, count: 700), repeats: 2)
            case "/headers": .init(headers: (0..<200).map { ("X-\($0)", "v") })
            case "/wide": .init(headers: [("X", String(repeating: "v", count: 70_000))])
            case "/bomb":
                // What would be a decompression bomb stays what it is.
                .init(headers: [("Content-Encoding", "gzip")], body: [UInt8](repeating: 0x1F, count: 100))
            default: .text("x")
            }
        }
        let service = testService([server.port])
        func get(_ path: String, limit: UInt64) async throws -> [UInt8] {
            var request = HTTPFetchRequest(url: "http://a.test.example:\(server.port)\(path)")
            request.limit = limit
            return try await service.fetchAll(request, for: testCaller("http://a.test.example:\(server.port)")).body
        }
        #expect(try await get("/said", limit: 2_000).count == 2_000)
        #expect(await failure { try await get("/said", limit: 1_999) }?.code == TB_E_IO)
        #expect(try await get("/unsaid", limit: 2_100).count == 2_100)
        #expect(await failure { try await get("/unsaid", limit: 2_099) }?.code == TB_E_IO)
        #expect(await failure { try await get("/headers", limit: 100) }?.code == TB_E_IO)
        #expect(await failure { try await get("/wide", limit: 100) }?.code == TB_E_IO)
        #expect(try await get("/bomb", limit: 100) == [UInt8](repeating: 0x1F, count: 100))
        var large = HTTPFetchRequest(url: "http://a.test.example:\(server.port)/")
        large.method = "POST"
        large.body = [UInt8](repeating: 0, count: (1 << 20) + 1)
        #expect(
            await failure {
                try await service.fetch(large, for: testCaller("http://a.test.example:\(server.port)"))
            }?.code == TB_E_INVALID)
        await service.shutdown()
        server.stop()
    }

    @Test func aRangeIsAskedForAndAnswered() async throws {
        let server = try TestServer { request in
            .init(
                status: request.headers["range"] == "bytes=5-" ? 206 : 200,
                headers: [("Content-Range", "bytes 5-9/10")], body: Array("56789".utf8))
        }
        let service = testService([server.port])
        var request = HTTPFetchRequest(url: "http://a.test.example:\(server.port)/track")
        request.headers = [HTTPHeader("Range", "bytes=5-")]
        let (head, body) = try await service.fetchAll(request, for: testCaller("http://a.test.example:\(server.port)"))
        #expect(head.status == 206 && head.header("content-range") == "bytes 5-9/10" && body.count == 5)
        await service.shutdown()
        server.stop()
    }
}
