import CTimmyBot
import Foundation
import Logging
import PluginHost
import Synchronization
import TestSupport
import Testing

@testable import HostServices

/// Whole flows against a platform on loopback, over TLS and through the real client.
@Suite("Linking accounts")
struct AccountBookTests {
    private let platform: FakePlatform
    private let scratch: Scratch
    private let time = ManualTime()
    private let lines = LogLines(.trace)
    private let http: HTTPService

    init() throws {
        platform = try FakePlatform()
        scratch = try Scratch()
        http = HTTPService(
            resolver: Names(names: ["id.test.example": ["127.0.0.1"]]),
            addresses: AddressGuard(loopbackPorts: [platform.server.port], own: { [] }),
            trustedCAFile: platform.certificate.file)
    }

    private func book(callback: String = "https://bot.test.example/callback", files: any FileKeeping = DurableFiles())
        -> AccountBook
    {
        AccountBook(
            .init(directory: scratch.file("accounts"), callbackURL: callback, howToLink: "Link it with a command."),
            http: http, files: files, time: time, logger: lines.logger)
    }

    private func provider(_ kind: OAuthFlow.Kind, basic: Bool = false) throws -> OAuthProvider {
        let base = "https://id.test.example:\(platform.server.port)"
        return OAuthProvider(
            caller: HTTPCaller(id: "test.p", hosts: try AllowedHosts(["id.test.example:\(platform.server.port)"])),
            title: "Platform",
            flow: OAuthFlow(
                name: "f", kind: kind, authorizeURL: "\(base)/authorize", deviceURL: "\(base)/device",
                tokenURL: "\(base)/token", revokeURL: "\(base)/revoke", scopes: "one", usesBasic: basic),
            client: OAuthClient(id: "me", secret: Secret("s3cret-of-the-operator")))
    }

    private func done() async {
        await http.shutdown()
        platform.server.stop()
        for secret in platform.issued + ["s3cret-of-the-operator", "the-code"] {
            #expect(!lines.text.contains(secret), "a secret is in the log")
        }
    }

    /// Goes through the page flow as a browser would.
    private func linkByPage(_ book: AccountBook, user: UInt64 = 7) async throws {
        guard case .page(let url, let state, _) = try await book.begin(try provider(.authorizationCode), user: user)
        else {
            Issue.record("not a page")
            return
        }
        platform.challenge(from: url)
        #expect(try await book.complete(state: state, code: "the-code", user: nil) == "granted")
    }

    // MARK: Pages

