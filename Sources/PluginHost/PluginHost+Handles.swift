import CTimmyBot

/// The smaller things that plugins offer: recommendations, lyrics, and whether they are well.
extension PluginHost {
    /// Plugins that recommend, sorted by id.
    public var recommenders: [RecommendHandle] {
        instances.compactMap { instance in
            instance.extensionTable(TB_EXT_RECOMMEND, as: tb_recommend_v1.self).map {
                RecommendHandle(instance: instance, table: $0, host: self)
            }
        }
    }

    /// Plugins that know lyrics, sorted by id.
    public var lyricists: [LyricsHandle] {
        instances.compactMap { instance in
            instance.extensionTable(TB_EXT_LYRICS, as: tb_lyrics_v1.self).map {
                LyricsHandle(instance: instance, table: $0, host: self)
            }
        }
    }

    /// Plugins that can say how they are, sorted by id.
    public var patients: [HealthHandle] {
        instances.compactMap { instance in
            instance.extensionTable(TB_EXT_HEALTH, as: tb_health_v1.self).map {
                HealthHandle(instance: instance, table: $0, host: self)
            }
        }
    }
}

/// What could come next, by one plugin.
public struct RecommendHandle: Sendable {
    static let deadline = Duration.seconds(15)
    static let maximumSeeds = 5

    let instance: PluginInstance
    nonisolated(unsafe) let table: UnsafePointer<tb_recommend_v1>
    let host: PluginHost

    public var id: String { instance.id }
    /// Whether its own source opens what it recommends; else the host looks the titles up.
    public var hasSource: Bool { instance.extensionTable(TB_EXT_SOURCE, as: tb_source_v1.self) != nil }

    /// Tracks that go with `seeds`, newest first, of which the first five count.
    public func recommend(_ seeds: [PluginTrack], limit: Int) async throws(PluginFailure) -> [PluginTrack] {
        let seeds = Array(seeds.prefix(Self.maximumSeeds))
        guard !seeds.isEmpty, limit > 0, let function = table.pointee.recommend else {
            throw PluginFailure(code: TB_E_UNSUPPORTED, detail: "\(id): nothing to recommend from")
        }
        let outcome = await host.run(
            instance, .resolve, deadline: Self.deadline, hint: instanceHint(table.pointee.cancel)
        ) { instance, task in
            let lent = Lent()
            let list = lent.array(seeds.map { lent.track($0) })
            return withExtendedLifetime(lent) { function(instance, task, list, seeds.count, UInt32(clamping: limit)) }
        }
        switch outcome {
        case .tracks(let tracks): return Array(tracks.prefix(limit))
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "\(id) settled a recommendation with something else")
        }
    }
}

/// The words of songs, by one plugin.
public struct LyricsHandle: Sendable {
    static let deadline = Duration.seconds(15)

    let instance: PluginInstance
    nonisolated(unsafe) let table: UnsafePointer<tb_lyrics_v1>
    let host: PluginHost

    public var id: String { instance.id }

    /// Fails with `TB_E_NOT_FOUND` where the plugin does not know the song.
    public func lyrics(of track: PluginTrack) async throws(PluginFailure) -> PluginLyrics {
        guard let function = table.pointee.lyrics else {
            throw PluginFailure(code: TB_E_UNSUPPORTED, detail: "\(id): has no lyrics function")
        }
        let outcome = await host.run(
            instance, .lyrics, deadline: Self.deadline, hint: instanceHint(table.pointee.cancel)
        ) { instance, task in
            let lent = Lent()
            var raw = lent.track(track)
            return withExtendedLifetime(lent) { function(instance, task, &raw) }
        }
        switch outcome {
        case .lyrics(let lyrics): return lyrics
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "\(id) settled a search for lyrics with something else")
        }
    }
}

/// Whether one plugin can do its work right now.
public struct HealthHandle: Sendable {
    static let deadline = Duration.seconds(10)

    let instance: PluginInstance
    nonisolated(unsafe) let table: UnsafePointer<tb_health_v1>
    let host: PluginHost

    public var id: String { instance.id }

    /// A note for the operator, often empty; fails with what is wrong.
    public func check() async throws(PluginFailure) -> String {
        guard let function = table.pointee.check else {
            throw PluginFailure(code: TB_E_UNSUPPORTED, detail: "\(id): has no check function")
        }
        let outcome = await host.run(instance, .health, deadline: Self.deadline) { function($0, $1) }
        switch outcome {
        case .healthy(let note): return note
        case .failed(let failure): throw failure
        default: throw PluginFailure(detail: "\(id) settled a health check with something else")
        }
    }
}
