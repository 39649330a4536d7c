import CTimmyBot

/// Where a command was called, and by whom.
struct CallContext: Sendable {
    let guild, channel, user, voiceChannel, permissions: UInt64
    let flags: UInt32
    let locale, command: String

    init(_ raw: tb_invocation_v1) {
        guild = raw.guild
        channel = raw.channel
        user = raw.user
        voiceChannel = raw.voice_channel
        permissions = raw.permissions
        flags = raw.flags
        locale = raw.locale.string
        command = raw.command.string
    }

    func raw(_ lender: Lender) -> tb_invocation_v1 {
        tb_invocation_v1(
            guild: guild, channel: channel, user: user, voice_channel: voiceChannel, permissions: permissions,
            flags: flags, zero: 0, locale: lender.lend(locale), command: lender.lend(command))
    }
}

/// One call of a command, a button, a select or a modal. It is answered exactly once, by `reply` or `show`; a handler that
/// throws instead has its failure told to the user.
public struct Call: Sendable {
    let instance: Instance
    let context: CallContext
    let task: OpenTask
    /// What a select chose.
    public let selected: [String]
    /// What was typed and chosen in a modal, by custom_id.
    public let fields: [String: String]

    public var host: Host { instance.host }
    public var guild: UInt64 { context.guild }
    public var channel: UInt64 { context.channel }
    public var user: UInt64 { context.user }
    /// The voice channel that the user is in.
    public var voiceChannel: UInt64? { context.voiceChannel == 0 ? nil : context.voiceChannel }
    /// The user's, in the channel.
    public var permissions: Permissions { Permissions(rawValue: context.permissions) }
    /// Whether the user runs the bot.
    public var isOwner: Bool { context.flags & TB_CALL_OWNER != 0 }
    /// Of the user, as Discord names it: "en-GB".
    public var locale: String { context.locale }
    /// Name of the command, or the custom_id of the component or modal.
    public var name: String { context.command }
    public var player: Player { Player(host: host, call: context) }

    /// The running plugin, for handlers that are closures.
    public func plugin<P: Plugin>(_ type: P.Type) throws(Failure) -> P {
        guard let plugin = instance.plugin as? P else {
            throw Failure(detail: "a handler of \(P.self) was called on another plugin")
        }
        return plugin
    }

    /// Tells whoever waits what it is at; up to 200 bytes.
    public func progress(_ note: String) {
        let lender = Lender()
        withExtendedLifetime(lender) { _ = host.tables.task?.pointee.progress?(host.raw, task.id, lender.lend(note)) }
    }

    func settle(_ what: String, _ call: (tb_host_reply_v1, Lender) -> tb_status?) throws(Failure) {
        guard let table = host.tables.reply?.pointee else { throw .missing("replies") }
        let lender = Lender()
        try withExtendedLifetime(lender) { () throws(Failure) in
            try task.settle(what) { call(table, lender) ?? TB_E_UNSUPPORTED }
        }
    }

    func suggest(_ choices: [Choice]) throws(Failure) {
        try settle("choices") { table, lender in
            let raw = choices.prefix(25).map { choice in
                tb_choice_v1(
                    name: lender.lend(String(choice.name.prefix(100))), value: lender.lend(choice.value))
            }
            return table.choices?(host.raw, task.id, lender.lend(raw), raw.count)
        }
    }
}
