import DiscordModel
import Foundation
import Logging
import PluginHost
import TimmyCore

/// From an interaction to a plugin and back.
struct InteractionRouter: Sendable {
    /// Discord waits three seconds for a first answer; after this the bot says that it is at work.
    static let patience = Duration.milliseconds(1_800)

    let plugins: PluginHost
    let player: Player
    let cache: GuildCache
    let rest: any InteractionREST
    let logger: Logger
    var clock: any Clock<Duration> = ContinuousClock()

    func handle(_ interaction: Interaction) async {
        let answer = InteractionAnswer(interaction, rest: rest, logger: logger)
        guard let guild = interaction.guildID else {
            return await refuse("I only work in servers.", interaction, answer)
        }
        guard player.allowlist.isApproved(GuildID(guild.rawValue)) else {
            let error = PlayerError.unapproved(guild)
            return await refuse(error, interaction, answer)
        }
        let call = PluginInvocation(
            guild: guild.rawValue, channel: interaction.channelID?.rawValue ?? 0, user: interaction.userID.rawValue,
            voiceChannel: cache.voiceChannel(of: interaction.userID, in: guild)?.rawValue ?? 0,
            locale: interaction.locale)
        switch interaction.type {
        case InteractionType.autocomplete: await autocomplete(interaction, call, answer)
        case InteractionType.command: await command(interaction, call, answer)
        case InteractionType.component: await component(interaction, call, answer)
        default: await refuse("I do not know this kind of interaction.", interaction, answer)
        }
    }

    private func refuse(_ text: String, _ interaction: Interaction, _ answer: InteractionAnswer) async {
        if interaction.type == InteractionType.autocomplete { return await answer.choices([]) }
        await answer.send(MessageBuilder.text(text, ephemeral: true), update: false, isError: true)
    }

    private func autocomplete(_ interaction: Interaction, _ call: PluginInvocation, _ answer: InteractionAnswer) async {
        guard let name = interaction.command, let option = interaction.options.first(where: \.focused) else {
            return await answer.choices([])
        }
        let choices = await plugins.autocomplete(name, option: option.name, text: option.value.string ?? "", call)
        await answer.choices(choices.map { ["name": .string($0.name), "value": .string($0.value)] })
    }

    private func command(_ interaction: Interaction, _ call: PluginInvocation, _ answer: InteractionAnswer) async {
        guard let name = interaction.command else {
            return await refuse("This command has no name.", interaction, answer)
        }
        var arguments: [String: PluginValue] = [:]
        for option in interaction.options { arguments[option.name] = PluginValue(option) }
        let plugin = plugins.commands.first { $0.name == name }?.plugin ?? ""
        await run(plugin, call, answer) { () async throws(PluginFailure) in
            try await plugins.invoke(name, call, arguments)
        }
    }

    private func component(_ interaction: Interaction, _ call: PluginInvocation, _ answer: InteractionAnswer) async {
        guard let id = interaction.customID, let (plugin, rest) = MessageBuilder.split(id) else {
            return await refuse("This button does nothing any more.", interaction, answer)
        }
        await run(plugin, call, answer) { () async throws(PluginFailure) in
            try await plugins.component(plugin: plugin, customID: rest, values: interaction.values, call)
        }
    }

    private func run(
        _ plugin: String, _ call: PluginInvocation, _ answer: InteractionAnswer,
        _ body: () async throws(PluginFailure) -> PluginAnswer
    ) async {
        let timer = Task { [clock] in
            do { try await clock.sleep(for: Self.patience) } catch { return }
            await answer.deferIfNeeded()
        }
        defer { timer.cancel() }
        do throws(PluginFailure) {
            guard case .message(let reply) = try await body() else {
                throw PluginFailure(code: -3, detail: "modals cannot be shown yet")
            }
            let message = try await MessageBuilder.message(reply, plugin: plugin) { await artwork(call) }
            timer.cancel()
            await answer.send(message, update: reply.isUpdate)
        } catch {
            timer.cancel()
            logger.info("\(plugin): \(error.detail)")
            let text = error.userText.isEmpty ? "Something went wrong. Please try again." : error.userText
            await answer.send(MessageBuilder.text(text, ephemeral: true), update: false, isError: true)
        }
    }

    /// The picture of the track that plays in the call's guild.
    private func artwork(_ call: PluginInvocation) async -> (type: String, bytes: [UInt8])? {
        guard let snapshot = try? await player.snapshot(GuildID(call.guild)), let track = snapshot.current?.track,
            track.artwork != nil, let source = plugins.sources.first(where: { $0.id == track.source })
        else { return nil }
        return await source.artwork(track.key)
    }
}

extension InteractionRouter {
    private func refuse(_ error: PlayerError, _ interaction: Interaction, _ answer: InteractionAnswer) async {
        await refuse(error.shownToUser, interaction, answer)
    }
}

extension PlayerError {
    static func unapproved(_ guild: DiscordModel.Snowflake) -> PlayerError {
        PlayerError(
            .notApproved, "guild \(guild) is not approved",
            user:
                "This server is not approved for this bot. Ask the person who runs the bot to approve server \(guild).",
            retry: .afterUserAction)
    }
}

extension PluginValue {
    init?(_ option: Interaction.Option) {
        switch option.value {
        case .string(let text):
            if [6, 7, 8, 9].contains(option.type), let id = UInt64(text) {
                self = .integer(Int64(bitPattern: id))
            } else {
                self = .string(text == PluginChoice.empty ? "" : text)
            }
        case .int(let number): self = .integer(number)
        case .double(let number): self = .number(number)
        case .bool(let flag): self = .integer(flag ? 1 : 0)
        default: return nil
        }
    }
}
