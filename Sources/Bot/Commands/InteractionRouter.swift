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
    let owners: OwnerBook
    let order: ArrivalOrder
    /// Files of the plugin folder that were not loaded.
    let refused: Slot<[PluginReport]>
    let health: HealthWatch
    let logger: Logger
    var clock: any Clock<Duration> = ContinuousClock()
    let group = InteractionGroup()

    // MARK: Arrival

    /// Takes an interaction in the order of arrival and returns at once; what follows is tracked by `group`.
    func accept(_ interaction: Interaction) {
        guard let call = call(interaction) else { return turnAway(interaction, "I only work in servers.") }
        guard !group.isClosed else {
            return turnAway(interaction, "I am about to restart. Please try again in a minute.")
        }
        guard player.allowlist.isApproved(GuildID(call.guild)) else {
            return turnAway(
                interaction, PlayerError.unapproved(DiscordModel.Snowflake(rawValue: call.guild)).shownToUser)
        }
        if interaction.type == InteractionType.autocomplete {
            _ = start { await autocomplete(interaction, call) }
            return
        }
        let ticket = order.arrive(call, hints: Set(interaction.options.compactMap(\.hint) + interaction.values))
        let arrival = Arrival(Self.patience, on: clock) { order.leave(ticket) }
        let isTaken = start {
            await order.turn(ticket)
            await handle(interaction, call, arrival)
            arrival.end()
        }
        if !isTaken { arrival.end() }
    }

    private func turnAway(_ interaction: Interaction, _ text: String) {
        _ = start { await refuse(text, interaction) }
    }

    private func start(_ body: @escaping @Sendable () async -> Void) -> Bool {
        let isTaken = group.start(body)
        if !isTaken { logger.warning("an interaction was dropped: \(InteractionGroup.maximum) are under way") }
        return isTaken
    }

    /// Returns when no interaction is under way.
    func idle() async { await group.idle() }

    /// Refuses new interactions, waits for those under way and cancels what is left after `limit`; answers how many.
    func drain(within limit: Duration) async -> Int { await group.drain(within: limit, clock: clock) }

    /// Nil outside of guilds.
    private func call(_ interaction: Interaction) -> PluginInvocation? {
        guard let guild = interaction.guildID else { return nil }
        return PluginInvocation(
            guild: guild.rawValue, channel: interaction.channelID?.rawValue ?? 0, user: interaction.userID.rawValue,
            voiceChannel: cache.voiceChannel(of: interaction.userID, in: guild)?.rawValue ?? 0,
            permissions: interaction.permissions.rawValue, isOwner: owners.known.contains(interaction.userID),
            locale: interaction.locale,
            command: interaction.command ?? interaction.customID.flatMap(MessageBuilder.split)?.rest ?? "")
    }

    private func refuse(_ text: String, _ interaction: Interaction) async {
        let answer = InteractionAnswer(interaction, rest: rest, clock: clock, logger: logger)
        if interaction.type == InteractionType.autocomplete { return await answer.finish(.choices([])) }
        await answer.send(MessageBuilder.text(text, ephemeral: true), update: false, isError: true)
    }
}

// MARK: Kinds of interactions

extension InteractionRouter {
    private func handle(_ interaction: Interaction, _ call: PluginInvocation, _ arrival: Arrival) async {
        switch interaction.type {
        case InteractionType.command: await command(interaction, call, arrival)
        case InteractionType.component: await component(interaction, call, arrival)
        case InteractionType.modal: await modal(interaction, call, arrival)
        default: await refuse("I do not know this kind of interaction.", interaction)
        }
    }

    private func autocomplete(_ interaction: Interaction, _ call: PluginInvocation) async {
        let answer = InteractionAnswer(interaction, rest: rest, clock: clock, logger: logger)
        guard let name = interaction.command, let option = interaction.options.first(where: \.focused),
            let parameter = plugins.commands.first(where: { $0.name == name })?.parameters
                .first(where: { $0.name == option.name })
        else { return await answer.finish(.choices([])) }
        let choices = await plugins.autocomplete(name, option: option.name, text: option.value.text, call)
        await answer.finish(.choices(choices.compactMap { $0.wire(parameter.type) }))
    }

    private func command(_ interaction: Interaction, _ call: PluginInvocation, _ arrival: Arrival) async {
        guard let name = interaction.command else { return await refuse("This command has no name.", interaction) }
        if name == PluginsCommand.name { return await showPlugins(interaction, arrival) }
        let command = plugins.commands.first { $0.name == name }
        var arguments: [String: PluginValue] = [:]
        for option in interaction.options { arguments[option.name] = PluginValue(option) }
        await run(command?.plugin ?? "", interaction, call, isPrivate: command?.isPrivate ?? false, arrival) {
            call, answer async throws(PluginFailure) in
            if command?.isOwnerOnly == true { try await checkOwner(interaction.userID) }
            return try await plugins.invoke(name, call, arguments, channel: answer)
        }
    }

