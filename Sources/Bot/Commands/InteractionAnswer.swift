import DiscordModel
import DiscordREST
import Logging
import PluginHost
import Synchronization

/// Answers one interaction: at once, or deferred when the work takes longer than Discord waits; afterwards edits and
/// follow-ups. Everything goes through one inbox, so that Discord hears it in order.
actor InteractionAnswer: AnswerChannel {
    typealias Message = MessageBuilder.Message
    /// A plugin's message, made ready for Discord.
    typealias Render = @Sendable (PluginReply) async throws(PluginFailure) -> Message

    enum Final: Sendable {
        case message(Message, update: Bool, isError: Bool)
        case modal(JSONValue)
        case choices([JSONValue])
    }

    fileprivate enum Job: Sendable {
        case deferral(isPrivate: Bool)
        case final(Final, CheckedContinuation<Void, Never>)
        case progress
        case edit(PluginReply)
        case followUp(PluginReply)
    }

    /// What Discord knows.
    private enum Phase {
        case fresh
        /// A deferral was sent, and whether it arrived is not known.
        case unsure(isPrivate: Bool)
        case deferred(isPrivate: Bool)
        case answered(Target)
    }

    /// The message that an edit changes.
    private enum Target { case original, followUp(DiscordModel.Snowflake), none }

    private struct Inbox {
        var waiting: [Job] = []
        var isDraining = false
        /// A deferral has been begun: too late for a modal.
        var isDeferring = false
        /// A modal is on its way: nothing may be deferred any more.
        var hasModal = false
        var note = ""
    }

    /// Between two edits that show progress.
    static let progressPause = Duration.seconds(2)
    static let failed = "Something went wrong. Please try again."

    private nonisolated let interaction: Interaction
    private nonisolated let plugin: String
    private nonisolated let isPrivate: Bool
    private nonisolated let inbox = Mutex(Inbox())
    private let wire: InteractionWire
    private let clock: any Clock<Duration>
    private let render: Render
    private let logger: Logger
    private var phase = Phase.fresh
    private var shownNote = ""
    private var isPausing = false
    /// Edits and follow-ups that came before the answer was out.
    private var early: [Job] = []

    /// - Parameters:
    ///   - plugin: who answers; empty for the host itself.
    ///   - isPrivate: only the caller sees any of it.
    init(
        _ interaction: Interaction, plugin: String = "", isPrivate: Bool = false, rest: any InteractionREST,
        clock: any Clock<Duration> = ContinuousClock(), logger: Logger,
        render: @escaping Render = { _ throws(PluginFailure) in throw PluginFailure(detail: "the host's own answer") }
    ) {
        self.interaction = interaction
        self.plugin = plugin
        self.isPrivate = isPrivate
        self.clock = clock
        self.render = render
        self.logger = logger
        wire = InteractionWire(interaction: interaction, rest: rest)
    }

    private nonisolated var isComponent: Bool { interaction.type == InteractionType.component }

    // MARK: From the router

    /// Tells Discord that the bot is at work, unless it has answered already.
    nonisolated func deferIfNeeded() { post(.deferral(isPrivate: isPrivate)) }

    /// - Parameter update: changes the message of the component instead of sending another one.
    nonisolated func send(_ message: Message, update: Bool, isError: Bool = false) async {
        await finish(.message(message, update: update, isError: isError))
    }

    /// The first answer, or the one after a deferral; returns when Discord has it or cannot be told.
    nonisolated func finish(_ final: Final) async {
        await withCheckedContinuation { post(.final(final, $0)) }
    }

    // MARK: From the plugin, any thread

    nonisolated func objection(to reply: PluginReply) -> String? { MessageBuilder.objection(to: reply, plugin: plugin) }

    nonisolated func objection(toModal json: String) -> String? {
        guard interaction.type == InteractionType.command || isComponent else { return "a modal cannot follow a modal" }
        if let objection = MessageBuilder.modal(json, plugin: plugin).objection { return objection }
        return inbox.withLock { inbox in
            guard !inbox.isDeferring else { return "a modal cannot follow a deferral; the host defers after 1.8 s" }
            inbox.hasModal = true
            return nil
        }
    }

    nonisolated func update(_ update: PluginUpdate) {
        switch update {
        case .deferred(let isPrivate): post(.deferral(isPrivate: isPrivate || self.isPrivate))
        case .progress(let note):
            inbox.withLock { $0.note = note }
            post(.progress)
        case .edit(let reply): post(.edit(reply))
        case .followUp(let reply): post(.followUp(reply))
        }
    }

    private nonisolated func post(_ job: Job) {
        let wake = inbox.withLock { inbox -> Bool in
            if case .deferral = job {
                guard !inbox.hasModal, !inbox.isDeferring else { return false }
                inbox.isDeferring = true
            }
            // Only the last of several edits and notes counts, and so the inbox stays short.
            inbox.waiting.removeAll { $0.isReplaced(by: job) }
            inbox.waiting.append(job)
            defer { inbox.isDraining = true }
            return !inbox.isDraining
        }
        if wake { Task { await drain() } }
    }

    private func drain() async {
        while true {
            let next = inbox.withLock { inbox -> Job? in
                if inbox.waiting.isEmpty { inbox.isDraining = false }
                return inbox.waiting.isEmpty ? nil : inbox.waiting.removeFirst()
            }
            guard let next else { return }
            await perform(next)
        }
    }

    private func perform(_ job: Job) async {
        switch job {
        case .deferral(let isPrivate): await deferral(isPrivate)
        case .final(let final, let continuation):
            await answer(final)
            continuation.resume()
            let held = early
            early = []
            for job in held { await perform(job) }
        case .progress: await showProgress()
        case .edit, .followUp: await amend(job)
        }
    }
}

