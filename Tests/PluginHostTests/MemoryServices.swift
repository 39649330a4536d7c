import CTimmyBot
import Dispatch
import Synchronization

@testable import PluginHost

/// In memory, and on demand broken.
final class MemoryStore: StoreService {
    let state = Mutex<(values: [[UInt8]: [UInt8]], owners: Set<String>, isBroken: Bool)>(([:], [], false))

    func perform(
        _ operation: StoreOperation, for plugin: String,
        done: @escaping @Sendable (Result<StoreAnswer, PluginFailure>) -> Void
    ) {
        let result: Result<StoreAnswer, PluginFailure> = state.withLock { state in
            state.owners.insert(plugin)
            if state.isBroken { return .failure(PluginFailure(code: TB_E_IO, detail: "full")) }
            switch operation {
            case .get(let key):
                return .success(StoreAnswer(isFound: state.values[key] != nil, value: state.values[key] ?? []))
            case .set(let key, let value):
                return .success(StoreAnswer(isFound: state.values.updateValue(value, forKey: key) != nil))
            case .remove(let key):
                return .success(StoreAnswer(isFound: state.values.removeValue(forKey: key) != nil))
            case .keys(let prefix):
                let keys = state.values.keys.filter { $0.starts(with: prefix) }
                return .success(
                    StoreAnswer(isFound: !keys.isEmpty, keys: keys.sorted { $0.lexicographicallyPrecedes($1) }))
            }
        }
        done(result)
    }
}

/// Settings in memory, with the quota of the header.
final class MemorySettings: SettingsService, HistoryService, Sendable {
    private let values = Mutex<[String: [String: String]]>([:])

    func settings(of plugin: String, guild: UInt64, done: @escaping Done) {
        let all = values.withLock { $0["\(plugin) \(guild)"] ?? [:] }
        let list = all.sorted { $0.key < $1.key }.map { PluginSetting(key: $0.key, value: $0.value) }
        DispatchQueue.global().async { done(.success(list)) }
    }

    func set(_ setting: PluginSetting, of plugin: String, guild: UInt64, done: @escaping Done) {
        values.withLock { $0["\(plugin) \(guild)", default: [:]][setting.key] = setting.value }
        settings(of: plugin, guild: guild, done: done)
    }

    func recent(_ limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginPlayed] {
        (0..<min(limit, 2)).map {
            PluginPlayed(
                track: PluginTrack(key: "t", title: "Song\($0)", artist: "", durationMilliseconds: 0), source: "lib",
                requestedBy: call.user, playedAt: 0)
        }
    }
}

/// A player that plays nothing and tells what it was asked for.
final class EchoPlayer: PlayerService, Sendable {
    private func snapshot(_ said: String) -> PlayerSnapshot {
        var snapshot = PlayerSnapshot()
        snapshot.current = Self.track(said)
        snapshot.filter = "soft"
        return snapshot
    }

    private static func track(_ said: String) -> PluginTrack {
        PluginTrack(key: "k", title: said, artist: "", durationMilliseconds: 1)
    }

    func play(_ query: String, _ mode: PlayMode, for call: PluginInvocation) async throws(PluginFailure)
        -> PlayerAddition
    {
        PlayerAddition(tracks: [Self.track(query)], place: 3, snapshot: snapshot("\(mode)"))
    }
    func search(_ query: String, limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginFound] {
        [PluginFound(track: Self.track("\(query) \(limit)"), source: "lib")]
    }
    func perform(_ action: PlayerAction, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        snapshot("\(action)")
    }
    func setFilter(_ name: String, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        snapshot("filter \(name)")
    }
    func snapshot(first: Int, count: Int, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
        snapshot("\(count) from \(first)")
    }
}
