import CTimmyBot
import Foundation
import Synchronization
import Testing

@testable import PluginHost

/// `timmy.account/1` and `timmy.oauth/1` on the plugin's side of the service: handles, and what a descriptor may say.
@Suite("Accounts of plugins")
struct AccountTests {
    /// One user, 7, has an account.
    private final class Book: AccountService {
        let asked = Mutex<[String]>([])

        private func check(_ provider: OAuthProvider, _ user: UInt64) throws(PluginFailure) {
            asked.withLock { $0.append("\(provider.flow.name) \(user) \(provider.client.id)") }
            guard user == 7 else {
                throw PluginFailure(code: TB_E_AUTH, userText: "Link it first.", detail: "none")
            }
        }
        func begin(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> LinkOffer {
            try check(provider, user)
            return .linked(scopes: provider.flow.scopes)
        }
        func poll(link: UInt64, user: UInt64) async throws(PluginFailure) -> LinkProgress {
            .pending(milliseconds: link)
        }
        func complete(state: String, code: String, user: UInt64?) async throws(PluginFailure) -> String {
            "\(state) \(code) \(user ?? 0)"
        }
        func unlink(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> Bool { user == 7 }
        func scopes(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> String {
            try check(provider, user)
            return provider.flow.scopes
        }
        func authorization(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> Secret {
            try check(provider, user)
            return Secret("\(provider.flow.scheme) t0ken")
        }
    }

    private static let options = ["-DOAUTH_BASE=\"https://id.example.org\""]
    private static let hosts = ["api.example.org", "id.example.org"]
    private static let settings = #"{"client_id":"me","client_secret":"s"}"#

    private func account(_ plugin: PortsHost, _ flow: String, _ user: Int64) async -> String {
        await plugin.run("account_of", ["flow": .string(flow), "user": .integer(user)])
    }

    @Test func aHandleStandsForAnAccount() async throws {
        let book = Book(), time = ManualTime()
        let http = FakeHTTP { _ in await FakeHTTP.answer(200, "") }
        let plugin = try PortsHost(
            hosts: Self.hosts, http: http, accounts: book, time: time, settings: Self.settings, options: Self.options)
        let other = try PortsHost(http: http, accounts: book, time: time)
        let answer = await account(plugin, "code", 7)
        let parts = answer.split(separator: "|")
        let handle = try #require(Int64(parts[0]), "\(answer)")
        #expect(parts[1] == "read write" && handle > 0)
        #expect(await plugin.request("fetch", "https://api.example.org/", account: handle).hasPrefix("200|"))
        #expect(http.requests.last?.authorization == "OAuth t0ken")
        #expect(await plugin.request("stream", "https://api.example.org/", account: handle).hasPrefix("200|"))
        #expect(http.requests.last?.authorization == "OAuth t0ken")
        let count = http.requests.count
        #expect(await other.request("fetch", "https://api.example.org/", account: handle) == "status -5")
        #expect(await plugin.request("fetch", "https://api.example.org/", account: handle ^ 1) == "status -5")
        time.advance(3_599_999)
        #expect(await plugin.request("fetch", "https://api.example.org/", account: handle).hasPrefix("200|"))
        time.advance(1)
        #expect(await plugin.request("fetch", "https://api.example.org/", account: handle) == "status -5")
        #expect(http.requests.count == count + 1)
        plugin.host.shutdown()
        other.host.shutdown()
    }

    @Test func whoHasNoneIsToldSo() async throws {
        let plugin = try PortsHost(
            hosts: Self.hosts, accounts: Book(), settings: Self.settings, options: Self.options)
        #expect(await account(plugin, "code", 8) == "error -5 Link it first.")
        #expect(await account(plugin, "nothing", 7) == "error -2 ")
        #expect(await account(plugin, String(repeating: "x", count: 33), 7) == "status -1")
        plugin.host.shutdown()
        let unset = try PortsHost(hosts: Self.hosts, accounts: Book(), options: Self.options)
        #expect(await account(unset, "code", 7).hasPrefix("error -3 The operator"))
        unset.host.shutdown()
        let none = try PortsHost(hosts: Self.hosts, settings: Self.settings, options: Self.options)
        #expect(await account(none, "code", 7).hasPrefix("error -3 "))
        none.host.shutdown()
    }

    @Test func theHostLinks() async throws {
        let plugin = try PortsHost(
            hosts: Self.hosts, accounts: Book(), settings: Self.settings, options: Self.options)
        let host = plugin.host, id = plugin.id
        #expect(host.accountFlows(of: id).map(\.name) == ["code", "device", "own"])
        #expect(host.accountFlows(of: id).map(\.scheme) == ["OAuth", "Bearer", "Bearer"])
        #expect(host.accountFlows(of: "nobody").isEmpty)
        #expect(try await host.beginLink(plugin: id, flow: "device", user: 7) == .linked(scopes: "read"))
        for (name, flow, user, code) in [
            (id, "device", UInt64(0), TB_E_INVALID), (id, "none", 7, TB_E_NOT_FOUND),
            ("nobody", "device", 7, TB_E_NOT_FOUND),
        ] {
            let error = await #expect(throws: PluginFailure.self) {
                try await host.beginLink(plugin: name, flow: flow, user: user)
            }
            #expect(error?.code == code)
        }
        #expect(try await host.pollLink(5, user: 7) == .pending(milliseconds: 5))
        #expect(try await host.completeLink(state: "s", code: "c") == "s c 0")
        let pasted = "http://127.0.0.1/cb?code=a%2Fb&state=x-y#f"
        #expect(try await host.completeLink(pasted: pasted, user: 7) == "x-y a/b 7")
        #expect(try await host.unlink(plugin: id, flow: "code", user: 7))
        host.shutdown()
    }

    @Test(arguments: [
        ("", TB_E_INVALID), ("no address", TB_E_INVALID), ("https://x/?code=a", TB_E_INVALID),
        ("https://x/?state=a", TB_E_INVALID), ("https://x/?code=&state=a", TB_E_INVALID),
        ("https://x/?code=a&state=b&code=c", TB_E_INVALID), ("https://x/?error=access_denied&state=b", TB_E_AUTH),
        ("https://x/?code=a&state=" + String(repeating: "s", count: 5_000), TB_E_INVALID),
    ])
    func pastedAddressesAreChecked(_ text: String, _ code: Int32) throws {
        let error = #expect(throws: PluginFailure.self) { try OAuthCallback(text) }
        #expect(error?.code == code)
    }

    @Test func aFlowBeyondTheManifestsHostsIsRefused() throws {
        let scratch = try Scratch()
        for (base, name) in [("https://elsewhere.example.org", "a"), ("http://id.example.org", "b"), ("nonsense", "c")]
        {
            try compile(
                "ports.c",
                [
                    "-DPLUGIN_ID=\"test.o\(name)\"", "-DHOSTS=\"\\\"id.example.org\\\"\"", "-DOAUTH_BASE=\"\(base)\"",
                ], to: "\(scratch.path)/\(name).so")
        }
        let reasons = makeHost(scratch).loadAll().map { $0.refusal ?? "loaded" }
        #expect(reasons.count == 3 && reasons.allSatisfy { $0.contains("oauth flow code needs a https") }, "\(reasons)")
    }

    @Test func aCountOfFlowsThatIsNoneIsRefused() throws {
        let scratch = try Scratch()
        try compile("ports.c", Self.options + ["-DOAUTH_COUNT=(size_t)-1"], to: "\(scratch.path)/o.so")
        #expect(makeHost(scratch).loadAll().first?.refusal?.contains("more than 4 oauth flows") == true)
    }

    @Test func secretsAreNotPrinted() {
        let client = OAuthClient(configuration: Self.settings)
        #expect(client?.secret.reveal() == "s" && client?.id == "me")
        #expect("\(Secret("t0ken"))" == "(secret)" && String(reflecting: Secret("t0ken")) == "(secret)")
        var text = ""
        dump(client, to: &text)
        #expect(text.contains("me") && !text.contains("\"s\""))
        #expect(OAuthClient(configuration: "{}") == nil && OAuthClient(configuration: "x") == nil)
    }
}
