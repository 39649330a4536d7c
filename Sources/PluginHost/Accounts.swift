import CTimmyBot
import Foundation

/// Linking accounts: what a command, a console or a callback page needs.
extension PluginHost {
    /// The flows that a plugin offers and the operator has set up; none for a plugin that is not there.
    public func accountFlows(of plugin: String) -> [OAuthFlow] {
        guard let instance = current(plugin), OAuthClient(configuration: instance.ports.configuration) != nil else {
            return []
        }
        return (try? instance.oauthFlows()) ?? []
    }

    /// Starts linking: what to show to the user.
    public func beginLink(plugin: String, flow: String, user: UInt64) async throws(PluginFailure) -> LinkOffer {
        let provider = try provider(plugin, flow)
        guard user != 0 || provider.flow.kind == .clientCredentials else {
            throw PluginFailure(code: TB_E_INVALID, detail: "an account is linked by a user")
        }
        return try await services.accounts.begin(provider, user: user)
    }

    /// How a device code fares; asks the platform no more often than it allows.
    public func pollLink(_ link: UInt64, user: UInt64) async throws(PluginFailure) -> LinkProgress {
        try await services.accounts.poll(link: link, user: user)
    }

    /// What the platform sent to the callback address, by a browser.
    public func completeLink(state: String, code: String) async throws(PluginFailure) -> String {
        try await services.accounts.complete(state: state, code: code, user: nil)
    }

    /// The address that the browser ended at, pasted by a user whose browser cannot reach the callback page. Of a link that
    /// somebody else began it is `TB_E_NOT_FOUND`, and that link goes on.
    public func completeLink(pasted: String, user: UInt64) async throws(PluginFailure) -> String {
        let callback = try OAuthCallback(pasted)
        return try await services.accounts.complete(state: callback.state, code: callback.code, user: user)
    }

    /// False where no account was linked.
    public func unlink(plugin: String, flow: String, user: UInt64) async throws(PluginFailure) -> Bool {
        try await services.accounts.unlink(try provider(plugin, flow), user: user)
    }

    private func provider(_ plugin: String, _ flow: String) throws(PluginFailure) -> OAuthProvider {
        guard let instance = current(plugin) else {
            throw PluginFailure(code: TB_E_NOT_FOUND, userText: "This platform is gone.", detail: "no plugin \(plugin)")
        }
        return try instance.provider(flow)
    }
}

/// What a platform leads the browser to at the end (RFC 6749, section 4.1.2).
public struct OAuthCallback: Sendable, Equatable {
    public let state, code: String

    static let maximumLength = 4_096

    /// Throws `TB_E_AUTH` where the user refused, `TB_E_INVALID` where the address is no callback.
    public init(_ address: String) throws(PluginFailure) {
        guard address.utf8.count <= Self.maximumLength, let mark = address.firstIndex(of: "?") else {
            throw Self.invalid
        }
        var values: [String: String] = [:]
        for pair in address[address.index(after: mark)...].prefix(while: { $0 != "#" }).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? parts[1].replacing("+", with: " ") : ""
            // A name that comes twice is ambiguous, and never comes from an honest platform.
            guard values.updateValue(value.removingPercentEncoding ?? "", forKey: String(parts[0])) == nil else {
                throw Self.invalid
            }
        }
        if values["error"] != nil {
            throw PluginFailure(
                code: TB_E_AUTH, userText: "The account was not linked: the platform said no.",
                detail: "the callback carries an error")
        }
        guard let state = values["state"], let code = values["code"], !state.isEmpty, !code.isEmpty else {
            throw Self.invalid
        }
        (self.state, self.code) = (state, code)
    }

    private static var invalid: PluginFailure {
        PluginFailure(
            code: TB_E_INVALID, userText: "That is not the address that the page ended at.",
            detail: "no callback address")
    }
}