    private func component(_ interaction: Interaction, _ call: PluginInvocation, _ arrival: Arrival) async {
        guard let id = interaction.customID, let (plugin, rest) = MessageBuilder.split(id) else {
            return await refuse("This button does nothing any more.", interaction)
        }
        await run(plugin, interaction, call, arrival) { call, answer async throws(PluginFailure) in
            try await plugins.component(
                plugin: plugin, customID: rest, values: interaction.values, call, channel: answer)
        }
    }

    private func modal(_ interaction: Interaction, _ call: PluginInvocation, _ arrival: Arrival) async {
        guard let id = interaction.customID, let (plugin, rest) = MessageBuilder.split(id) else {
            return await refuse("This form does nothing any more.", interaction)
        }
        let fields = interaction.fields.map { PluginField(customID: $0.customID, value: $0.value) }
        await run(plugin, interaction, call, arrival) { call, answer async throws(PluginFailure) in
            try await plugins.modal(plugin: plugin, customID: rest, fields: fields, call, channel: answer)
        }
    }

    private func showPlugins(_ interaction: Interaction, _ arrival: Arrival) async {
        let answer = InteractionAnswer(interaction, isPrivate: true, rest: rest, clock: clock, logger: logger)
        await patiently(answer, since: arrival) {
            do throws(PluginFailure) {
                try await checkOwner(interaction.userID)
                let message = PluginsCommand.message(
                    plugins.statuses, refused: refused.get() ?? [], ailing: health.ailing)
                await answer.send(message, update: false)
            } catch {
                await answer.send(MessageBuilder.text(error.userText, ephemeral: true), update: false, isError: true)
            }
        }
    }

    private func checkOwner(_ user: DiscordModel.Snowflake) async throws(PluginFailure) {
        guard await owners.isOwner(user) else {
            throw PluginFailure(
                code: -5, userText: "Only the person who runs this bot may use this command.",
                detail: "user \(user) does not run the bot")
        }
    }
}

// MARK: Running a call

extension InteractionRouter {
    /// Runs `body`; where the interaction is not answered in good time, Discord is told that the bot is at work.
    private func patiently(_ answer: InteractionAnswer, since arrival: Arrival, _ body: () async -> Void) async {
        // Ends with the arrival, at the latest.
        Task { if await arrival.isDue() { answer.deferIfNeeded() } }
        await body()
    }

    private func run(
        _ plugin: String, _ interaction: Interaction, _ call: PluginInvocation, isPrivate: Bool = false,
        _ arrival: Arrival,
        _ body: (PluginInvocation, InteractionAnswer) async throws(PluginFailure) -> PluginAnswer
    ) async {
        let answer = InteractionAnswer(
            interaction, plugin: plugin, isPrivate: isPrivate, rest: rest, clock: clock, logger: logger
        ) { reply async throws(PluginFailure) in
            try await MessageBuilder.message(reply, plugin: plugin) { await artwork(call) }
        }
        await patiently(answer, since: arrival) {
            let outcome: Result<PluginAnswer, PluginFailure>
            do throws(PluginFailure) {
                defer { arrival.settled() }
                outcome = .success(try await body(call, answer))
            } catch {
                outcome = .failure(error)
            }
            await tell(outcome, of: plugin, call, answer)
        }
    }

    private func tell(
        _ outcome: Result<PluginAnswer, PluginFailure>, of plugin: String, _ call: PluginInvocation,
        _ answer: InteractionAnswer
    ) async {
        do throws(PluginFailure) {
            switch try outcome.get() {
            case .message(let reply):
                let message = try await MessageBuilder.message(reply, plugin: plugin) { await artwork(call) }
                await answer.send(message, update: reply.isUpdate)
            case .modal(let json): await answer.finish(.modal(MessageBuilder.modal(json, plugin: plugin).body))
            }
        } catch {
            logger.info("\(plugin): \(error.detail)")
            let text = error.userText.isEmpty ? InteractionAnswer.failed : error.userText
            await answer.send(MessageBuilder.text(text, ephemeral: true), update: false, isError: true)
        }
    }

    /// The picture of the track that plays in the call's guild.
    private func artwork(_ call: PluginInvocation) async -> (type: String, bytes: [UInt8])? {
        guard let snapshot = try? await player.snapshot(GuildID(call.guild)), let track = snapshot.current?.track,
            track.artwork != nil, let source = plugins.sources.first(where: { $0.id == track.source })
        else { return nil }
        return await PluginSource(handle: source).artwork(track)
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

extension JSONValue {
    /// What a user typed in an option: numbers arrive as such once they are complete.
    fileprivate var text: String {
        switch self {
        case .string(let text): text
        case .int(let number): String(number)
        case .double(let number): String(number)
        default: ""
        }
    }
}

extension Interaction.Option {
    fileprivate var hint: String? { value.text.isEmpty ? nil : value.text }
}
