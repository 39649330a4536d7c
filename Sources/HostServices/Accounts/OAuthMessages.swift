import CSodium
import CTimmyBot
import Foundation
import PluginHost

/// What a platform grants. Times in milliseconds since 1970.
struct TokenSet: Sendable, Equatable, Codable {
    var access: Secret
    /// Nil where there is none: then the account ends with its access token.
    var refresh: Secret?
    var scopes: String
    var expires: Int64
}

/// An answer of a token endpoint (RFC 6749, sections 5.1 and 5.2). Pure.
enum TokenReply: Sendable, Equatable {
    case granted(TokenSet)
    /// The code of the error, one of the RFC's or whatever the platform says; never its text.
    case refused(String)
    /// Not an answer of a token endpoint: a proxy's page, a server error.
    case unclear(status: Int)

    /// Where the platform does not say.
    static let defaultLifetime: Int64 = 3_600
    static let maximumToken = 8_192
    static let maximumBody: UInt64 = 64 << 10

    /// - Parameters:
    ///   - scopes: that were asked for; the answer's own count where it names any.
    ///   - now: milliseconds since 1970.
    init(status: Int, body: [UInt8], scopes: String, now: Int64) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else {
            self = .unclear(status: status)
            return
        }
        if let error = object["error"] as? String ?? object["error_code"] as? String {
            self = .refused(Self.code(error))
        } else if (200..<300).contains(status), let access = Self.token(object["access_token"]) {
            let lifetime = max(0, min(Self.number(object["expires_in"]) ?? Self.defaultLifetime, 365 * 86_400))
            let granted = (object["scope"] as? String).map { String($0.prefix(2_048)) }
            self = .granted(
                TokenSet(
                    access: access, refresh: Self.token(object["refresh_token"]), scopes: granted ?? scopes,
                    expires: now + lifetime * 1_000))
        } else {
            self = .unclear(status: status)
        }
    }

    private static func token(_ value: Any?) -> Secret? {
        // It goes into a header: visible ASCII, nothing else (RFC 6749, appendix A.12).
        guard let text = value as? String, (1...maximumToken).contains(text.utf8.count),
            text.utf8.allSatisfy({ (33...126).contains($0) })
        else { return nil }
        return Secret(text)
    }

    /// Some platforms put numbers into strings.
    static func number(_ value: Any?) -> Int64? {
        if let number = value as? NSNumber { return number.int64Value }
        return (value as? String).flatMap { Int64($0) }
    }

    /// Safe for a log line.
    private static func code(_ text: String) -> String {
        String(decoding: text.utf8.prefix(64).filter { (97...122).contains($0) || $0 == 95 || $0 == 45 }, as: UTF8.self)
    }
}

/// Proof Key for Code Exchange (RFC 7636), always with S256.
struct PKCE: Sendable, Equatable {
    let verifier: Secret

    init(verifier: String) { self.verifier = Secret(verifier) }

    init() { self.init(verifier: Self.random(bytes: 32)) }

    var challenge: String {
        let text = Array(verifier.reveal().utf8)
        var digest = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256(&digest, text, UInt64(text.count))
        return Self.base64URL(digest)
    }

    /// Of the system's generator, as base64url.
    static func random(bytes count: Int) -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        randombytes_buf(&bytes, count)
        return base64URL(bytes)
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

/// Requests to a platform's endpoints. Pure.
enum OAuthRequest {
    /// Where the user's browser is sent (RFC 6749, section 4.1.1). What the address has in its query already stays.
    static func authorizeURL(_ provider: OAuthProvider, redirect: String, state: String, pkce: PKCE) -> String {
        var values = [
            ("response_type", "code"), ("client_id", provider.client.id), ("redirect_uri", redirect), ("state", state),
            ("code_challenge", pkce.challenge), ("code_challenge_method", "S256"),
        ]
        if !provider.flow.scopes.isEmpty { values.append(("scope", provider.flow.scopes)) }
        let base = provider.flow.authorizeURL.prefix { $0 != "#" }
        return base + (base.contains("?") ? "&" : "?") + encoded(values)
    }

    static func device(_ provider: OAuthProvider) -> HTTPFetchRequest {
        form(provider.flow.deviceURL, [("client_id", provider.client.id), ("scope", provider.flow.scopes)])
    }

    static func code(_ provider: OAuthProvider, code: String, redirect: String, pkce: PKCE) -> HTTPFetchRequest {
        token(
            provider,
            [
                ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect),
                ("code_verifier", pkce.verifier.reveal()),
            ])
    }

    static func deviceCode(_ provider: OAuthProvider, code: Secret) -> HTTPFetchRequest {
        token(
            provider,
            [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code.reveal())])
    }

    static func clientCredentials(_ provider: OAuthProvider) -> HTTPFetchRequest {
        var values = [("grant_type", "client_credentials")]
        if !provider.flow.scopes.isEmpty { values.append(("scope", provider.flow.scopes)) }
        return token(provider, values)
    }

    static func refresh(_ provider: OAuthProvider, _ refresh: Secret) -> HTTPFetchRequest {
        token(provider, [("grant_type", "refresh_token"), ("refresh_token", refresh.reveal())])
    }

    static func revoke(_ provider: OAuthProvider, _ token: Secret) -> HTTPFetchRequest {
        self.token(provider, [("token", token.reveal())], url: provider.flow.revokeURL)
    }

    /// With the client's proof (RFC 6749, section 2.3.1).
    private static func token(
        _ provider: OAuthProvider, _ values: [(String, String)], url: String? = nil
    ) -> HTTPFetchRequest {
        let client = provider.client, secret = client.secret.reveal()
        if provider.flow.usesBasic {
            var request = form(url ?? provider.flow.tokenURL, values)
            let pair = "\(encoded(client.id)):\(encoded(secret))"
            request.authorization = "Basic \(Data(pair.utf8).base64EncodedString())"
            return request
        }
        let proof = [("client_id", client.id)] + (secret.isEmpty ? [] : [("client_secret", secret)])
        return form(url ?? provider.flow.tokenURL, values + proof)
    }

    private static func form(_ url: String, _ values: [(String, String)]) -> HTTPFetchRequest {
        var request = HTTPFetchRequest(url: url)
        request.method = "POST"
        request.headers = [
            HTTPHeader("Content-Type", "application/x-www-form-urlencoded"), HTTPHeader("Accept", "application/json"),
        ]
        request.body = Array(encoded(values).utf8)
        request.limit = TokenReply.maximumBody
        request.totalTimeout = .seconds(15)
        // A code or a secret is not carried on to wherever the answer points.
        request.followsRedirects = false
        return request
    }

    private static func encoded(_ values: [(String, String)]) -> String {
        values.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
    }

    /// application/x-www-form-urlencoded with a space as %20, which every decoder takes.
    static func encoded(_ text: String) -> String {
        let kept = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: kept) ?? ""
    }
}