    @Test func anAuthorizationCodeWithPKCE() async throws {
        let book = book()
        guard
            case .page(let url, let state, let seconds) = try await book.begin(
                try provider(.authorizationCode), user: 7)
        else {
            Issue.record("not a page")
            return
        }
        #expect(url.contains("code_challenge_method=S256") && url.contains("state=\(state)") && seconds == 600)
        platform.challenge(from: url)
        #expect(
            await failure { try await book.complete(state: "guessed", code: "the-code", user: nil) }?.code
                == TB_E_NOT_FOUND)
        #expect(platform.server.requests.isEmpty, "a wrong state asks nobody")
        #expect(try await book.complete(state: state, code: "the-code", user: nil) == "granted")
        #expect(
            await failure { try await book.complete(state: state, code: "the-code", user: nil) }?.code == TB_E_NOT_FOUND
        )
        let header = try await book.authorization(try provider(.authorizationCode), user: 7)
        #expect(header.reveal() == "Bearer access-1")
        #expect(
            await failure { try await book.authorization(try provider(.authorizationCode), user: 8) }?.code == TB_E_AUTH
        )
        await done()
    }

    /// Whoever pastes the address of somebody else's link neither gets their account nor takes the link from them.
    @Test func onlyWhoBeganALinkMayPasteItsEnd() async throws {
        let book = book()
        guard case .page(let url, let state, _) = try await book.begin(try provider(.authorizationCode), user: 7) else {
            return
        }
        platform.challenge(from: url)
        let stranger = await failure { try await book.complete(state: state, code: "the-code", user: 8) }
        #expect(stranger?.code == TB_E_NOT_FOUND && platform.server.requests.isEmpty)
        #expect(try await book.complete(state: state, code: "the-code", user: 7) == "granted")
        await done()
    }

    /// The platform checks the verifier, so a code that was caught on the way is worth nothing.
    @Test func aCodeFromAnotherFlowIsRefused() async throws {
        let book = book()
        guard case .page(_, let state, _) = try await book.begin(try provider(.authorizationCode), user: 7) else {
            return
        }
        platform.challenge(from: "?code_challenge=of-somebody-else")
        #expect(
            await failure { try await book.complete(state: state, code: "the-code", user: nil) }?.code == TB_E_NOT_FOUND
        )
        await done()
    }

    @Test func aStateRunsOutAndUsersAreBounded() async throws {
        let book = book()
        guard case .page(_, let state, _) = try await book.begin(try provider(.authorizationCode), user: 7) else {
            return
        }
        for _ in 0..<4 { _ = try await book.begin(try provider(.authorizationCode), user: 7) }
        #expect(
            await failure { try await book.begin(try provider(.authorizationCode), user: 7) }?.code == TB_E_RATE_LIMIT)
        _ = try await book.begin(try provider(.authorizationCode), user: 8)
        time.advance(600_000)
        #expect(
            await failure { try await book.complete(state: state, code: "the-code", user: nil) }?.code == TB_E_NOT_FOUND
        )
        _ = try await book.begin(try provider(.authorizationCode), user: 7)
        let none = self.book(callback: "")
        #expect(
            await failure { try await none.begin(try provider(.authorizationCode), user: 7) }?.code == TB_E_UNSUPPORTED)
        await done()
    }

    // MARK: Device codes

    private func beginDevice(_ book: AccountBook) async throws -> UInt64 {
        guard
            case .code(let url, _, let code, let seconds, let link) = try await book.begin(
                try provider(.deviceCode), user: 7)
        else { throw Oops() }
        #expect(url == "https://id.test.example/type-it" && code == "ABCD-EFGH" && seconds == 60)
        return link
    }
    private struct Oops: Error {}

    @Test func aDeviceCode() async throws {
        let book = book()
        let link = try await beginDevice(book)
        #expect(try await book.poll(link: link, user: 7) == .pending(milliseconds: 5_000))
        #expect(platform.polls == 0, "not before the interval")
        #expect(await failure { try await book.poll(link: link, user: 8) }?.code == TB_E_NOT_FOUND)
        time.advance(5_000)
        #expect(try await book.poll(link: link, user: 7) == .pending(milliseconds: 5_000))
        platform.answerPolls(with: "slow_down")
        time.advance(5_000)
        #expect(try await book.poll(link: link, user: 7) == .pending(milliseconds: 10_000))
        time.advance(5_000)
        #expect(try await book.poll(link: link, user: 7) == .pending(milliseconds: 5_000))
        platform.answerPolls(with: nil)
        time.advance(5_000)
        #expect(try await book.poll(link: link, user: 7) == .linked(scopes: "granted"))
        #expect(platform.polls == 3)
        #expect(await failure { try await book.poll(link: link, user: 7) }?.code == TB_E_NOT_FOUND)
        #expect(try await book.scopes(try provider(.deviceCode), user: 7) == "granted")
        await done()
    }

    @Test func aDeviceCodeThatIsRefusedOrForgotten() async throws {
        let book = book()
        let refused = try await beginDevice(book)
        platform.answerPolls(with: "access_denied")
        time.advance(5_000)
        #expect(await failure { try await book.poll(link: refused, user: 7) }?.code == TB_E_AUTH)
        let forgotten = try await beginDevice(book)
        time.advance(60_000)
        let polls = platform.polls
        #expect(await failure { try await book.poll(link: forgotten, user: 7) }?.code == TB_E_NOT_FOUND)
        #expect(platform.polls == polls)
        let misconfigured = try await beginDevice(book)
        platform.answerPolls(with: "invalid_client")
        time.advance(5_000)
        #expect(await failure { try await book.poll(link: misconfigured, user: 7) }?.code == TB_E_IO)
        #expect(lines.text.contains("invalid_client"))
        await done()
    }

    // MARK: Refreshing

    @Test func fiftyWhoAskAtOnceRefreshOnce() async throws {
        let book = book()
        try await linkByPage(book)
        time.advance(3_600_000)
        let provider = try provider(.authorizationCode)
        let asking = (0..<50).map { _ in Task { try await book.authorization(provider, user: 7).reveal() } }
        for task in asking { #expect(try await task.value == "Bearer access-2") }
        #expect(platform.refreshes == ["refresh-1"])
        time.advance(3_600_000)
        #expect(try await book.authorization(provider, user: 7).reveal() == "Bearer access-3")
        #expect(platform.refreshes == ["refresh-1", "refresh-2"], "the rotated token is used")
        await done()
    }

    @Test func tokensSurviveARestartSealed() async throws {
        let first = book()
        try await linkByPage(first)
        time.advance(3_600_000)
        _ = try await first.authorization(try provider(.authorizationCode), user: 7)
        let second = book()
        #expect(try await second.authorization(try provider(.authorizationCode), user: 7).reveal() == "Bearer access-2")
        time.advance(3_600_000)
        _ = try await second.authorization(try provider(.authorizationCode), user: 7)
        #expect(platform.refreshes == ["refresh-1", "refresh-2"], "the disk had the rotated one")
        let path = scratch.file("accounts/test.p.sealed")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for secret in platform.issued { #expect(bytes.range(of: Data(secret.utf8)) == nil) }
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        try Data(bytes.dropLast()).write(to: URL(fileURLWithPath: path))
        let third = book()
        #expect(
            await failure { try await third.authorization(try provider(.authorizationCode), user: 7) }?.code
                == TB_E_AUTH)
        #expect(FileManager.default.fileExists(atPath: path + ".damaged") && lines.text.contains("put aside"))
        await done()
    }

    @Test func aRevokedGrantMeansLinkAgain() async throws {
        let book = book()
        try await linkByPage(book)
        platform.answerRefreshes(with: .init(status: 400, body: Array(#"{"error":"invalid_grant"}"#.utf8)))
        time.advance(3_600_000)
        let provider = try provider(.authorizationCode)
        let error = await failure { try await book.authorization(provider, user: 7) }
        #expect(error?.code == TB_E_AUTH && error?.userText == "Platform: Link it with a command.")
        let count = platform.refreshes.count
        #expect(await failure { try await book.authorization(provider, user: 7) }?.code == TB_E_AUTH)
        #expect(platform.refreshes.count == count, "it is not tried again")
        platform.answerRefreshes(with: nil)
        try await linkByPage(book)
        #expect(try await book.authorization(provider, user: 7).reveal().hasPrefix("Bearer access-"))
        await done()
    }

    @Test func aBadMomentOfThePlatformCostsNothingWhileTheTokenIsGood() async throws {
        let book = book()
        try await linkByPage(book)
        platform.answerRefreshes(with: .init(status: 503))
        let provider = try provider(.authorizationCode)
        time.advance(3_600_000 - 60_000)
        #expect(try await book.authorization(provider, user: 7).reveal() == "Bearer access-1")
        time.advance(60_000)
        #expect(await failure { try await book.authorization(provider, user: 7) }?.code == TB_E_IO)
        platform.answerRefreshes(with: nil)
        #expect(
            try await book.authorization(provider, user: 7).reveal() == "Bearer access-2", "the account is still there")
        await done()
    }

    @Test func aFullDiskKeepsNoHalfLinkedAccount() async throws {
        final class Full: FileKeeping {
            let isFull = Mutex(false)
            let real = DurableFiles()
            func read(_ path: String, limit: Int) throws(FileFailure) -> [UInt8]? { try real.read(path, limit: limit) }
            func putAside(_ path: String) throws(FileFailure) -> String { try real.putAside(path) }
            func replace(_ path: String, with bytes: [UInt8]) throws(FileFailure) {
                if isFull.withLock({ $0 }) { throw FileFailure(path: path, number: ENOSPC) }
                try real.replace(path, with: bytes)
            }
        }
        let files = Full()
        let book = book(files: files)
        try await linkByPage(book)
        files.isFull.withLock { $0 = true }
        guard case .page(let url, let state, _) = try await book.begin(try provider(.authorizationCode), user: 8) else {
            return
        }
        platform.challenge(from: url)
        #expect(await failure { try await book.complete(state: state, code: "the-code", user: nil) }?.code == TB_E_IO)
        #expect(
            await failure { try await book.authorization(try provider(.authorizationCode), user: 8) }?.code == TB_E_AUTH
        )
        // A refresh cannot be taken back: the new token works on, from memory.
        time.advance(3_600_000)
        #expect(
            try await book.authorization(try provider(.authorizationCode), user: 7).reveal() == "Bearer access-3")
        #expect(
            try await book.authorization(try provider(.authorizationCode), user: 7).reveal() == "Bearer access-3")
        await done()
    }

    // MARK: The bot's own account, and the end

    @Test func clientCredentialsAreKeptAcrossRestarts() async throws {
        let provider = try provider(.clientCredentials, basic: true)
        #expect(try await book().begin(provider, user: 0) == .linked(scopes: "granted"))
        #expect(try await book().authorization(provider, user: 0).reveal() == "Bearer access-1")
        #expect(
            try await book().authorization(provider, user: 99).reveal() == "Bearer access-1", "one for the whole bot")
        time.advance(3_600_000)
        #expect(try await book().authorization(provider, user: 0).reveal() == "Bearer access-2")
        let seen = try #require(platform.server.requests.last)
        #expect(seen.body == "grant_type=client_credentials&scope=one")
        #expect(
            seen.headers["authorization"] == "Basic " + Data("me:s3cret-of-the-operator".utf8).base64EncodedString())
        await done()
    }

    @Test func unlinkingForgetsAndRevokes() async throws {
        let book = book()
        try await linkByPage(book)
        let provider = try provider(.authorizationCode)
        #expect(try await book.unlink(provider, user: 7))
        #expect(platform.server.requests.last?.target == "/revoke")
        #expect(platform.server.requests.last?.body.hasPrefix("token=refresh-1&") == true)
        #expect(try await book.unlink(provider, user: 7) == false)
        #expect(await failure { try await self.book().authorization(provider, user: 7) }?.code == TB_E_AUTH)
        await done()
    }
}
