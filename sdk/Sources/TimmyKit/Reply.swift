import CTimmyBot

/// A file that goes along with an answer.
public struct Attachment: Sendable {
    public let name, type: String
    public let bytes: [UInt8]

    /// - Parameters:
    ///   - type: MIME.
    ///   - bytes: up to 8 MiB.
    public init(name: String, type: String, bytes: [UInt8]) {
        self.name = name
        self.type = type
        self.bytes = bytes
    }
}

extension Call {
    /// Answers with components and ends the call.
    ///
    /// - Parameters:
    ///   - ephemeral: only the caller sees it.
    ///   - update: of a component's call: changes the message that it is on.
    /// - Throws: `.invalid` where Discord would not take the message, and the call is still open; `.stale` where it is over.
    public func reply(
        _ components: [Component], ephemeral: Bool = false, update: Bool = false, attachments: [Attachment] = []
    ) throws(Failure) {
        let flags = (ephemeral ? TB_REPLY_EPHEMERAL : 0) | (update ? TB_REPLY_UPDATE : 0)
        try settle("reply") { table, lender in
            var message = lender.message(components, attachments, flags)
            return table.send?(host.raw, task.id, &message)
        }
    }

    /// Answers with a line of markdown.
    public func reply(_ text: String, ephemeral: Bool = false) throws(Failure) {
        try reply([.text(text)], ephemeral: ephemeral)
    }

    /// Answers a command or a component with a modal; what the user sends off comes to the plugin's `modal`. Within 2 s,
    /// and not after `deferReply`.
    public func show(_ modal: Modal) throws(Failure) {
        try settle("modal") { table, lender in table.modal?(host.raw, task.id, lender.lend(modal.json.text)) }
    }

    /// Shows that the bot is at work; `reply` follows. The host does it by itself after 2 s.
    public func deferReply(ephemeral: Bool = false) throws(Failure) {
        guard let call = host.tables.reply?.pointee.defer else { throw .missing("replies") }
        let status = call(host.raw, task.id, ephemeral ? TB_REPLY_EPHEMERAL : 0)
        guard status == TB_OK else { throw Failure(status: status, "defer") }
    }

    /// Changes the answer, as often as Discord allows, until 15 minutes after the call.
    public func edit(_ components: [Component], attachments: [Attachment] = []) throws(Failure) {
        try after("edit", components, attachments, ephemeral: false) { table in table.edit }
    }

    /// One more message after the answer, at most five, until 15 minutes after the call.
    public func followUp(
        _ components: [Component], ephemeral: Bool = false, attachments: [Attachment] = []
    ) throws(Failure) {
        try after("follow-up", components, attachments, ephemeral: ephemeral) { table in table.follow_up }
    }

    private typealias Send =
        @convention(c) (
            UnsafePointer<tb_host_v1>?, tb_task, UnsafePointer<tb_message_v1>?
        ) -> tb_status

    private func after(
        _ what: String, _ components: [Component], _ attachments: [Attachment], ephemeral: Bool,
        _ function: (tb_host_reply_v1) -> Send?
    ) throws(Failure) {
        guard let send = host.tables.reply.flatMap({ function($0.pointee) }) else { throw .missing("replies") }
        let lender = Lender()
        var message = lender.message(components, attachments, ephemeral ? TB_REPLY_EPHEMERAL : 0)
        let status = withExtendedLifetime(lender) { send(host.raw, task.id, &message) }
        guard status == TB_OK else { throw Failure(status: status, what) }
    }
}

extension Lender {
    fileprivate func message(_ components: [Component], _ attachments: [Attachment], _ flags: UInt32) -> tb_message_v1 {
        let files = attachments.map { file in
            tb_attachment_v1(name: lend(file.name), mime: lend(file.type), bytes: bytes(file.bytes))
        }
        return tb_message_v1(
            components_json: lend(JSON.array(components.map(\.json)).text), attachments: lend(files),
            attachment_count: files.count, flags: flags, zero: 0)
    }
}
