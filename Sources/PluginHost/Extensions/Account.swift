import CTimmyBot

/// `timmy.account/1`.
let accountExtension = HostExtension(TB_EXT_ACCOUNT, tb_host_account_v1(account: hostAccount))

/// A C context on its way back to the plugin.
private struct AccountCompletion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_account_done

    func finish(_ result: Result<(handle: UInt64, scopes: String), PluginFailure>) {
        let lent = Lent()
        var raw = tb_account_result_v1()
        switch result {
        case .failure(let failure): raw.error = lent.array([lent.error(failure)])
        case .success(let (handle, scopes)):
            raw.account = handle
            raw.scopes = lent.string(scopes)
        }
        withExtendedLifetime(lent) { done(context, &raw) }
    }
}

private let hostAccount:
    @convention(c) (RawHost, tb_str, UInt64, tb_account_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, flow, user, done, context in
        guard let plugin = instance(host), let flow = flow.copied(limit: OAuthFlow.maximumName), let done else {
            return TB_E_INVALID
        }
        let completion = AccountCompletion(context: context, done: done)
        return plugin.ports.answer(completion.finish) { () async throws(PluginFailure) in
            try await plugin.ports.accounts.open(try plugin.provider(flow), user: user)
        }
    }
