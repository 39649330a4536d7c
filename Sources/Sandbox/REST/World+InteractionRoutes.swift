import DiscordModel

extension SandboxWorld {
    /// Tokens of interactions live a quarter of an hour; the first answer must come within three seconds.
    static let tokenLifetime = 900.0
    static let firstResponse = 3.0

    // MARK: Callback

    func interactionCallback(_ call: RESTCall) -> SandboxResponse {
        guard let id = call.id(1), let interaction = interactions[id], interaction.token == call.path[2],
            now - interaction.createdAt <= Self.firstResponse || interaction.progress != .waiting
        else { return .error(404, 10062, "Unknown interaction") }
        guard interaction.progress == .waiting else {
            return .error(400, 40060, "Interaction has already been acknowledged.")
        }
        guard let type = call.request.json?["type"]?.int, let draft = MessageDraft(call.request, member: "data") else {
            return Self.badJSON
        }
        guard Self.fits(Int(type), interaction.type) else {
            var errors = FormErrors()
            errors.add(
                ["type"], "INTERACTION_CALLBACK_TYPE_INVALID", "This callback type does not fit the interaction.")
            return errors.response
        }
        let refusal = respond(Int(type), draft, interaction)
        if let refusal { return refusal }
        let wanted = ["1", "true"].contains(call.request.query["with_response"]?.lowercased() ?? "")
        return wanted ? callbackBody(Int(type), id) : .empty(204)
    }

    private static func fits(_ callback: Int, _ interaction: Int) -> Bool {
        switch interaction {
        case InteractionType.autocomplete: callback == InteractionCallbackType.autocomplete
        case InteractionType.command: [4, 5, 9].contains(callback)
        case InteractionType.component: [4, 5, 6, 7, 9].contains(callback)
        case InteractionType.modal: [4, 5, 6, 7].contains(callback)
        default: false
        }
    }

    /// Does what the callback says; nil where it was taken.
    private func respond(_ type: Int, _ draft: MessageDraft, _ interaction: SandboxInteraction) -> SandboxResponse? {
        switch type {
        case InteractionCallbackType.message: return respondMessage(draft, interaction)
        case InteractionCallbackType.deferredMessage:
            let made = createMessage(MessageDraft(body: [:]), from: origin(draft, interaction, loading: true))
            interactions[interaction.id]?.original = made.id
            interactions[interaction.id]?.progress = .deferred
        case InteractionCallbackType.deferredUpdate:
            interactions[interaction.id]?.original = interaction.source
            interactions[interaction.id]?.progress = .deferred
        case InteractionCallbackType.update: return respondUpdate(draft, interaction)
        case InteractionCallbackType.autocomplete: return respondChoices(draft.body, interaction)
        default: return respondModal(draft.body, interaction)
        }
        return nil
    }

    private func origin(_ draft: MessageDraft, _ interaction: SandboxInteraction, loading: Bool = false) -> Origin {
        let flags = MessageFlags(rawValue: Int(draft.body["flags"]?.present?.int ?? 0))
        return Origin(
            channel: interaction.channel, guild: interaction.guild, application: interaction.application,
            interaction: interaction, ephemeral: flags.contains(.ephemeral), loading: loading)
    }

    private func respondMessage(_ draft: MessageDraft, _ interaction: SandboxInteraction) -> SandboxResponse? {
        if let refused = MessageRules.check(draft.body, files: draft.names(previous: nil)) { return refused }
        let made = createMessage(draft, from: origin(draft, interaction))
        interactions[interaction.id]?.original = made.id
        finish(interaction.id, made)
        return nil
    }

    private func respondUpdate(_ draft: MessageDraft, _ interaction: SandboxInteraction) -> SandboxResponse? {
        guard let source = interaction.source.flatMap({ message($0, in: interaction.channel) }) else {
            return .error(404, 10008, "Unknown Message")
        }
        if let refused = MessageRules.check(draft.body, files: draft.names(previous: source), previous: source) {
            return refused
        }
        guard let edited = editMessage(source.id, in: source.channel, draft) else {
            return .error(404, 10008, "Unknown Message")
        }
        interactions[interaction.id]?.original = source.id
        finish(interaction.id, edited)
        return nil
    }

