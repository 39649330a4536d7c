import CTimmyBot

/// One slash command of a plugin. Its handler gets one argument for each option, of the option's own Swift type:
///
///     Command("roll", "Rolls a die", .integer("sides", 2...100), .optional(.string("why"))) { call, sides, why in
///         try call.reply("\(Int64.random(in: 1...sides)) \(why ?? "")")  // sides: Int64, why: String?
///     }
public struct Command: Sendable {
    var name: String
    let text: String
    let parameters: [Parameter]
    var permissions: Permissions = []
    var isPrivate = false
    var isForOwner = false
    let run: @Sendable (Call, [RawValue?]) async throws -> Void

    /// - Parameters:
    ///   - name: 1 to 32 of a-z, 0-9, _ and -.
    ///   - text: 1 to 100 characters for the user.
    ///   - options: up to 25, the optional ones last.
    ///   - run: answers by `call.reply`; what it throws is told to the user.
    public init<each Value: Sendable>(
        _ name: String, _ text: String, _ options: repeat Option<each Value>,
        run: @escaping @Sendable (Call, repeat each Value) async throws -> Void
    ) {
        self.name = name
        self.text = text
        var parameters: [Parameter] = []
        repeat parameters.append((each options).parameter)
        self.parameters = parameters
        self.run = { call, raw in
            var values = raw.makeIterator()
            try await run(call, repeat try (each options).decode(values.next() ?? nil))
        }
    }

    /// The same with a method of the running plugin: `Command("roll", "Rolls a die", .integer("sides"), method: Dice.roll)`.
    public init<P: Plugin, each Value: Sendable>(
        _ name: String, _ text: String, _ options: repeat Option<each Value>,
        method: @escaping @Sendable (P) -> (Call, repeat each Value) async throws -> Void
    ) {
        self.init(name, text, repeat each options) { (call: Call, value: repeat each Value) in
            try await method(call.plugin(P.self))(call, repeat each value)
        }
    }

    /// Only the caller sees the answer, also while it is deferred.
    public func forCallerOnly() -> Command { changed { $0.isPrivate = true } }

    /// Only who runs the bot may call it.
    public func forOwnerOnly() -> Command { changed { $0.isForOwner = true } }

    /// What a member needs by default; servers may change it.
    public func requiring(_ permissions: Permissions) -> Command { changed { $0.permissions.formUnion(permissions) } }

    func changed(_ change: (inout Command) -> Void) -> Command {
        var copy = self
        change(&copy)
        return copy
    }
}

/// Discord's permission bits, by Discord's names. https://discord.com/developers/docs/topics/permissions
public struct Permissions: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let kickMembers = Permissions(rawValue: 1 << 1)
    public static let administrator = Permissions(rawValue: 1 << 3)
    public static let manageChannels = Permissions(rawValue: 1 << 4)
    public static let manageGuild = Permissions(rawValue: 1 << 5)
    public static let manageMessages = Permissions(rawValue: 1 << 13)
    public static let connect = Permissions(rawValue: 1 << 20)
    public static let speak = Permissions(rawValue: 1 << 21)
    public static let muteMembers = Permissions(rawValue: 1 << 22)
    public static let deafenMembers = Permissions(rawValue: 1 << 23)
    public static let moveMembers = Permissions(rawValue: 1 << 24)
    public static let manageRoles = Permissions(rawValue: 1 << 28)
}

/// Commands that belong together: in a file of their own, with a common prefix, and with common rules.
public struct CommandGroup: Sendable {
    let commands: [Command]

    /// - Parameter prefix: goes before the name of each: `dice` and `roll` make `/dice-roll`.
    public init(
        _ prefix: String = "", requiring permissions: Permissions = [], forCallerOnly: Bool = false,
        forOwnerOnly: Bool = false, @CommandList _ commands: () -> [Command]
    ) {
        self.commands = commands().map { command in
            command.changed { command in
                if !prefix.isEmpty { command.name = "\(prefix)-\(command.name)" }
                command.permissions.formUnion(permissions)
                command.isPrivate = command.isPrivate || forCallerOnly
                command.isForOwner = command.isForOwner || forOwnerOnly
            }
        }
    }
}

/// Lets commands and groups stand one below the other.
@resultBuilder
public enum CommandList {
    public static func buildExpression(_ command: Command) -> [Command] { [command] }
    public static func buildExpression(_ group: CommandGroup) -> [Command] { group.commands }
    public static func buildExpression(_ commands: [Command]) -> [Command] { commands }
    public static func buildBlock(_ parts: [Command]...) -> [Command] { parts.flatMap(\.self) }
    public static func buildOptional(_ part: [Command]?) -> [Command] { part ?? [] }
    public static func buildEither(first: [Command]) -> [Command] { first }
    public static func buildEither(second: [Command]) -> [Command] { second }
    public static func buildArray(_ parts: [[Command]]) -> [Command] { parts.flatMap(\.self) }
}
