import DiscordModel
import DiscordREST

/// The part of REST that answers interactions; tests put a double in its place.
protocol InteractionREST: Sendable {
    func createInteractionResponse(
        _ interaction: DiscordModel.Snowflake, token: String, type: Int, data: JSONValue?, attachments: [Attachment]
    ) async throws
    func editOriginalResponse(
        application: DiscordModel.Snowflake, token: String, _ message: JSONValue, attachments: [Attachment]
    ) async throws -> JSONValue
    func deleteOriginalResponse(application: DiscordModel.Snowflake, token: String) async throws
    func createFollowup(
        application: DiscordModel.Snowflake, token: String, _ message: JSONValue, attachments: [Attachment]
    ) async throws -> JSONValue
    func editFollowup(
        application: DiscordModel.Snowflake, token: String, message: DiscordModel.Snowflake, _ body: JSONValue,
        attachments: [Attachment]
    ) async throws -> JSONValue
}

extension RESTClient: InteractionREST {}

/// One interaction's way to Discord: the calls with its ids and token filled in, and each tried twice where trying again
/// can help.
struct InteractionWire: Sendable {
    let interaction: Interaction
    let rest: any InteractionREST

    /// How a first answer went.
    enum Receipt: Sendable, Equatable {
        case taken
        /// Discord has had a first answer before; perhaps this very one, whose receipt was lost.
        case takenBefore
        /// Discord read it and does not want it.
        case refused(String)
        case lost(String)
    }

    func callback(_ type: Int, _ data: JSONValue?, _ attachments: [Attachment] = []) async -> Receipt {
        var receipt = await attempt(type, data, attachments)
        if case .lost = receipt { receipt = await attempt(type, data, attachments) }
        return receipt
    }

    private func attempt(_ type: Int, _ data: JSONValue?, _ attachments: [Attachment]) async -> Receipt {
        do {
            try await rest.createInteractionResponse(
                interaction.id, token: interaction.token, type: type, data: data, attachments: attachments)
            return .taken
        } catch let error as RESTError {
            // 40060: "Interaction has already been acknowledged."
            if error.discordCode == 40060 { return .takenBefore }
            return error.status == 400 ? .refused("\(error)") : .lost("\(error)")
        } catch {
            return .lost("\(error)")
        }
    }

    func editOriginal(_ message: MessageBuilder.Message) async throws {
        _ = try await rest.editOriginalResponse(
            application: interaction.applicationID, token: interaction.token, message.body.withoutEphemeral,
            attachments: message.attachments)
    }

    func deleteOriginal() async throws {
        try await rest.deleteOriginalResponse(application: interaction.applicationID, token: interaction.token)
    }

    /// - Returns: the new message's id.
    func followUp(_ message: MessageBuilder.Message) async throws -> DiscordModel.Snowflake? {
        do {
            return try await sendFollowUp(message)
        } catch let error as RESTError where error.status.map({ $0 >= 500 }) ?? (error.kind == .unreachable) {
            // Two of the same are better than none.
            return try await sendFollowUp(message)
        }
    }

    private func sendFollowUp(_ message: MessageBuilder.Message) async throws -> DiscordModel.Snowflake? {
        try await rest.createFollowup(
            application: interaction.applicationID, token: interaction.token, message.body,
            attachments: message.attachments)["id"]?.snowflake
    }

    func edit(_ id: DiscordModel.Snowflake, _ message: MessageBuilder.Message) async throws {
        _ = try await rest.editFollowup(
            application: interaction.applicationID, token: interaction.token, message: id,
            message.body.withoutEphemeral, attachments: message.attachments)
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
