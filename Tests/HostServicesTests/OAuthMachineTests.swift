import Foundation
import PluginHost
import Testing

@testable import HostServices

/// The OAuth machines without a network.
@Suite("OAuth machines")
struct OAuthMachineTests {
    private static func json(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func provider(
        _ kind: OAuthFlow.Kind, basic: Bool = false, secret: String = "s&cret",
        authorize: String = "https://id.example/a"
    ) throws -> OAuthProvider {
        OAuthProvider(
            caller: HTTPCaller(id: "test.p", hosts: try AllowedHosts(["id.example"])), title: "P",
            flow: OAuthFlow(
                name: "f", kind: kind, authorizeURL: authorize, deviceURL: "https://id.example/d",
                tokenURL: "https://id.example/t", scopes: "one two", usesBasic: basic),
            client: OAuthClient(id: "me:1", secret: Secret(secret)))
    }

    /// RFC 7636, appendix B.
    @Test func theChallengeOfTheRFC() {
        let pkce = PKCE(verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        #expect(pkce.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
        let fresh = (0..<100).map { _ in PKCE().verifier.reveal() }
        #expect(Set(fresh).count == 100 && fresh.allSatisfy { $0.utf8.count == 43 })
    }

    @Test func theAuthorizeAddress() throws {
        let pkce = PKCE(verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        let url = OAuthRequest.authorizeURL(
            try Self.provider(.authorizationCode, authorize: "https://id.example/a?access_type=offline#x"),
            redirect: "http://127.0.0.1:8080/cb?x=1", state: "st-_", pkce: pkce)
        #expect(
            url == "https://id.example/a?access_type=offline&response_type=code&client_id=me%3A1"
                + "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcb%3Fx%3D1&state=st-_"
                + "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&scope=one%20two"
        )
        #expect(HTTPURL(url) != nil)
    }

    @Test func theClientsProof() throws {
        let inBody = OAuthRequest.refresh(try Self.provider(.deviceCode), Secret("r"))
        #expect(
            String(decoding: inBody.body, as: UTF8.self)
                == "grant_type=refresh_token&refresh_token=r&client_id=me%3A1&client_secret=s%26cret")
        #expect(inBody.authorization == nil && !inBody.followsRedirects && inBody.method == "POST")
        let basic = OAuthRequest.refresh(try Self.provider(.deviceCode, basic: true), Secret("r"))
        #expect(String(decoding: basic.body, as: UTF8.self) == "grant_type=refresh_token&refresh_token=r")
        #expect(basic.authorization == "Basic " + Data("me%3A1:s%26cret".utf8).base64EncodedString())
        let open = OAuthRequest.code(
            try Self.provider(.authorizationCode, secret: ""), code: "c", redirect: "https://cb",
            pkce: PKCE(verifier: "v"))
        #expect(
            String(decoding: open.body, as: UTF8.self)
                == "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fcb&code_verifier=v&client_id=me%3A1"
        )
    }

    // MARK: Token answers

