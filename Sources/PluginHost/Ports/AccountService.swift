import CTimmyBot

/// Something that is never printed by accident.
public struct Secret: Sendable, Hashable, Codable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let value: String

    public init(_ value: String) { self.value = value }
    public init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(String.self) }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }

    public func reveal() -> String { value }
    public var description: String { "(secret)" }
    public var debugDescription: String { "(secret)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// How accounts of a platform are linked: one row of a plugin's `timmy.oauth/1`, checked.
public struct OAuthFlow: Sendable, Equatable {
    public enum Kind: Sendable, Equatable { case deviceCode, authorizationCode, clientCredentials }

    public let name: String
    public let kind: Kind
    public let authorizeURL, deviceURL, tokenURL, revokeURL: String
    public let scopes: String
    /// Of the Authorization header.
    public let scheme: String
    /// The client proves itself by HTTP Basic instead of in the body (RFC 6749, section 2.3.1).
    public let usesBasic: Bool

    public init(
        name: String, kind: Kind, authorizeURL: String = "", deviceURL: String = "", tokenURL: String,
        revokeURL: String = "", scopes: String = "", scheme: String = "Bearer", usesBasic: Bool = false
    ) {
        (self.name, self.kind, self.authorizeURL, self.deviceURL) = (name, kind, authorizeURL, deviceURL)
        (self.tokenURL, self.revokeURL, self.scopes) = (tokenURL, revokeURL, scopes)
        (self.scheme, self.usesBasic) = (scheme, usesBasic)
    }
}

/// The operator's registration with the platform.
public struct OAuthClient: Sendable, Equatable {
    public let id: String
    /// Empty for a public client.
    public let secret: Secret

    public init(id: String, secret: Secret) { (self.id, self.secret) = (id, secret) }
}

/// One plugin's flow with all that is needed to run it.
public struct OAuthProvider: Sendable {
    /// Whose hosts the flow's addresses must be among.
    public let caller: HTTPCaller
    /// The plugin's name, for users.
    public let title: String
    public let flow: OAuthFlow
    public let client: OAuthClient

    public init(caller: HTTPCaller, title: String, flow: OAuthFlow, client: OAuthClient) {
        (self.caller, self.title, self.flow, self.client) = (caller, title, flow, client)
    }
}

/// What to show to a user who links an account.
public enum LinkOffer: Sendable, Equatable {
    /// Visit `url` and type `code`; then `poll(link)` until it says something else than pending.
    /// - Parameters:
    ///   - completeURL: the address with the code in it; empty where there is none.
    ///   - link: the number for `poll`.
    case code(url: String, completeURL: String, code: String, expiresInSeconds: Int, link: UInt64)
    /// Visit `url`; the platform then leads to the callback address with a code and this `state`.
    case page(url: String, state: String, expiresInSeconds: Int)
    /// Nobody has to do anything: the bot's own account.
    case linked(scopes: String)
}

public enum LinkProgress: Sendable, Equatable {
    /// Ask again after so long; sooner asking makes no request.
    case pending(milliseconds: UInt64)
    case linked(scopes: String)
}

/// Keeps users' accounts and runs the flows. Tokens never leave it but as the value of an Authorization header.
///
/// Failures: `TB_E_AUTH` where the user has to link (again) or refused, with a text for them; `TB_E_UNSUPPORTED` where the
/// operator did not set the flow up; `TB_E_NOT_FOUND` for a link that is over; otherwise what HTTP failed with.
public protocol AccountService: Sendable {
    func begin(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> LinkOffer
    /// For the user who began it only.
    func poll(link: UInt64, user: UInt64) async throws(PluginFailure) -> LinkProgress
    /// With what the platform sent to the callback address. A state works once.
    /// - Parameter user: who brings it, who must be who began it; nil where a browser does, which is nobody on Discord.
    /// - Returns: the scopes that were granted.
    func complete(state: String, code: String, user: UInt64?) async throws(PluginFailure) -> String
    /// Forgets the account and, where the platform has an address for that, revokes it. False where there is none.
    func unlink(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> Bool
    /// The scopes of a usable account, refreshed first where it is about to run out.
    func scopes(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> String
    /// Value of an Authorization header that is good now.
    func authorization(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> Secret
}

/// Where the host keeps no accounts.
public struct NoAccounts: AccountService {
    private var none: PluginFailure {
        PluginFailure(code: TB_E_UNSUPPORTED, userText: "Accounts cannot be linked here.", detail: "no account service")
    }

    public init() {}
    public func begin(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> LinkOffer { throw none }
    public func poll(link: UInt64, user: UInt64) async throws(PluginFailure) -> LinkProgress { throw none }
    public func complete(state: String, code: String, user: UInt64?) async throws(PluginFailure) -> String {
        throw none
    }
    public func unlink(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> Bool { throw none }
    public func scopes(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> String { throw none }
    public func authorization(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> Secret {
        throw none
    }
}
