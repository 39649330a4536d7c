import CTimmyBot

/// `timmy.reply/1`.
let replyExtension = HostExtension(
    TB_EXT_REPLY,
    tb_host_reply_v1(
        defer: hostDefer, send: hostSend, modal: hostModal, edit: hostEdit, follow_up: hostFollowUp,
        choices: hostChoices))

private typealias RawMessage = UnsafePointer<tb_message_v1>?

extension PluginReply {
    static let maximumSize = 32 << 10
    static let maximumAttachment = 8 << 20

    /// Nil where a text is none or something is too large.
    fileprivate init?(_ raw: RawMessage) {
        guard let raw = raw?.pointee, let json = raw.components_json.copied(limit: Self.maximumSize),
            (0...10).contains(raw.attachment_count), raw.attachments != nil || raw.attachment_count == 0
        else { return nil }
        var files: [PluginAttachment] = []
        for file in UnsafeBufferPointer(start: raw.attachments, count: raw.attachment_count) {
            guard let name = file.name.copied(limit: 128), let type = file.mime.copied(limit: 64),
                let bytes = file.bytes.copied(limit: Self.maximumAttachment)
            else { return nil }
            files.append(PluginAttachment(name: name, type: type, bytes: bytes))
        }
        self.init(
            componentsJSON: json, isEphemeral: raw.flags & TB_REPLY_EPHEMERAL != 0,
            isUpdate: raw.flags & TB_REPLY_UPDATE != 0, attachments: files)
    }
}

private let hostDefer: @convention(c) (RawHost, tb_task, UInt32) -> tb_status = { host, task, flags in
    guard let plugin = instance(host) else { return TB_E_INVALID }
    return plugin.tasks.update(task, .deferred(isEphemeral: flags & TB_REPLY_EPHEMERAL != 0), owner: plugin.id)
}
private let hostSend: @convention(c) (RawHost, tb_task, RawMessage) -> tb_status = { host, task, message in
    guard let plugin = instance(host), let reply = PluginReply(message) else { return TB_E_INVALID }
    let objection = plugin.tasks.channel(of: task, owner: plugin.id)?.objection(to: reply)
    guard plugin.accepts(objection, "an answer") else { return TB_E_INVALID }
    return plugin.tasks.settle(task, .reply(reply), owner: plugin.id)
}
private let hostModal: @convention(c) (RawHost, tb_task, tb_str) -> tb_status = { host, task, json in
    guard let plugin = instance(host), let json = json.copied(limit: PluginReply.maximumSize) else {
        return TB_E_INVALID
    }
    let objection = plugin.tasks.channel(of: task, owner: plugin.id)?.objection(toModal: json)
    guard plugin.accepts(objection, "a modal") else { return TB_E_INVALID }
    return plugin.tasks.settle(task, .modal(json: json), owner: plugin.id)
}
private let hostEdit: @convention(c) (RawHost, tb_task, RawMessage) -> tb_status = { host, task, message in
    guard let plugin = instance(host), let reply = PluginReply(message) else { return TB_E_INVALID }
    return plugin.amend(task, .edit(reply), reply, "an edit")
}
private let hostFollowUp: @convention(c) (RawHost, tb_task, RawMessage) -> tb_status = { host, task, message in
    guard let plugin = instance(host), let reply = PluginReply(message) else { return TB_E_INVALID }
    return plugin.amend(task, .followUp(reply), reply, "a follow-up")
}

extension PluginInstance {
    /// Whether there is no objection; logs the one that there is.
    fileprivate func accepts(_ objection: String?, _ what: String) -> Bool {
        if let objection { log(TB_LOG_WARNING, "\(what) that Discord does not take: \(objection)") }
        return objection == nil
    }

    fileprivate func amend(_ task: tb_task, _ update: PluginUpdate, _ reply: PluginReply, _ what: String) -> tb_status {
        tasks.amend(task, update, owner: id) { accepts($0.objection(to: reply), what) }
    }
}

private let hostChoices: @convention(c) (RawHost, tb_task, UnsafePointer<tb_choice_v1>?, Int) -> tb_status = {
    host, task, choices, count in
    guard let plugin = instance(host), (0...10_000).contains(count), choices != nil || count == 0 else {
        return TB_E_INVALID
    }
    let copied = UnsafeBufferPointer(start: choices, count: min(count, 25)).compactMap { raw -> PluginChoice? in
        guard let name = raw.name.copied(limit: 400), let value = raw.value.copied(limit: 400), !name.isEmpty,
            (1...100).contains(value.count)
        else { return nil }
        return PluginChoice(name: String(name.prefix(100)), value: value)
    }
    return plugin.tasks.settle(task, .choices(copied), owner: plugin.id)
}