    @Test func grantsAreRead() {
        let reply = TokenReply(
            status: 200,
            body: Self.json(
                #"{"access_token":"a","expires_in":"60","refresh_token":"r","scope":"x y","token_type":"bearer"}"#),
            scopes: "asked", now: 1_000)
        #expect(
            reply == .granted(TokenSet(access: Secret("a"), refresh: Secret("r"), scopes: "x y", expires: 61_000)))
        let bare = TokenReply(status: 200, body: Self.json(#"{"access_token":"a"}"#), scopes: "asked", now: 0)
        #expect(
            bare == .granted(TokenSet(access: Secret("a"), refresh: nil, scopes: "asked", expires: 3_600_000)))
    }

    @Test(arguments: [
        (400, #"{"error":"invalid_grant","error_description":"x"}"#, TokenReply.refused("invalid_grant")),
        (428, #"{"error":"authorization_pending"}"#, .refused("authorization_pending")),
        (403, #"{"error_code":"rate_limit_exceeded"}"#, .refused("rate_limit_exceeded")),
        (200, #"{"error":"a\nb <script>"}"#, .refused("abscript")), (200, "{}", .unclear(status: 200)),
        (200, #"{"access_token":""}"#, .unclear(status: 200)), (200, #"{"access_token":5}"#, .unclear(status: 200)),
        (200, #"{"access_token":"a b"}"#, .unclear(status: 200)),
        (200, #"{"access_token":"a\r\nX: y"}"#, .unclear(status: 200)),
        (500, #"{"access_token":"a"}"#, .unclear(status: 500)), (502, "<html>", .unclear(status: 502)),
        (200, "[1]", .unclear(status: 200)), (200, "", .unclear(status: 200)),
    ])
    func otherAnswersAreToldApart(_ status: Int, _ body: String, _ expected: TokenReply) {
        #expect(TokenReply(status: status, body: Self.json(body), scopes: "", now: 0) == expected)
    }

    // MARK: Device codes

    private static let device = #"""
        {"device_code":"dev","user_code":"GQVQ-JKEC","expires_in":1800,"interval":5,
        "verification_url":"https://www.google.com/device"}
        """#
    private static let pending = TokenReply.refused("authorization_pending")
    private static let tokens = TokenSet(access: Secret("a"), refresh: nil, scopes: "", expires: 0)

    /// Expectations may change it.
    private final class Link {
        private var link: DeviceLink
        init(_ link: DeviceLink) { self.link = link }
        var interval: UInt64 { link.interval }
        func next(_ now: UInt64) -> DeviceLink.Step { link.next(now: now) }
        func answered(_ reply: TokenReply, _ now: UInt64) -> DeviceLink.Outcome { link.answered(reply, now: now) }
        func failedToAsk(_ now: UInt64) { link.failedToAsk(now: now) }
    }

    private static func link(_ body: String = device) throws -> Link {
        Link(try #require(DeviceLink(status: 200, body: json(body), now: 0)))
    }

    /// Whatever a platform asks for, an answer comes of it.
    @Test(arguments: [
        ("9223372036854775807", UInt64(120_000)), ("-9223372036854775808", 1_000), ("18446744073709551615", nil),
        ("1e300", nil), ("\"9223372036854775807\"", 120_000), ("0", 1_000), ("\"soon\"", 5_000), ("7", 7_000),
    ])
    func intervalsAreBounded(_ interval: String, _ expected: UInt64?) throws {
        let body = Self.device.replacing("\"interval\":5", with: "\"interval\":\(interval)")
        let link = try Self.link(body)
        if let expected { #expect(link.interval == expected) }
        #expect((1_000...120_000).contains(link.interval))
        let long = Self.device.replacing("\"expires_in\":1800", with: "\"expires_in\":\(interval)")
        _ = DeviceLink(status: 200, body: Self.json(long), now: 0)
    }

    @Test func theDeviceIsToldWhatToShow() throws {
        let google = try #require(DeviceLink(status: 200, body: Self.json(Self.device), now: 0))
        #expect(google.userCode == "GQVQ-JKEC" && google.url == "https://www.google.com/device")
        #expect(google.expiresInSeconds == 1_800 && google.interval == 5_000 && google.completeURL.isEmpty)
        let rfc = try #require(
            DeviceLink(
                status: 200,
                body: Self.json(
                    #"{"device_code":"d","user_code":"U","verification_uri":"https://e.x/d","#
                        + #""verification_uri_complete":"https://e.x/d?c=U","expires_in":60}"#), now: 0))
        #expect(rfc.completeURL == "https://e.x/d?c=U" && rfc.interval == 5_000)
    }

    @Test(arguments: [
        "", "{}", #"{"device_code":"d","user_code":"U","verification_uri":"http://e.x/d","expires_in":60}"#,
        #"{"device_code":"d","user_code":"U","verification_uri":"https://e.x/d"}"#,
        #"{"device_code":"d","user_code":"U\u0007","verification_uri":"https://e.x/d","expires_in":60}"#,
        #"{"device_code":"","user_code":"U","verification_uri":"https://e.x/d","expires_in":60}"#,
        #"{"device_code":"d","user_code":"U","verification_uri":"https://e.x/d","expires_in":0}"#,
    ])
    func whatIsNoDeviceAnswer(_ body: String) {
        #expect(DeviceLink(status: 200, body: Self.json(body), now: 0) == nil)
        #expect(DeviceLink(status: 403, body: Self.json(Self.device), now: 0) == nil)
    }

    @Test func pollsKeepTheInterval() throws {
        let link = try Self.link()
        #expect(link.next(0) == .wait(5_000) && link.next(4_999) == .wait(1))
        #expect(link.next(5_000) == .poll && link.next(5_001) == .wait(5_000), "one at a time")
        #expect(link.answered(Self.pending, 5_200) == .pending && link.next(5_200) == .wait(5_000))
        #expect(link.next(10_200) == .poll && link.answered(.granted(Self.tokens), 10_300) == .granted(Self.tokens))
    }

    /// RFC 8628, section 3.5: five seconds more, for good.
    @Test func slowDownIsObeyed() throws {
        let link = try Self.link()
        #expect(link.next(5_000) == .poll && link.answered(.refused("slow_down"), 5_000) == .pending)
        #expect(link.interval == 10_000 && link.next(14_999) == .wait(1) && link.next(15_000) == .poll)
        #expect(link.answered(Self.pending, 15_000) == .pending && link.next(20_000) == .wait(5_000))
        #expect(link.next(25_000) == .poll && link.answered(.refused("slow_down"), 25_000) == .pending)
        #expect(link.interval == 15_000)
    }

    @Test func aPlatformThatDoesNotAnswerIsAskedLessOften() throws {
        let link = try Self.link()
        #expect(link.next(5_000) == .poll)
        link.failedToAsk(6_000)
        #expect(link.interval == 10_000 && link.next(6_000) == .wait(10_000) && link.next(16_000) == .poll)
        #expect(link.answered(.unclear(status: 503), 16_000) == .pending && link.interval == 20_000)
        for step in 0..<20 as Range<UInt64> { link.failedToAsk(step) }
        #expect(link.interval == 120_000)
    }

    @Test func everyEnd() throws {
        for (reply, outcome) in [
            (TokenReply.refused("access_denied"), DeviceLink.Outcome.denied), (.refused("expired_token"), .expired),
            (.refused("invalid_grant"), .expired), (.refused("invalid_client"), .failed("invalid_client")),
            (.unclear(status: 404), .failed("status 404")),
        ] {
            let link = try Self.link()
            #expect(link.next(5_000) == .poll && link.answered(reply, 5_000) == outcome)
        }
        let link = try Self.link()
        #expect(link.next(1_799_999) == .poll && link.next(1_800_000) == .expired)
    }

    // MARK: Accounts

    @Test func whenATokenIsRefreshed() {
        func need(_ refresh: String?, at now: Int64) -> AccountState.Need {
            AccountState(
                TokenSet(access: Secret("a"), refresh: refresh.map { Secret($0) }, scopes: "", expires: 1_000_000)
            ).need(now: now)
        }
        #expect(need("r", at: 0) == .nothing && need(nil, at: 0) == .nothing)
        #expect(need("r", at: 879_999) == .nothing && need("r", at: 880_000) == .refreshSoon(Secret("r")))
        #expect(
            need("r", at: 995_000) == .refreshNow(Secret("r")) && need("r", at: 9_000_000) == .refreshNow(Secret("r")))
        #expect(need(nil, at: 994_999) == .nothing && need(nil, at: 995_000) == .linkAgain)
    }

    @Test func rotationReplacesAndSilenceKeeps() {
        var state = AccountState(TokenSet(access: Secret("a"), refresh: Secret("r1"), scopes: "", expires: 1))
        state.refreshed(TokenSet(access: Secret("b"), refresh: Secret("r2"), scopes: "", expires: 2))
        #expect(state.tokens.refresh == Secret("r2") && state.tokens.access == Secret("b"))
        state.refreshed(TokenSet(access: Secret("c"), refresh: nil, scopes: "", expires: 3))
        #expect(state.tokens.refresh == Secret("r2") && state.tokens.access == Secret("c"))
    }

    // MARK: Sealing

    @Test func sealedFilesAreBoundToTheirPurpose() throws {
        let seal = try #require(Seal(key: [UInt8](repeating: 3, count: 32)))
        let bytes = seal.seal(Self.json("hello"), purpose: "test.a")
        #expect(bytes.starts(with: Array("TBSEAL01".utf8)) && seal.open(bytes, purpose: "test.a") == Self.json("hello"))
        #expect(seal.seal(Self.json("hello"), purpose: "test.a") != bytes, "a nonce each time")
        #expect(seal.open(bytes, purpose: "test.b") == nil)
        #expect(Seal(key: [UInt8](repeating: 4, count: 32))?.open(bytes, purpose: "test.a") == nil)
        for place in bytes.indices {
            var bent = bytes
            bent[place] ^= 1
            #expect(seal.open(bent, purpose: "test.a") == nil)
        }
        for length in 0..<bytes.count { #expect(seal.open(Array(bytes.prefix(length)), purpose: "test.a") == nil) }
        #expect(Seal(key: []) == nil)
    }

    @Test func theKeyIsMadeOnceAndForTheOwnerOnly() throws {
        let scratch = try Scratch()
        let path = scratch.file("keys/accounts.key")
        let key = try Seal.key(at: path, files: DurableFiles())
        #expect(key.count == 32 && Set(key).count > 4)
        #expect(try Seal.key(at: path, files: DurableFiles()) == key)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        chmod(path, 0o640)
        #expect(throws: FileFailure(path: path, number: EPERM)) { try Seal.key(at: path, files: DurableFiles()) }
        chmod(path, 0o600)
        try DurableFiles().replace(path, with: [1, 2])
        #expect(throws: FileFailure(path: path, number: EINVAL)) { try Seal.key(at: path, files: DurableFiles()) }
    }
}
