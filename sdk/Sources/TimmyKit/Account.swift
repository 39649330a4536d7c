import CTimmyBot

/// A linked account of this plugin's platform: a handle for requests. The token itself is never shown.
public struct Account: Sendable {
    /// Good for an hour, and only for this plugin.
    let handle: UInt64
    /// That were granted.
    public let scopes: [String]
}

extension Host {
    /// The account of a user; `.auth` with a text that says how to link one where there is none.
    ///
    /// - Parameters:
    ///   - flow: a name from `Plugin.oauth`.
    ///   - user: Discord's id; nil for the bot's own account (client credentials).
    public func account(_ flow: String, of user: UInt64?) async throws(Failure) -> Account {
        guard let call = tables.account?.pointee.account else { throw .missing("accounts") }
        let lender = Lender()
        return try await Completion<Account>.wait("account") { waiting in
            call(raw, lender.lend(flow), user ?? 0, accountDone, waiting)
        }
    }
}

private let accountDone: tb_account_done = { context, result in
    guard let result = result?.pointee else { return }
    if let error = result.error { return Completion<Account>.finish(context, .failure(Failure(error.pointee))) }
    let scopes = result.scopes.string.split(separator: " ").map(String.init)
    Completion.finish(context, .success(Account(handle: result.account, scopes: scopes)))
}

/// How accounts of a platform are linked. The host runs the flow and keeps the tokens; the client's id and secret are the
/// operator's, `client_id` and `client_secret` of the plugin's configuration.
public struct OAuthFlow: Sendable {
    enum Kind: UInt32 { case deviceCode = 1, authorizationCode, clientCredentials }

    let kind: Kind
    let name, url, tokenURL: String
    /// Separated by spaces.
    let scopes: String
    /// Empty where there is none.
    public var revokeURL = ""
    /// Of the Authorization header.
    public var scheme = "Bearer"
    /// Whether the client proves itself by HTTP Basic instead of in the body.
    public var usesBasic = false

    /// RFC 8628.
    public static func deviceCode(
        _ name: String, deviceURL: String, tokenURL: String, scopes: [String]
    ) -> OAuthFlow {
        OAuthFlow(.deviceCode, name, deviceURL, tokenURL, scopes)
    }

    /// RFC 6749, section 4.1, with PKCE.
    public static func authorizationCode(
        _ name: String, authorizeURL: String, tokenURL: String, scopes: [String]
    ) -> OAuthFlow {
        OAuthFlow(.authorizationCode, name, authorizeURL, tokenURL, scopes)
    }

    /// RFC 6749, section 4.4: one account for the whole bot.
    public static func clientCredentials(_ name: String, tokenURL: String, scopes: [String] = []) -> OAuthFlow {
        OAuthFlow(.clientCredentials, name, "", tokenURL, scopes)
    }

    private init(_ kind: Kind, _ name: String, _ url: String, _ tokenURL: String, _ scopes: [String]) {
        self.kind = kind
        self.name = name
        self.url = url
        self.tokenURL = tokenURL
        self.scopes = scopes.joined(separator: " ")
    }

    func raw(_ lender: Lender) -> tb_oauth_flow_v1 {
        tb_oauth_flow_v1(
            name: lender.lend(name), authorize_url: lender.lend(kind == .authorizationCode ? url : ""),
            device_url: lender.lend(kind == .deviceCode ? url : ""), token_url: lender.lend(tokenURL),
            revoke_url: lender.lend(revokeURL), scopes: lender.lend(scopes),
            scheme: lender.lend(scheme == "Bearer" ? "" : scheme), kind: kind.rawValue,
            flags: usesBasic ? TB_OAUTH_BASIC : 0)
    }
}
