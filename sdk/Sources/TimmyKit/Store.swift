import CTimmyBot

/// A small store of the plugin's own, kept across restarts and versions. Keys have 1 to 128 bytes, values up to 64 KiB;
/// 1024 keys and 1 MiB in all.
public struct Store: Sendable {
    let host: Host

    struct Answer: Sendable {
        let value: [UInt8]
        let keys: [String]
        let isFound: Bool
    }

    /// Nil where there is no such key.
    public func get(_ key: String) async throws(Failure) -> [UInt8]? {
        let answer = try await ask("store get") { table, lender, waiting in
            table.get?(host.raw, lender.lend(key), storeDone, waiting)
        }
        return answer.isFound ? answer.value : nil
    }

    /// On the disk before it returns. `.rateLimit` where the quota is used up.
    public func set(_ key: String, _ value: [UInt8]) async throws(Failure) {
        _ = try await ask("store set") { table, lender, waiting in
            table.set?(host.raw, lender.lend(key), lender.bytes(value), storeDone, waiting)
        }
    }

    public func remove(_ key: String) async throws(Failure) {
        _ = try await ask("store remove") { table, lender, waiting in
            table.remove?(host.raw, lender.lend(key), storeDone, waiting)
        }
    }

    /// Keys that begin with `prefix`, sorted.
    public func keys(_ prefix: String = "") async throws(Failure) -> [String] {
        try await ask("store keys") { table, lender, waiting in
            table.keys?(host.raw, lender.lend(prefix), storeDone, waiting)
        }.keys
    }

    /// A value that was stored as JSON; nil where there is none.
    public func json(_ key: String) async throws(Failure) -> JSON? {
        guard let bytes = try await get(key) else { return nil }
        return try JSON(parsing: bytes)
    }

    public func set(_ key: String, _ value: JSON) async throws(Failure) { try await set(key, value.bytes) }

    /// Reads a value, changes it and stores it; nil takes it away. Updates of one plugin come one after the other, so that
    /// none is lost.
    ///
    /// - Returns: what is stored now.
    @discardableResult
    public func update(_ key: String, _ change: (JSON?) throws -> JSON?) async throws -> JSON? {
        await host.storeTurn.take()
        defer { host.storeTurn.pass() }
        let new = try change(try await json(key))
        if let new { try await set(key, new) } else { try await remove(key) }
        return new
    }

    private func ask(
        _ what: String, _ start: (tb_host_store_v1, Lender, UnsafeMutableRawPointer) -> tb_status?
    ) async throws(Failure) -> Answer {
        guard let table = host.tables.store?.pointee else { throw .missing("a store") }
        let lender = Lender()
        return try await Completion<Answer>.wait(what) { start(table, lender, $0) ?? TB_E_UNSUPPORTED }
    }
}

extension Host {
    public var store: Store { Store(host: self) }
}

private let storeDone: tb_store_done = { context, result in
    guard let result = result?.pointee else { return }
    if let error = result.error { return Completion<Store.Answer>.finish(context, .failure(Failure(error.pointee))) }
    let keys = UnsafeBufferPointer(start: result.keys, count: result.keys == nil ? 0 : result.key_count)
    Completion.finish(
        context,
        .success(Store.Answer(value: result.value.array, keys: keys.map(\.string), isFound: result.found != 0)))
}
