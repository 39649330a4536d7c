import CTimmyBot

/// What a server has set for this plugin. Keys have 1 to 64 bytes, values up to 2 KiB; 64 keys.
public struct GuildSettings: Sendable {
    let host: Host
    public let guild: UInt64

    public func all() async throws(Failure) -> [String: String] {
        guard let call = host.tables.settings?.pointee.all else { throw .missing("settings") }
        return try await Completion<[String: String]>.wait("settings") { call(host.raw, guild, settingsDone, $0) }
    }

    public func get(_ key: String) async throws(Failure) -> String? { try await all()[key] }

    /// Nil takes the setting away. On the disk before it returns; gives all that is set then.
    @discardableResult
    public func set(_ key: String, _ value: String?) async throws(Failure) -> [String: String] {
        guard let call = host.tables.settings?.pointee.set else { throw .missing("settings") }
        let lender = Lender()
        return try await Completion<[String: String]>.wait("settings") { waiting in
            call(host.raw, guild, lender.lend(key), lender.lend(value ?? ""), settingsDone, waiting)
        }
    }
}

extension Host {
    public func settings(of guild: UInt64) -> GuildSettings { GuildSettings(host: self, guild: guild) }
}

extension Call {
    /// Of the server that this call came from.
    public var settings: GuildSettings { host.settings(of: guild) }
}

private let settingsDone: tb_settings_done = { context, result in
    typealias Answer = Completion<[String: String]>
    guard let result = result?.pointee else { return }
    if let error = result.error { return Answer.finish(context, .failure(Failure(error.pointee))) }
    let settings = UnsafeBufferPointer(start: result.settings, count: result.settings == nil ? 0 : result.count)
    let pairs = settings.map { ($0.key.string, $0.value.string) }
    Answer.finish(context, .success(Dictionary(pairs, uniquingKeysWith: { $1 })))
}
