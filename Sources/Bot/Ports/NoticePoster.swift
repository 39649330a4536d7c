import DiscordModel
import DiscordREST
import Logging
import TimmyCore

/// Tells people what nobody asked for but somebody has to know: as a message in the text channel that the last command
/// came from, where the bot may write there; in the log in any case.
struct NoticePoster: Sendable {
    let hub: UpdateHub
    let cache: GuildCache
    let rest: RESTClient
    let logger: Logger

    /// Runs until the hub is finished or the task is cancelled.
    func run() async {
        for await update in hub.updates(buffered: 1_000) {
            for notice in update.notices { await post(notice, update.snapshot) }
        }
    }

    private func post(_ notice: Notice, _ snapshot: GuildSnapshot) async {
        guard let text = Self.text(for: notice) else { return }
        let guild = DiscordModel.Snowflake(rawValue: snapshot.guild.rawValue)
        logger.notice("guild \(guild): \(text)")
        guard let channel = snapshot.textChannel.map({ DiscordModel.Snowflake(rawValue: $0.rawValue) }),
            cache.ownPermissions(in: channel, of: guild)?.contains([.viewChannel, .sendMessages]) == true
        else { return }
        do {
            _ = try await rest.createMessage(
                channel: channel, ["content": .string(text), "allowed_mentions": ["parse": []]])
        } catch {
            logger.warning("guild \(guild): the notice could not be posted: \(error)")
        }
    }

    /// Plain words; nil for what the cards show, or what is nobody's business.
    static func text(for notice: Notice) -> String? {
        switch notice {
        case .waitingToSpeak(let channel):
            "I have asked to speak in <#\(channel.rawValue)>. The music starts when a moderator of the stage lets me."
        case .reconnectFailed(let error), .gaveUp(let error): error.userMessage
        case .trackFailed(let entry, let error):
            "⚠️ I could not play **\(MessageBuilder.plain(entry.track.title, limit: 100))**. \(error.shownToUser)"
        case .seekFailed(let entry, let error):
            "⚠️ I could not go there in **\(MessageBuilder.plain(entry.track.title, limit: 100))**. \(error.shownToUser)"
        default: nil
        }
    }
}
