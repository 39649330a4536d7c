import CTimmyBot

/// What a command is given of one option, before it has its type.
enum RawValue: Sendable, Equatable {
    case string(String)
    case integer(Int64)
    case number(Double)
}

/// One choice of an option or of autocomplete: what the user sees and what the plugin gets.
public struct Choice: Sendable, Equatable {
    public var name, value: String

    /// Up to 100 characters each.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    public init(_ nameAndValue: String) { self.init(nameAndValue, nameAndValue) }
}

/// An option of a slash command as the host's table has it.
struct Parameter: Sendable {
    typealias Suggest = @Sendable (Call, String) async throws -> [Choice]

    var name, text: String
    var type: Int32
    var flags: UInt32 = 0
    var bounds: ClosedRange<Int64>?
    var choices: [Choice] = []
    var suggest: Suggest?

    var isOptional: Bool { type & TB_T_OPT != 0 || flags & TB_PARAM_OPTIONAL != 0 }

    func row(_ lender: Lender) -> tb_param_v1 {
        tb_param_v1(
            name: lender.lend(name), text: lender.lend(text), type: type,
            flags: flags | (bounds == nil ? 0 : TB_PARAM_BOUNDED), min: bounds?.lowerBound ?? 0,
            max: bounds?.upperBound ?? 0,
            choices: lender.lend(
                choices.map { tb_choice_v1(name: lender.lend($0.name), value: lender.lend($0.value)) }),
            choice_count: choices.count)
    }
}

/// One option of a slash command, and the Swift type that its value has in the handler.
///
/// Where the text is left out, users read the option's name.
public struct Option<Value: Sendable>: Sendable {
    let parameter: Parameter
    let decode: @Sendable (RawValue?) throws(Failure) -> Value

    init(_ parameter: Parameter, _ decode: @escaping @Sendable (RawValue) -> Value?) {
        self.parameter = parameter
        self.decode = { raw throws(Failure) in
            guard let raw, let value = decode(raw) else {
                throw Failure(code: .invalid, detail: "option \(parameter.name) has no value of its type")
            }
            return value
        }
    }

    private init(_ parameter: Parameter, decode: @escaping @Sendable (RawValue?) throws(Failure) -> Value) {
        self.parameter = parameter
        self.decode = decode
    }

    /// Nil in the handler where the user left it out.
    public static func optional<Wrapped>(_ option: Option<Wrapped>) -> Option where Value == Wrapped? {
        var parameter = option.parameter
        if parameter.type == TB_T_STR { parameter.flags |= TB_PARAM_OPTIONAL } else { parameter.type |= TB_T_OPT }
        return Option(parameter, decode: { raw throws(Failure) in raw == nil ? nil : try option.decode(raw) })
    }

    /// One of up to 25 values, each with the name that users read.
    ///
    /// The value goes over the wire as `"\(value)"`: of an enum that is its case's name.
    public static func choice(_ name: String, _ text: String, _ choices: [(String, Value)]) -> Option {
        let parameter = Parameter(
            name: name, text: text, type: TB_T_STR, choices: choices.map { Choice($0.0, "\($0.1)") })
        return Option(parameter) { raw in
            guard case .string(let wanted) = raw else { return nil }
            return choices.first { "\($0.1)" == wanted }?.1
        }
    }
}

extension Option where Value == String {
    private static func string(_ parameter: Parameter) -> Option {
        Option(parameter) { if case .string(let value) = $0 { value } else { nil } }
    }

    public static func string(_ name: String, _ text: String? = nil) -> Option {
        string(Parameter(name: name, text: text ?? name, type: TB_T_STR))
    }

    /// - Parameter length: in characters, 0 to 6000.
    public static func string(_ name: String, _ text: String, length: ClosedRange<Int>) -> Option {
        string(Parameter(name: name, text: text, type: TB_T_STR, bounds: wide(length)))
    }

    /// Text with suggestions while the user types. Any text may be sent off, not only a suggested one.
    ///
    /// - Parameters:
    ///   - length: in characters, 0 to 6000; nil for Discord's own limit.
    ///   - suggest: up to 25 choices for what was typed so far, within 2 s.
    public static func autocomplete(
        _ name: String, _ text: String, length: ClosedRange<Int>? = nil,
        suggest: @escaping @Sendable (Call, String) async throws -> [Choice]
    ) -> Option {
        string(
            Parameter(
                name: name, text: text, type: TB_T_STR, flags: TB_PARAM_AUTOCOMPLETE, bounds: length.map(wide),
                suggest: suggest))
    }

