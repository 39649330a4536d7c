import CTimmyBot

/// `timmy.store/1`.
let storeExtension = HostExtension(
    TB_EXT_STORE,
    tb_host_store_v1(get: hostStoreGet, set: hostStoreSet, remove: hostStoreRemove, keys: hostStoreKeys))

private typealias StoreCall =
    @convention(c) (RawHost, tb_str, tb_store_done?, UnsafeMutableRawPointer?) -> tb_status

/// A C context on its way back to the plugin.
private struct StoreCompletion: @unchecked Sendable {
    let context: UnsafeMutableRawPointer?
    let done: tb_store_done

    func finish(_ result: Result<StoreAnswer, PluginFailure>) {
        let lent = Lent()
        var raw = tb_store_result_v1()
        switch result {
        case .failure(let failure): raw.error = lent.array([lent.error(failure)])
        case .success(let answer):
            raw.found = answer.isFound ? 1 : 0
            raw.value = tb_bytes(ptr: lent.array(answer.value), len: answer.value.count)
            raw.keys = lent.array(answer.keys.map { lent.string(String(decoding: $0, as: UTF8.self)) })
            raw.key_count = answer.keys.count
        }
        withExtendedLifetime(lent) { done(context, &raw) }
    }
}

private func key(_ raw: tb_str) -> [UInt8]? {
    guard StoreLimits.keyLength.contains(raw.len) else { return nil }
    return raw.copied(limit: StoreLimits.keyLength.upperBound).map { Array($0.utf8) }
}

private func perform(
    _ host: RawHost, _ operation: StoreOperation?, _ done: tb_store_done?, _ context: UnsafeMutableRawPointer?
) -> tb_status {
    guard let plugin = instance(host), let operation, let done else { return TB_E_INVALID }
    let courier = plugin.ports.courier
    guard courier.owe() else { return TB_E_RATE_LIMIT }
    let completion = StoreCompletion(context: context, done: done)
    plugin.services.store.perform(operation, for: plugin.id) { result in
        courier.deliver { completion.finish(result) }
    }
    return TB_OK
}

private let hostStoreGet: StoreCall = { perform($0, key($1).map { .get($0) }, $2, $3) }
private let hostStoreRemove: StoreCall = { perform($0, key($1).map { .remove($0) }, $2, $3) }
private let hostStoreKeys: StoreCall = { host, prefix, done, context in
    let bytes = prefix.len == 0 ? [] : key(prefix)
    return perform(host, bytes.map { .keys(prefix: $0) }, done, context)
}
private let hostStoreSet:
    @convention(c) (RawHost, tb_str, tb_bytes, tb_store_done?, UnsafeMutableRawPointer?) -> tb_status = {
        host, name, value, done, context in
        guard let bytes = value.copied(limit: StoreLimits.maximumValue) else { return TB_E_INVALID }
        return perform(host, key(name).map { .set($0, bytes) }, done, context)
    }
