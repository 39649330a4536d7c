import CTimmyBot
import Foundation

extension OAuthFlow {
    static let maximumName = 32
    static let maximumFlows = 4

    /// A bounded, checked copy.
    init(_ raw: tb_oauth_flow_v1, hosts: AllowedHosts) throws(PluginRefusal) {
        guard let name = raw.name.copied(limit: Self.maximumName), !name.isEmpty,
            name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
        else { throw PluginRefusal("its oauth flow has a name that is none") }
        guard let kind = Self.kind(raw.kind) else {
            throw PluginRefusal("its oauth flow \(name) is of an unknown kind")
        }
        let texts = [raw.scopes.copied(limit: 2_048), raw.scheme.copied(limit: 32)]
        guard let scopes = texts[0], let scheme = texts[1],
            (scopes + scheme).utf8.allSatisfy({ (32...126).contains($0) }), !scheme.contains(" ")
        else { throw PluginRefusal("its oauth flow \(name) has scopes or a scheme that are none") }
        func address(_ raw: tb_str, _ what: String, isNeeded: Bool) throws(PluginRefusal) -> String {
            guard let text = raw.copied(limit: HTTPURL.maximumLength), isNeeded || !text.isEmpty else { return "" }
            guard let url = HTTPURL(text), url.scheme == .https, what == "authorize" || hosts.allows(url) else {
                throw PluginRefusal("its oauth flow \(name) needs a https \(what) address among its manifest's hosts")
            }
            return text
        }
        self.init(
            name: name, kind: kind,
            authorizeURL: try address(raw.authorize_url, "authorize", isNeeded: kind == .authorizationCode),
            deviceURL: try address(raw.device_url, "device", isNeeded: kind == .deviceCode),
            tokenURL: try address(raw.token_url, "token", isNeeded: true),
            revokeURL: try address(raw.revoke_url, "revoke", isNeeded: false),
            scopes: scopes, scheme: scheme.isEmpty ? "Bearer" : scheme, usesBasic: raw.flags & TB_OAUTH_BASIC != 0)
    }

    private static func kind(_ raw: UInt32) -> Kind? {
        switch raw {
        case TB_OAUTH_DEVICE_CODE: .deviceCode
        case TB_OAUTH_AUTHORIZATION_CODE: .authorizationCode
        case TB_OAUTH_CLIENT_CREDENTIALS: .clientCredentials
        default: nil
        }
    }
}

extension PluginInstance {
    /// What the plugin's `timmy.oauth/1` says; none where it has none.
    func oauthFlows() throws(PluginRefusal) -> [OAuthFlow] {
        guard let table = extensionTable(TB_EXT_OAUTH, as: tb_oauth_v1.self)?.pointee else { return [] }
        guard (0...OAuthFlow.maximumFlows).contains(table.count), table.count == 0 || table.flows != nil else {
            throw PluginRefusal("it has more than \(OAuthFlow.maximumFlows) oauth flows")
        }
        var flows: [OAuthFlow] = []
        for raw in UnsafeBufferPointer(start: table.flows, count: table.count) {
            let flow = try OAuthFlow(raw, hosts: ports.caller.hosts)
            guard !flows.contains(where: { $0.name == flow.name }) else {
                throw PluginRefusal("it has two oauth flows named \(flow.name)")
            }
            flows.append(flow)
        }
        return flows
    }

    /// A flow by its name, with the operator's registration.
    func provider(_ name: String) throws(PluginFailure) -> OAuthProvider {
        guard let flow = (try? oauthFlows())?.first(where: { $0.name == name }) else {
            throw PluginFailure(code: TB_E_NOT_FOUND, detail: "\(id) has no oauth flow \(name)")
        }
        guard let client = OAuthClient(configuration: ports.configuration) else {
            throw PluginFailure(
                code: TB_E_UNSUPPORTED, userText: "The operator of this bot has not set this platform up.",
                detail: "the configuration of \(id) has no client_id")
        }
        return OAuthProvider(caller: ports.caller, title: manifest.name ?? id, flow: flow, client: client)
    }
}

extension OAuthClient {
    /// From a plugin's configuration: `client_id` and, for a confidential client, `client_secret`.
    init?(configuration: String) {
        struct Shape: Decodable {
            let client_id: String
            let client_secret: String?
        }
        guard let shape = try? JSONDecoder().decode(Shape.self, from: Data(configuration.utf8)),
            !shape.client_id.isEmpty
        else { return nil }
        self.init(id: shape.client_id, secret: Secret(shape.client_secret ?? ""))
    }
}
