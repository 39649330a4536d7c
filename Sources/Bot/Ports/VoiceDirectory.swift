import DiscordGateway
import DiscordModel
import DiscordREST
import Foundation
import TimmyCore

/// The voice port of each guild.
final class VoiceDirectory: VoicePorts, Sendable {
    private let parts: VoiceParts
    private let ports = PortTable()

    init(_ parts: VoiceParts) { self.parts = parts }

    func port(for guild: GuildID, events: @escaping @Sendable (TimmyCore.VoiceEvent) -> Void) -> any VoicePort {
        let port = GuildVoice(guild: DiscordModel.Snowflake(rawValue: guild.rawValue), parts: parts, tell: events)
        ports.set(guild, port)
        return port
    }

    var all: [GuildVoice] { ports.all }
    func existing(_ guild: GuildID) -> GuildVoice? { ports.get(guild) }
    /// Only where the guild's port is still this one.
    func forget(_ guild: GuildID, _ port: GuildVoice) { ports.remove(guild, port) }
}

/// Op 4 over the shard, and stages over REST.
struct ShardVoiceGateway: VoiceGateway {
    let shard: GatewayShard
    let rest: RESTClient

    func updateVoiceState(
        guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake?, sent: @escaping @Sendable () -> Void
    ) async { await shard.updateVoiceState(guild: guild, channel: channel, sent: sent) }

    var standingSession: Int? { get async { await shard.standingSession } }

    /// As a moderator of the stage at once, else by raising a hand.
    func speakOnStage(guild: DiscordModel.Snowflake, channel: DiscordModel.Snowflake) async -> StageAnswer {
        do {
            try await rest.modifyCurrentUserVoiceState(guild: guild, channel: channel, suppress: false)
            return .speaking
        } catch {
            let now = Date().formatted(.iso8601)
            do {
                try await rest.modifyCurrentUserVoiceState(
                    guild: guild, channel: channel, suppress: true, requestToSpeak: now)
                return .asked
            } catch {
                return .refused("\(error)")
            }
        }
    }
}
