import CTimmyBot
import Foundation
import Logging
import PluginHost

/// Users' accounts: runs the flows over HTTP, keeps the tokens sealed, refreshes each at most once at a time.
public actor AccountBook: AccountService {
    public struct Configuration: Sendable {
        /// Has the key and the sealed files.
        public var directory: String
        /// Where platforms send the browser back to; empty where nothing listens, so that codes cannot be used.
        public var callbackURL: String
        /// Said to a user who has to link an account.
        public var howToLink: String

        public init(directory: String, callbackURL: String, howToLink: String = "Link your account first.") {
            (self.directory, self.callbackURL, self.howToLink) = (directory, callbackURL, howToLink)
        }
    }

    static let maximumPending = 1_000
    static let maximumPendingPerUser = 5
    static let pageLifetime: UInt64 = 600_000

    struct Key: Hashable, Sendable {
        let flow: String
        let user: UInt64
        var text: String { "\(flow)/\(user)" }
    }

    private struct PendingDevice {
        let provider: OAuthProvider
        let user: UInt64
        var link: DeviceLink
    }

    private struct PendingPage {
        let provider: OAuthProvider
        let user: UInt64
        let pkce: PKCE
        let redirect: String
        let expires: UInt64
    }

    private let http: any HTTPFetching
    private let vault: AccountVault
    private let configuration: Configuration
    private let time: any TimeService
    private let logger: Logger

    private var accounts: [String: AccountVault.Accounts] = [:]
    private var loading: [String: Task<AccountVault.Accounts, any Error>] = [:]
    private var refreshing: [String: Task<TokenSet, any Error>] = [:]
    private var devices: [UInt64: PendingDevice] = [:]
    private var pages: [String: PendingPage] = [:]

    public init(
        _ configuration: Configuration, http: any HTTPFetching, files: any FileKeeping = DurableFiles(),
        time: any TimeService = SystemTime(), logger: Logger
    ) {
        self.configuration = configuration
        self.http = http
        self.time = time
        self.logger = logger
        vault = AccountVault(directory: configuration.directory, files: files, logger: logger)
    }

    // MARK: Linking

    public func begin(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> LinkOffer {
        switch provider.flow.kind {
        case .clientCredentials: return .linked(scopes: try await usable(provider, user: 0).scopes)
        case .deviceCode: return try await beginDevice(provider, user)
        case .authorizationCode: return try beginPage(provider, user)
        }
    }

    private func beginDevice(_ provider: OAuthProvider, _ user: UInt64) async throws(PluginFailure) -> LinkOffer {
        let (head, body) = try await http.fetchAll(OAuthRequest.device(provider), for: provider.caller)
        guard let link = DeviceLink(status: head.status, body: body, now: time.monotonicMilliseconds()) else {
            throw failed(provider, "the device endpoint answered with status \(head.status)")
        }
        try makeRoom(for: user)
        var number: UInt64
        repeat { number = .random(in: 1...UInt64(Int64.max)) } while devices[number] != nil
        devices[number] = PendingDevice(provider: provider, user: user, link: link)
        return .code(
            url: link.url, completeURL: link.completeURL, code: link.userCode, expiresInSeconds: link.expiresInSeconds,
            link: number)
    }

    private func beginPage(_ provider: OAuthProvider, _ user: UInt64) throws(PluginFailure) -> LinkOffer {
        guard !configuration.callbackURL.isEmpty else {
            throw PluginFailure(
                code: TB_E_UNSUPPORTED, userText: "The operator of this bot has not set this platform up.",
                detail: "no callback address is configured")
        }
        try makeRoom(for: user)
        let state = PKCE.random(bytes: 32), pkce = PKCE()
        pages[state] = PendingPage(
            provider: provider, user: user, pkce: pkce, redirect: configuration.callbackURL,
            expires: time.monotonicMilliseconds() + Self.pageLifetime)
        let url = OAuthRequest.authorizeURL(provider, redirect: configuration.callbackURL, state: state, pkce: pkce)
        return .page(url: url, state: state, expiresInSeconds: Int(Self.pageLifetime / 1_000))
    }

    public func poll(link: UInt64, user: UInt64) async throws(PluginFailure) -> LinkProgress {
        let now = time.monotonicMilliseconds()
        guard var pending = devices[link], pending.user == user else { throw Self.over }
        let step = pending.link.next(now: now)
        devices[link] = pending
        switch step {
        case .wait(let milliseconds): return .pending(milliseconds: milliseconds)
        case .expired:
            devices[link] = nil
            throw Self.over
        case .poll: break
        }
        let request = OAuthRequest.deviceCode(pending.provider, code: pending.link.deviceCode)
        let reply: TokenReply?
        do throws(PluginFailure) { reply = try await ask(pending.provider, request) } catch { reply = nil }
        guard var current = devices[link] else { throw Self.over }
        let then = time.monotonicMilliseconds()
        guard let reply else {
            current.link.failedToAsk(now: then)
            devices[link] = current
            return .pending(milliseconds: current.link.interval)
        }
        let outcome = current.link.answered(reply, now: then)
        devices[link] = outcome == .pending ? current : nil
        switch outcome {
        case .pending: return .pending(milliseconds: current.link.interval)
        case .granted(let tokens): return .linked(scopes: try await keep(tokens, current.provider, user))
        case .denied: throw refused
        case .expired: throw Self.over
        case .failed(let code): throw failed(current.provider, code)
        }
    }

    public func complete(state: String, code: String, user: UInt64?) async throws(PluginFailure) -> String {
        guard let page = pages[state], user == nil || user == page.user else { throw Self.over }
        pages[state] = nil
        guard time.monotonicMilliseconds() < page.expires else { throw Self.over }
        let request = OAuthRequest.code(page.provider, code: code, redirect: page.redirect, pkce: page.pkce)
        switch try await ask(page.provider, request) {
        case .granted(let tokens): return try await keep(tokens, page.provider, page.user)
        case .refused("invalid_grant"): throw Self.over
        case .refused("access_denied"): throw refused
        case .refused(let code): throw failed(page.provider, code)
        case .unclear(let status): throw failed(page.provider, "status \(status)")
        }
    }

    private func keep(
        _ tokens: TokenSet, _ provider: OAuthProvider, _ user: UInt64
    ) async throws(PluginFailure) -> String {
        let key = Key(flow: provider.flow.name, user: user)
        let old = try await load(provider.caller.id)[key.text]
        do throws(PluginFailure) {
            try await put(AccountState(tokens), key, of: provider.caller.id)
        } catch {
            // The user is told that it failed, so it has.
            accounts[provider.caller.id]?[key.text] = old
            throw error
        }
        logger.info("\(provider.caller.id): an account was linked by \(user)")
        return tokens.scopes
    }

    public func unlink(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> Bool {
        let key = Key(flow: provider.flow.name, user: user)
        _ = try await load(provider.caller.id)
        guard let old = accounts[provider.caller.id]?[key.text] else { return false }
        try await put(nil, key, of: provider.caller.id)
        if !provider.flow.revokeURL.isEmpty {
            let request = OAuthRequest.revoke(provider, old.tokens.refresh ?? old.tokens.access)
            do throws(PluginFailure) {
                _ = try await http.fetchAll(request, for: provider.caller)
            } catch {
                logger.warning("\(provider.caller.id): an account was forgotten, but not revoked: \(error.detail)")
            }
        }
        return true
    }

    // MARK: Using

    public func scopes(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> String {
        try await usable(provider, user: user).scopes
    }

    public func authorization(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> Secret {
        Secret("\(provider.flow.scheme) \(try await usable(provider, user: user).access.reveal())")
    }

    private func usable(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> TokenSet {
        let isOwn = provider.flow.kind == .clientCredentials
        let key = Key(flow: provider.flow.name, user: isOwn ? 0 : user)
        let state = try await load(provider.caller.id)[key.text]
        switch state?.need(now: time.unixMilliseconds()) {
        case .nothing: if let state { return state.tokens }
        case .refreshNow(let refresh) where !isOwn: return try await renew(provider, key, refresh)
        case .refreshSoon(let refresh) where !isOwn:
            do throws(PluginFailure) {
                return try await renew(provider, key, refresh)
            } catch {
                // The platform has a bad moment; what we have is still good.
                guard error.code != TB_E_AUTH, let state else { throw error }
                return state.tokens
            }
        default: break
        }
        if isOwn { return try await renew(provider, key, nil) }
        throw unlinked(provider)
    }

    /// Gets new tokens; whoever comes meanwhile waits for the same answer, since a refresh token may be good only once.
    private func renew(_ provider: OAuthProvider, _ key: Key, _ refresh: Secret?) async throws(PluginFailure)
        -> TokenSet
    {
        let name = "\(provider.caller.id) \(key.text)"
        let task =
            refreshing[name]
            ?? Task {
                defer { refreshing[name] = nil }
                return try await askAnew(provider, key, refresh)
            }
        refreshing[name] = task
        switch await task.result {
        case .success(let tokens): return tokens
        case .failure(let error): throw error as? PluginFailure ?? PluginFailure(detail: "\(type(of: error))")
        }
    }

    private func askAnew(_ provider: OAuthProvider, _ key: Key, _ refresh: Secret?) async throws(PluginFailure)
        -> TokenSet
    {
        let plugin = provider.caller.id
        let request = refresh.map { OAuthRequest.refresh(provider, $0) } ?? OAuthRequest.clientCredentials(provider)
        switch try await ask(provider, request) {
        case .granted(let tokens):
            // Unlinked or linked anew meanwhile: what was refreshed belongs to nobody any more.
            guard refresh == nil || accounts[plugin]?[key.text]?.tokens.refresh == refresh else {
                throw unlinked(provider)
            }
            var state = accounts[plugin]?[key.text] ?? AccountState(tokens)
            state.refreshed(tokens)
            do throws(PluginFailure) {
                try await put(state, key, of: plugin)
            } catch {
                // The old token may be worthless already, so the new one is kept in memory and written with the next.
                logger.error("\(plugin): refreshed tokens are not on the disk")
            }
            return state.tokens
        case .refused("invalid_grant") where refresh != nil:
            if accounts[plugin]?[key.text]?.tokens.refresh == refresh { try await put(nil, key, of: plugin) }
            throw unlinked(provider)
        case .refused(let code): throw failed(provider, code)
        case .unclear(let status): throw failed(provider, "status \(status)")
        }
    }

    // MARK: Parts

    private func ask(_ provider: OAuthProvider, _ request: HTTPFetchRequest) async throws(PluginFailure) -> TokenReply {
        let (head, body) = try await http.fetchAll(request, for: provider.caller)
        return TokenReply(
            status: head.status, body: body, scopes: provider.flow.scopes, now: time.unixMilliseconds())
    }

    @discardableResult
    private func load(_ plugin: String) async throws(PluginFailure) -> AccountVault.Accounts {
        if let known = accounts[plugin] { return known }
        let task = loading[plugin] ?? Task { [vault] in try await vault.load(plugin) }
        loading[plugin] = task
        let result = await task.result
        loading[plugin] = nil
        switch result {
        case .success(let found):
            if accounts[plugin] == nil { accounts[plugin] = found }
            return accounts[plugin] ?? found
        case .failure(let error): throw error as? PluginFailure ?? PluginFailure(detail: "\(type(of: error))")
        }
    }

    /// In memory at once, on the disk on return. Saves of one plugin go through the vault's one thread in this order.
    private func put(_ state: AccountState?, _ key: Key, of plugin: String) async throws(PluginFailure) {
        try await load(plugin)
        accounts[plugin]?[key.text] = state
        try await vault.save(accounts[plugin] ?? [:], of: plugin)
    }

    /// Forgets what is over; refuses where too much is under way.
    private func makeRoom(for user: UInt64) throws(PluginFailure) {
        let now = time.monotonicMilliseconds()
        pages = pages.filter { now < $0.value.expires }
        devices = devices.filter { !$0.value.link.isOver(now: now) }
        let mine = pages.values.filter { $0.user == user }.count + devices.values.filter { $0.user == user }.count
        guard mine < Self.maximumPendingPerUser, pages.count + devices.count < Self.maximumPending else {
            throw PluginFailure(
                code: TB_E_RATE_LIMIT, userText: "Finish linking one account before you start with the next.",
                detail: "too many accounts are being linked")
        }
    }

    private static var over: PluginFailure {
        PluginFailure(
            code: TB_E_NOT_FOUND, userText: "This link is used up or too old. Start again.", detail: "the link is over")
    }

    private var refused: PluginFailure {
        PluginFailure(code: TB_E_AUTH, userText: "The account was not linked: you said no.", detail: "access_denied")
    }

    private func unlinked(_ provider: OAuthProvider) -> PluginFailure {
        PluginFailure(
            code: TB_E_AUTH, userText: "\(provider.title): \(configuration.howToLink)",
            detail: "\(provider.caller.id): no usable account")
    }

    private func failed(_ provider: OAuthProvider, _ why: String) -> PluginFailure {
        logger.warning("\(provider.caller.id): oauth flow \(provider.flow.name) failed: \(why)")
        return PluginFailure(
            code: TB_E_IO, userText: "\(provider.title) does not answer as it should. Try again later.",
            detail: "oauth flow \(provider.flow.name): \(why)")
    }
}
