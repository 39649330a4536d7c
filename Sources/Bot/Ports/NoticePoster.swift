import DiscordModel
import Logging
import TimmyCore

/// Tells people what nobody asked for but somebody has to know: as a message in the text channel that the last command
/// came from, where the bot may write there; in the log in any case.
struct NoticePoster: Sendable {
    /// Notices that may wait in one guild while Discord lets no more of them in; further ones are in the log only.
    static let maximumWaiting = 8

    let hub: UpdateHub
    let cache: GuildCache
    let logger: Logger
    /// Sends a message to a channel.
    let send: @Sendable (DiscordModel.Snowflake, JSONValue) async throws -> Void
    private let work = GuildWork(limit: maximumWaiting)

    init(
        hub: UpdateHub, cache: GuildCache, logger: Logger,
        send: @escaping @Sendable (DiscordModel.Snowflake, JSONValue) async throws -> Void
    ) {
        (self.hub, self.cache, self.logger, self.send) = (hub, cache, logger, send)
    }

    /// Runs until the hub is finished or the task is cancelled. Waits for nobody, so that no guild's news are missed for
    /// another's.
    func run() async {
        let news = hub.updates(buffered: 1_000) { update in
            update.notices.contains { Self.text(for: $0) != nil }
        }
        for await update in news {
            for notice in update.notices { tell(notice, update.snapshot) }
        }
    }

    private func tell(_ notice: Notice, _ snapshot: GuildSnapshot) {
        guard let text = Self.text(for: notice) else { return }
        logger.notice("guild \(snapshot.guild): \(text)")
        guard let channel = snapshot.textChannel.map({ DiscordModel.Snowflake(rawValue: $0.rawValue) }) else { return }
        let isTaken = work.add(snapshot.guild) { await post(text, in: channel, of: snapshot.guild) }
        if !isTaken { logger.warning("guild \(snapshot.guild): too many notices wait; that one is not posted") }
    }

    private func post(_ text: String, in channel: DiscordModel.Snowflake, of guild: GuildID) async {
        guard
            cache.ownPermissions(in: channel, of: DiscordModel.Snowflake(rawValue: guild.rawValue))?
                .contains([.viewChannel, .sendMessages]) == true
        else { return }
        do {
            try await send(channel, ["content": .string(text), "allowed_mentions": ["parse": []]])
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
