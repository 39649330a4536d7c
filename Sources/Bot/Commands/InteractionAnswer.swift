import DiscordModel
import DiscordREST
import Logging

/// The part of REST that answers interactions; tests put a double in its place.
protocol InteractionREST: Sendable {
    func createInteractionResponse(
        _ interaction: DiscordModel.Snowflake, token: String, type: Int, data: JSONValue?, attachments: [Attachment]
    ) async throws
    func editOriginalResponse(
        application: DiscordModel.Snowflake, token: String, _ message: JSONValue, attachments: [Attachment]
    ) async throws -> JSONValue
    func createFollowup(
        application: DiscordModel.Snowflake, token: String, _ message: JSONValue, attachments: [Attachment]
    ) async throws -> JSONValue
}

extension RESTClient: InteractionREST {}

/// Answers one interaction: at once, or deferred when the work takes longer than Discord waits.
actor InteractionAnswer {
    private enum State { case fresh, deferring(Task<Void, Never>), deferred, answered }

    private let interaction: Interaction
    private let rest: any InteractionREST
    private let logger: Logger
    private var state = State.fresh

    init(_ interaction: Interaction, rest: any InteractionREST, logger: Logger) {
        self.interaction = interaction
        self.rest = rest
        self.logger = logger
    }

    private var isComponent: Bool { interaction.type == InteractionType.component }

    /// Tells Discord that the bot is at work, unless it has answered already.
    func deferIfNeeded() async {
        guard case .fresh = state else { return }
        let type = isComponent ? InteractionCallbackType.deferredUpdate : InteractionCallbackType.deferredMessage
        let task = Task { await self.callback(type, nil, []) }
        state = .deferring(task)
        await task.value
        if case .deferring = state { state = .deferred }
    }

    /// - Parameter update: changes the message of the component instead of sending another one.
    func send(_ message: MessageBuilder.Message, update: Bool, isError: Bool = false) async {
        if case .deferring(let task) = state { await task.value }
        switch state {
        case .answered: return
        case .fresh:
            state = .answered
            let type = update && isComponent ? InteractionCallbackType.update : InteractionCallbackType.message
            await callback(type, message.body, message.attachments)
        case .deferred, .deferring:
            state = .answered
            await late(message, update: update, isError: isError)
        }
    }

    /// After a deferral: a component's update edits its message, and what is not one must not overwrite it.
    private func late(_ message: MessageBuilder.Message, update: Bool, isError: Bool) async {
        do {
            if isComponent && !update {
                _ = try await rest.createFollowup(
                    application: interaction.applicationID, token: interaction.token, message.body,
                    attachments: message.attachments)
            } else {
                _ = try await rest.editOriginalResponse(
                    application: interaction.applicationID, token: interaction.token, message.body.withoutEphemeral,
                    attachments: message.attachments)
            }
        } catch {
            logger.warning("interaction: \(error)")
        }
    }

    func choices(_ choices: [JSONValue]) async {
        state = .answered
        await callback(InteractionCallbackType.autocomplete, ["choices": .array(choices)], [])
    }

    private func callback(_ type: Int, _ data: JSONValue?, _ attachments: [Attachment]) async {
        do {
            try await rest.createInteractionResponse(
                interaction.id, token: interaction.token, type: type, data: data, attachments: attachments)
        } catch {
            logger.warning("interaction: \(error)")
        }
    }
}

extension JSONValue {
    /// An edit cannot change who sees a message.
    fileprivate var withoutEphemeral: JSONValue {
        guard case .object(var members) = self, let flags = members["flags"]?.int else { return self }
        members["flags"] = .int(flags & ~Int64(MessageFlags.ephemeral.rawValue))
        return .object(members)
    }
}
