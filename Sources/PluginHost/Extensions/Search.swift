import CTimmyBot

/// `timmy.search/1`.
let searchExtension = HostExtension(TB_EXT_SEARCH, tb_host_search_v1(search: hostSearch))

/// A C context on its way back to the plugin.
private struct SearchCompletion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_search_done

    func finish(_ outcome: Result<[PluginFound], PluginFailure>) {
        let lent = Lent()
        let (found, failure) = outcome.parts(or: [])
        var result = tb_search_result_v1(
            error: failure.map { lent.array([lent.error($0)]) } ?? nil,
            tracks: lent.array(found.map { lent.track($0.track) }),
            sources: lent.array(found.map { lent.string($0.source) }), count: found.count)
        withExtendedLifetime(lent) { done(context, &result) }
    }
}

private let hostSearch:
    @convention(c) (RawHost, RawCall, tb_str, UInt32, tb_search_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, call, query, limit, done, context in
        guard let plugin = instance(host), let call = PluginInvocation(call),
            let query = query.copied(limit: PluginTrack.maximumQuery),
            let done, (1...100).contains(limit)
        else { return TB_E_INVALID }
        let completion = SearchCompletion(context: context, done: done)
        return plugin.ports.answer(completion.finish) { () async throws(PluginFailure) in
            try await plugin.services.player.search(query, limit: Int(limit), for: call)
        }
    }
