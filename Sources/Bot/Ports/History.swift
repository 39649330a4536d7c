import PluginHost
import TimmyCore

/// What was played in a guild, offered to every plugin alike. The keys are tokens of the search service.
extension CorePlayer: HistoryService {
    func recent(_ limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginPlayed] {
        do throws(PlayerError) {
            return try await player.history(GuildID(call.guild), limit: limit).map { played in
                var track = Self.track(played.suggestion.track)
                track.key = played.suggestion.token
                return PluginPlayed(
                    track: track, source: played.suggestion.track.source, requestedBy: played.requestedBy.rawValue,
                    playedAt: played.startedAt?.milliseconds ?? 0)
            }
        } catch {
            throw PluginFailure(error)
        }
    }
}

extension LatePlayer: HistoryService {
    func recent(_ limit: Int, for call: PluginInvocation) async throws(PluginFailure) -> [PluginPlayed] {
        try await ready().recent(limit, for: call)
    }
}