extension InteractionAnswer.Job {
    fileprivate func isReplaced(by other: Self) -> Bool {
        switch (self, other) {
        case (.edit, .edit), (.progress, .progress): true
        default: false
        }
    }
}

// MARK: The answer

extension InteractionAnswer {
    private func deferral(_ isPrivate: Bool) async {
        guard case .fresh = phase else { return }
        let type = isComponent ? InteractionCallbackType.deferredUpdate : InteractionCallbackType.deferredMessage
        let data: JSONValue? =
            isPrivate && !isComponent ? ["flags": .int(Int64(MessageFlags.ephemeral.rawValue))] : nil
        switch await wire.callback(type, data) {
        case .taken, .takenBefore: phase = .deferred(isPrivate: isPrivate)
        case .refused(let reason), .lost(let reason):
            logger.warning("interaction: the deferral failed: \(reason)")
            phase = .unsure(isPrivate: isPrivate)
        }
        await showProgress()
    }

    private func answer(_ final: Final) async {
        switch (phase, final) {
        case (.answered, _): return
        case (_, .choices(let choices)):
            report(await wire.callback(InteractionCallbackType.autocomplete, ["choices": .array(choices)]))
            phase = .answered(.none)
        case (.fresh, .modal(let body)): await first(InteractionCallbackType.modal, body, [], .none)
        case (_, .modal): await late(MessageBuilder.text(Self.failed, ephemeral: true), update: false, isError: true)
        case (.deferred, .message(let message, let update, let isError)):
            await late(shaded(message), update: update, isError: isError)
        case (_, .message(let message, let update, let isError)):
            await first(shaded(message), update: update, isError: isError)
        }
    }

    /// Everything of a private command is for the caller alone.
    private func shaded(_ message: Message) -> Message {
        guard isPrivate, !message.isEphemeral, let flags = message.body["flags"]?.int,
            case .object(var members) = message.body
        else { return message }
        members["flags"] = .int(flags | Int64(MessageFlags.ephemeral.rawValue))
        return Message(body: .object(members), attachments: message.attachments)
    }