    /// The same with a method of the running plugin.
    public static func autocomplete<P: Plugin>(
        _ name: String, _ text: String, method: @escaping @Sendable (P) -> (Call, String) async throws -> [Choice]
    ) -> Option {
        autocomplete(name, text) { call, typed in try await method(call.plugin(P.self))(call, typed) }
    }
}

private func wide(_ range: ClosedRange<Int>) -> ClosedRange<Int64> { Int64(range.lowerBound)...Int64(range.upperBound) }

extension Option where Value == Int64 {
    private static func integer(_ parameter: Parameter) -> Option {
        Option(parameter) { if case .integer(let value) = $0 { value } else { nil } }
    }

    public static func integer(_ name: String, _ text: String? = nil) -> Option {
        integer(Parameter(name: name, text: text ?? name, type: TB_T_INT))
    }

    public static func integer(_ name: String, _ text: String, _ bounds: ClosedRange<Int>) -> Option {
        integer(Parameter(name: name, text: text, type: TB_T_INT, bounds: wide(bounds)))
    }

    public static func integer(_ name: String, _ bounds: ClosedRange<Int>) -> Option { integer(name, name, bounds) }
}

extension Option where Value == Double {
    private static func number(_ parameter: Parameter) -> Option {
        Option(parameter) {
            switch $0 {
            case .number(let value): value
            case .integer(let value): Double(value)
            case .string: nil
            }
        }
    }

    public static func number(_ name: String, _ text: String? = nil) -> Option {
        number(Parameter(name: name, text: text ?? name, type: TB_T_NUM))
    }

    public static func number(_ name: String, _ text: String, _ bounds: ClosedRange<Int>) -> Option {
        number(Parameter(name: name, text: text, type: TB_T_NUM, bounds: wide(bounds)))
    }
}

extension Option where Value == Bool {
    public static func boolean(_ name: String, _ text: String? = nil) -> Option {
        Option(Parameter(name: name, text: text ?? name, type: TB_T_BOOL)) {
            if case .integer(let value) = $0 { value != 0 } else { nil }
        }
    }
}

/// A user, a role, either of them, or a channel: an id, and how to write it in a message.
public struct UserID: Sendable, Hashable {
    public let rawValue: UInt64
    public var mention: String { "<@\(rawValue)>" }
}

public struct RoleID: Sendable, Hashable {
    public let rawValue: UInt64
    public var mention: String { "<@&\(rawValue)>" }
}

public struct ChannelID: Sendable, Hashable {
    public let rawValue: UInt64
    public var mention: String { "<#\(rawValue)>" }
}

/// The id of a user or of a role: Discord does not say which.
public struct MentionableID: Sendable, Hashable { public let rawValue: UInt64 }

extension Option {
    private static func id(
        _ name: String, _ text: String?, _ flags: UInt32, _ make: @escaping @Sendable (UInt64) -> Value
    ) -> Option {
        Option(Parameter(name: name, text: text ?? name, type: TB_T_ID, flags: flags)) {
            if case .integer(let bits) = $0 { make(UInt64(bitPattern: bits)) } else { nil }
        }
    }

    public static func user(_ name: String, _ text: String? = nil) -> Option where Value == UserID {
        id(name, text, TB_PARAM_USER) { UserID(rawValue: $0) }
    }

    public static func role(_ name: String, _ text: String? = nil) -> Option where Value == RoleID {
        id(name, text, TB_PARAM_ROLE) { RoleID(rawValue: $0) }
    }

    public static func mentionable(_ name: String, _ text: String? = nil) -> Option where Value == MentionableID {
        id(name, text, TB_PARAM_USER | TB_PARAM_ROLE) { MentionableID(rawValue: $0) }
    }

    public static func channel(_ name: String, _ text: String? = nil) -> Option where Value == ChannelID {
        id(name, text, TB_PARAM_CHANNEL) { ChannelID(rawValue: $0) }
    }
}
