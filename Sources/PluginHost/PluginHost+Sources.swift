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
        let outcome = await host.run(instance, kind, deadline: deadline, hint: instanceHint(raw.pointee.cancel)) {
            created, task in
            let lent = Lent()
            return withExtendedLifetime(lent) { body(table.pointee, created, task, lent) }
        }
        return host.cameTooLate(outcome, for: instance) ? try await run(kind, deadline, body) : outcome
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

    /// The picture at an address that the plugin gave, fetched as if by the plugin; nil where there is none, or something
    /// that is no picture.
    public func picture(at url: String) async -> (type: String, bytes: [UInt8])? {
        guard url.hasPrefix("https://"), let instance = host.current(id) else { return nil }
        var request = HTTPFetchRequest(url: url)
        request.limit = PictureType.maximumSize
        request.totalTimeout = Self.resolveDeadline
        guard let (head, body) = try? await host.services.http.fetchAll(request, for: instance.ports.caller),
            head.status == 200, let type = PictureType.of(body)
        else { return nil }
        return (type, body)
    }
}

/// What kind of picture some bytes are, whatever anybody says about them.
enum PictureType {
    static let maximumSize: UInt64 = 4 << 20

    /// Nil for anything but PNG (its specification, section 5.2) and JPEG (SOI and a marker, ITU-T T.81, B.1.1.2).
    static func of(_ bytes: [UInt8]) -> String? {
        guard bytes.count <= maximumSize else { return nil }
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        return nil
    }
}
