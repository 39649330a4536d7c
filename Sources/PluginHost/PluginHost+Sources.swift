import CTimmyBot

extension PluginHost {
    /// Music sources of all plugins, sorted by id.
    public var sources: [SourceHandle] {
        instances.filter { $0.extensionTable(TB_EXT_SOURCE, as: tb_source_v1.self) != nil }.map {
            SourceHandle(id: $0.id, host: self)
        }
    }
}

/// A music source, ready to be asked: each call goes to the plugin's version of that moment.
public struct SourceHandle: Sendable {
    static let resolveDeadline = Duration.seconds(15)
    static let openDeadline = Duration.seconds(20)

    public let id: String
    let host: PluginHost

    /// 0 for not mine to 100 for surely mine; 0 as well where the plugin does not answer in time.
    public func match(_ input: String) async -> Int {
        guard let (instance, raw) = try? host.bound(id, TB_EXT_SOURCE, as: tb_source_v1.self) else { return 0 }
        nonisolated(unsafe) let table = raw
        return await host.match(instance) { created in
            let lent = Lent()
            return withExtendedLifetime(lent) {
                Int(min(100, table.pointee.match?(created, lent.string(input)) ?? 0))
            }
        }
    }

    /// Runs one call of the source's table.
    private func run(
        _ kind: TaskKind, _ deadline: Duration,
        _ body: @escaping @Sendable (tb_source_v1, UnsafeMutableRawPointer?, tb_task, Lent) -> tb_status
    ) async throws(PluginFailure) -> TaskOutcome {
        let (instance, raw) = try host.bound(id, TB_EXT_SOURCE, as: tb_source_v1.self)
        nonisolated(unsafe) let table = raw
        return await host.run(instance, kind, deadline: deadline, hint: instanceHint(raw.pointee.cancel)) {
            created, task in
            let lent = Lent()
            return withExtendedLifetime(lent) { body(table.pointee, created, task, lent) }
        }
    }

    public func resolve(_ input: String, limit: Int) async throws(PluginFailure) -> [PluginTrack] {
        let outcome = try await run(.resolve, Self.resolveDeadline) { table, created, task, lent in
            table.resolve?(created, task, lent.string(input), UInt32(clamping: limit)) ?? TB_E_UNSUPPORTED
        }
        switch outcome {
        case .tracks(let tracks): return Array(tracks.prefix(limit))
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "\(id) settled a search with something else")
        }
    }

    public func open(_ key: String, startMilliseconds: UInt64) async throws(PluginFailure) -> PluginMedia {
        let outcome = try await run(.open, Self.openDeadline) { table, created, task, lent in
            table.open?(created, task, lent.string(key), startMilliseconds) ?? TB_E_UNSUPPORTED
        }
        switch outcome {
        case .media(let media): return media
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "\(id) settled an open with something else")
        }
    }

    /// The track's picture, nil where there is none.
    public func artwork(_ key: String) async -> (type: String, bytes: [UInt8])? {
        let outcome = try? await run(.artwork, Self.resolveDeadline) { table, created, task, lent in
            table.artwork?(created, task, lent.string(key)) ?? TB_E_NOT_FOUND
        }
        if case .artwork(let type, let bytes) = outcome { return (type, bytes) }
        return nil
    }
}