    private func respondChoices(_ body: JSONValue, _ interaction: SandboxInteraction) -> SandboxResponse? {
        let choices = body["choices"]?.array ?? []
        var errors = FormErrors()
        errors.count(["data", "choices"], choices.count, 0...Limits.autocompleteChoices)
        for (index, choice) in choices.prefix(30).enumerated() {
            let path = ["data", "choices", String(index)]
            errors.length(path + ["name"], choice["name"]?.string, 1...Limits.choiceText)
            if let text = choice["value"]?.string { errors.length(path + ["value"], text, 1...Limits.choiceText) }
        }
        guard errors.isEmpty else { return errors.response }
        interactions[interaction.id]?.progress = .answered
        fulfil(interaction.id, ["choices": .array(choices)])
        return nil
    }

    private func respondModal(_ body: JSONValue, _ interaction: SandboxInteraction) -> SandboxResponse? {
        if let refused = ModalRules.check(body) { return refused }
        interactions[interaction.id]?.progress = .answered
        let modal = body.merging([
            "interaction_id": .id(interaction.id), "application_id": .id(interaction.application),
            "channel_id": .id(interaction.channel),
        ])
        modals[interaction.user] = (body["custom_id"]?.string ?? "", interaction.application)
        announce("MODAL", modal, only: interaction.user)
        fulfil(interaction.id, modal)
        return nil
    }

    private func finish(_ id: Snowflake, _ message: SandboxMessage) {
        interactions[id]?.progress = .answered
        fulfil(id, .object(message.body))
    }

    private func callbackBody(_ type: Int, _ id: Snowflake) -> SandboxResponse {
        guard let interaction = interactions[id] else { return .empty(204) }
        let original = interaction.original.flatMap { message($0, in: interaction.channel) }
        var info: [String: JSONValue] = ["id": .id(id), "type": .number(interaction.type)]
        var body: [String: JSONValue] = [:]
        if let original {
            let flags = MessageFlags(rawValue: original.flags)
            info["response_message_id"] = .id(original.id)
            info["response_message_loading"] = .bool(flags.contains(.loading))
            info["response_message_ephemeral"] = .bool(flags.contains(.ephemeral))
            body["resource"] = ["type": .number(type), "message": .object(original.body)]
        }
        body["interaction"] = .object(info)
        return .json(200, .object(body))
    }

    // MARK: Webhooks

    func webhook(_ call: RESTCall) -> SandboxResponse {
        let interaction = interactions.values.first { $0.token == call.path[2] && $0.application == call.id(1) }
        guard let interaction, now - interaction.createdAt <= Self.tokenLifetime else {
            return .error(401, 50027, "Invalid Webhook Token")
        }
        guard interaction.progress != .waiting else { return .error(404, 10015, "Unknown Webhook") }
        switch (call.request.method, call.path.count) {
        case ("POST", 3): return followUp(call, interaction)
        case (let method, 5) where call.path[3] == "messages": return webhookMessage(method, call, interaction)
        default: return .notFound
        }
    }

    private func followUp(_ call: RESTCall, _ interaction: SandboxInteraction) -> SandboxResponse {
        guard let draft = MessageDraft(call.request) else { return Self.badJSON }
        if let refused = MessageRules.check(draft.body, files: draft.names(previous: nil)) { return refused }
        // The first follow-up to a deferred answer fills it in.
        if interaction.progress == .deferred, let original = interaction.original, original != interaction.source,
            let edited = editMessage(original, in: interaction.channel, draft)
        {
            finish(interaction.id, edited)
            return .json(200, .object(edited.body))
        }
        let made = createMessage(draft, from: origin(draft, interaction))
        return .json(200, .object(made.body))
    }

    private func webhookMessage(
        _ method: String, _ call: RESTCall, _ interaction: SandboxInteraction
    ) -> SandboxResponse {
        let wanted = call.path[4] == "@original" ? interaction.original : call.id(4)
        guard let id = wanted, let known = message(id, in: interaction.channel),
            known.application == interaction.application
        else { return .error(404, 10008, "Unknown Message") }
        switch method {
        case "GET": return .json(200, .object(known.body))
        case "DELETE":
            _ = deleteMessage(id, in: interaction.channel)
            interactions[interaction.id]?.progress = .answered
            fulfil(interaction.id, nil)
            return .empty(204)
        case "PATCH":
            let response = edit(known, call)
            if id == interaction.original, let edited = message(id, in: interaction.channel),
                case .json(200, _, _) = response
            {
                finish(interaction.id, edited)
            }
            return response
        default: return .error(405, 0, "405: Method Not Allowed")
        }
    }
}