    private func first(_ message: Message, update: Bool, isError: Bool) async {
        let isUpdate = update && isComponent
        let type = isUpdate ? InteractionCallbackType.update : InteractionCallbackType.message
        switch await wire.callback(type, message.body, message.attachments) {
        case .taken: phase = .answered(.original)
        case .takenBefore:
            // The deferral that seemed lost had arrived; or this answer had, and then an edit changes nothing.
            if case .unsure = phase { return await late(message, update: update, isError: isError) }
            phase = .answered(.original)
        case .refused(let reason):
            logger.warning("interaction: Discord refused the answer: \(reason)")
            await apologise()
        case .lost(let reason):
            logger.warning("interaction: \(reason)")
            if case .unsure = phase { return await late(message, update: update, isError: isError) }
            phase = .answered(.none)
        }
    }

    private func first(_ type: Int, _ body: JSONValue, _ attachments: [Attachment], _ target: Target) async {
        let receipt = await wire.callback(type, body, attachments)
        report(receipt)
        if case .refused = receipt { return await apologise() }
        phase = .answered(target)
    }

    /// Discord did not want the answer: the interaction still waits for one.
    private func apologise() async {
        let sorry = MessageBuilder.text(Self.failed, ephemeral: true)
        report(await wire.callback(InteractionCallbackType.message, sorry.body))
        phase = .answered(.original)
    }

    private func report(_ receipt: InteractionWire.Receipt) {
        switch receipt {
        case .taken, .takenBefore: break
        case .refused(let reason), .lost(let reason): logger.warning("interaction: \(reason)")
        }
    }

    /// After a deferral. A component's update edits its message, and what is not one must not overwrite it. What only the
    /// caller may see never goes into a message that all see.
    private func late(_ message: Message, update: Bool, isError: Bool) async {
        do {
            if isComponent {
                phase = .answered(update ? .original : try await followUp(message))
                if update { try await wire.editOriginal(message) }
            } else if isHidden(message, isError) {
                try await replaceOriginal(message)
            } else {
                phase = .answered(.original)
                try await wire.editOriginal(message)
            }
        } catch {
            logger.warning("interaction: \(error)")
            await lastWords(isError)
            if case .answered = phase { return }
            phase = .answered(.none)
        }
    }

    private func isHidden(_ message: Message, _ isError: Bool) -> Bool {
        switch phase {
        case .deferred(isPrivate: true), .unsure(isPrivate: true): false
        default: message.isEphemeral || isError
        }
    }

    private func followUp(_ message: Message) async throws -> Target {
        try await wire.followUp(message).map(Target.followUp) ?? .none
    }

    /// The public "is thinking" goes away first: the first follow-up would fill it in, for all to see.
    private func replaceOriginal(_ message: Message) async throws {
        try await wire.deleteOriginal()
        phase = .answered(try await followUp(message))
    }

    /// The answer could not be given; at least it does not look as if the bot still worked on it.
    private func lastWords(_ isError: Bool) async {
        guard !isComponent else { return }
        try? await wire.editOriginal(MessageBuilder.text(Self.failed, ephemeral: false))
    }
}

// MARK: Before and after it

extension InteractionAnswer {
    /// What the plugin is at, in the deferred answer; at most one edit in two seconds.
    private func showProgress() async {
        let note = inbox.withLock { $0.note }
        guard case .deferred = phase, !isComponent, note != shownNote, !isPausing else { return }
        shownNote = note
        pause()
        do {
            try await wire.editOriginal(MessageBuilder.text("⏳ \(note)", ephemeral: false))
        } catch {
            logger.debug("interaction: progress was not shown: \(error)")
        }
    }

    private func pause() {
        isPausing = true
        Task { [clock] in
            try? await clock.sleep(for: Self.progressPause)
            self.pauseEnded()
        }
    }

    private func pauseEnded() {
        isPausing = false
        post(.progress)
    }

    private func amend(_ job: Job) async {
        guard case .answered(let target) = phase else { return early.append(job) }
        do {
            switch (job, target) {
            case (.edit(let reply), .original): try await wire.editOriginal(try await render(reply))
            case (.edit(let reply), .followUp(let id)): try await wire.edit(id, try await render(reply))
            case (.followUp(let reply), _): _ = try await wire.followUp(shaded(try await render(reply)))
            default: break
            }
        } catch {
            logger.warning("interaction: \((error as? PluginFailure)?.detail ?? "\(error)")")
        }
    }
}
