import CTimmyBot

/// One option of a slash command.
public struct Parameter: Sendable {
    enum Kind: Sendable { case string, integer, number, boolean }

    let name, text: String
    let kind: Kind
    var isOptional = false
    var hasAutocomplete = false
    var bounds: ClosedRange<Int64>?
    var choices: [(name: String, value: String)] = []

    public static func string(_ name: String, _ text: String, autocomplete: Bool = false) -> Parameter {
        Parameter(name: name, text: text, kind: .string, hasAutocomplete: autocomplete)
    }

    public static func choice(_ name: String, _ text: String, _ choices: [(name: String, value: String)]) -> Parameter {
        Parameter(name: name, text: text, kind: .string, choices: choices)
    }

    public static func integer(_ name: String, _ text: String, _ bounds: ClosedRange<Int64>) -> Parameter {
        Parameter(name: name, text: text, kind: .integer, bounds: bounds)
    }

    public var optional: Parameter {
        var copy = self
        copy.isOptional = true
        return copy
    }
}

/// One slash command of a plugin.
public struct Command: Sendable {
    let name, text: String
    let parameters: [Parameter]
    let run: @Sendable (Call) async throws -> Void
    let suggest: (@Sendable (Call, _ typed: String) async throws -> [(name: String, value: String)])?

    /// - Parameters:
    ///   - suggest: choices for what the user has typed so far of an option with autocomplete.
    public init(
        _ name: String, _ text: String, _ parameters: Parameter...,
        suggest: (@Sendable (Call, String) async throws -> [(name: String, value: String)])? = nil,
        run: @escaping @Sendable (Call) async throws -> Void
    ) {
        self.name = name
        self.text = text
        self.parameters = parameters
        self.suggest = suggest
        self.run = run
    }
}

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

/// A file that goes along with an answer.
public struct Attachment: Sendable {
    public let name, type: String
    public let bytes: [UInt8]

    public init(name: String, type: String, bytes: [UInt8]) {
        self.name = name
        self.type = type
        self.bytes = bytes
    }
}

/// One call of a command, a button or a select.
public struct Call: Sendable {
    enum Value: Sendable {
        case string(String)
        case integer(Int64)
        case number(Double)
    }

    public let host: Host
    let context: CallContext
    let id: tb_task
    let values: [String: Value]
    /// What a select chose.
    public let selected: [String]

    public var user: UInt64 { context.user }
    /// Name of the command, or the custom_id of the component.
    public var name: String { context.command }
    public var player: Player { Player(host: host, call: context) }

    public func string(_ name: String) -> String? {
        if case .string(let value)? = values[name] { value } else { nil }
    }

    public func integer(_ name: String) -> Int64? {
        if case .integer(let value)? = values[name] { value } else { nil }
    }

    /// Answers with components and ends the call.
    public func reply(
        _ components: [Component], ephemeral: Bool = false, update: Bool = false, attachments: [Attachment] = []
    ) throws(Failure) {
        let lender = Lender()
        let raw = attachments.map { attachment in
            tb_attachment_v1(
                name: lender.lend(attachment.name), mime: lender.lend(attachment.type),
                bytes: tb_bytes(ptr: lender.lend(attachment.bytes), len: attachment.bytes.count))
        }
        let flags = (ephemeral ? TB_REPLY_EPHEMERAL : 0) | (update ? TB_REPLY_UPDATE : 0)
        guard let send = host.reply?.pointee.send else {
            throw Failure(userText: "", detail: "the host takes no replies")
        }
        var message = tb_message_v1(
            components_json: lender.lend(Component.json(components)), attachments: lender.lend(raw),
            attachment_count: raw.count, flags: flags, zero: 0)
        let status = withExtendedLifetime(lender) { send(host.raw, id, &message) }
        guard status == TB_OK || status == TB_E_STALE else { throw Failure(status: status, "reply") }
    }

    /// Answers with a line of text.
    public func reply(_ text: String, ephemeral: Bool = false) throws(Failure) {
        try reply([.text(text)], ephemeral: ephemeral)
    }

    func suggest(_ choices: [(name: String, value: String)]) {
        let lender = Lender()
        let raw = choices.prefix(25).map { tb_choice_v1(name: lender.lend($0.name), value: lender.lend($0.value)) }
        withExtendedLifetime(lender) { _ = host.reply?.pointee.choices?(host.raw, id, lender.lend(raw), raw.count) }
    }

    func fail(_ error: any Error) {
        host.fail(id, error as? Failure ?? Failure(userText: "", detail: "\(error)"))
    }
}
