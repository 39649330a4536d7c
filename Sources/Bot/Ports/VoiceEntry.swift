import DiscordModel
import TimmyCore

/// Whether the bot may enter a voice channel and be heard there, from what the cache knows.
enum VoiceEntry {
    /// - Parameter isThere: the bot is in the channel already, so that it needs no room.
    static func check(
        _ channel: DiscordModel.Snowflake, of guild: DiscordModel.Snowflake, in cache: GuildCache, isThere: Bool
    ) throws(PlayerError) {
        guard let found = cache.channel(channel, in: guild),
            let permissions = cache.ownPermissions(in: channel, of: guild)
        else {
            throw PlayerError(
                .cannotConnect, "unknown channel \(channel)", user: "I cannot see that channel.",
                retry: .afterUserAction)
        }
        guard permissions.contains([.viewChannel, .connect]) else {
            throw PlayerError(
                .cannotConnect, "no CONNECT in \(channel)", user: "I am not allowed to join that channel.",
                retry: .afterUserAction)
        }
        try checkSpeaking(found.type, permissions, channel)
        let full = found.userLimit > 0 && cache.occupants(of: channel, in: guild) >= found.userLimit && !isThere
        guard !full || permissions.contains(.moveMembers) else {
            throw PlayerError(
                .channelFull, "channel \(channel) is full", user: "That channel is full.", retry: .afterUserAction)
        }
    }

    /// On a stage nobody speaks by SPEAK alone: a bot asks to, or lifts its own suppression.
    private static func checkSpeaking(
        _ type: Int, _ permissions: Permissions, _ channel: DiscordModel.Snowflake
    ) throws(PlayerError) {
        guard type == ChannelType.stage else {
            guard permissions.contains(.speak) else {
                throw PlayerError(
                    .cannotSpeak, "no SPEAK in \(channel)", user: "I am not allowed to speak in that channel.",
                    retry: .afterUserAction)
            }
            return
        }
        guard permissions.contains(.requestToSpeak) || permissions.contains(.muteMembers) else {
            throw PlayerError(
                .cannotSpeak, "neither REQUEST_TO_SPEAK nor MUTE_MEMBERS in stage \(channel)",
                user:
                    "I am not allowed to speak on that stage. Someone has to give me the Request to Speak permission there.",
                retry: .afterUserAction)
        }
    }
}
