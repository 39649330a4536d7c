import CTimmyBot

extension PluginHost {
    public var sources: [SourceHandle] {
        instances.compactMap { instance in
            instance.extensionTable(TB_EXT_SOURCE, as: tb_source_v1.self).map { table in
                SourceHandle(instance: instance, table: table, host: self)
            }
        }
    }
}

/// A music source, ready to be asked.
public struct SourceHandle: Sendable {
    static let resolveDeadline = Duration.seconds(15)
    static let openDeadline = Duration.seconds(20)

    let instance: PluginInstance
    nonisolated(unsafe) let table: UnsafePointer<tb_source_v1>
    let host: PluginHost

    public var id: String { instance.id }

    private var hint: InstanceHint? { instanceHint(table.pointee.cancel) }

    /// 0 for not mine to 100 for surely mine.
    public func match(_ input: String) -> Int {
        let lent = Lent()
        return withExtendedLifetime(lent) {
            Int(min(100, table.pointee.match?(instance.created, lent.string(input)) ?? 0))
        }
    }

    public func resolve(_ input: String, limit: Int) async throws(PluginFailure) -> [PluginTrack] {
        nonisolated(unsafe) let table = table
        let outcome = await host.run(instance, .resolve, deadline: Self.resolveDeadline, hint: hint) { instance, task in
            let lent = Lent()
            return withExtendedLifetime(lent) {
                table.pointee.resolve?(instance, task, lent.string(input), UInt32(clamping: limit)) ?? TB_E_UNSUPPORTED
            }
        }
        switch outcome {
        case .tracks(let tracks): return Array(tracks.prefix(limit))
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "\(id) settled a search with something else")
        }
    }

    public func open(_ key: String, startMilliseconds: UInt64) async throws(PluginFailure) -> PluginMedia {
        nonisolated(unsafe) let table = table
        let outcome = await host.run(instance, .open, deadline: Self.openDeadline, hint: hint) { instance, task in
            let lent = Lent()
            return withExtendedLifetime(lent) {
                table.pointee.open?(instance, task, lent.string(key), startMilliseconds) ?? TB_E_UNSUPPORTED
            }
        }
        switch outcome {
        case .media(let media): return media
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "\(id) settled an open with something else")
        }
    }

    /// The track's picture, nil where there is none.
    public func artwork(_ key: String) async -> (type: String, bytes: [UInt8])? {
        guard let artwork = table.pointee.artwork else { return nil }
        nonisolated(unsafe) let call = artwork
        let outcome = await host.run(instance, .artwork, deadline: Self.resolveDeadline, hint: hint) { instance, task in
            let lent = Lent()
            return withExtendedLifetime(lent) { call(instance, task, lent.string(key)) }
        }
        if case .artwork(let type, let bytes) = outcome { return (type, bytes) }
        return nil
    }
}
