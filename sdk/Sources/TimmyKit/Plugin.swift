import CTimmyBot

/// What an author writes: a struct with an id, a version, and commands; and `Source`, `LyricsSource`, `Recommender` or
/// `HealthCheck` where it is one. One instance is made for each start of the plugin.
///
///     struct Dice: Plugin {
///         static let id = "example.dice"
///         static let version = "1.0.0"
///         let host: Host
///         @CommandList static var commands: [Command] {
///             Command("roll", "Rolls a die", .integer("sides", 2...100)) { call, sides in
///                 try call.reply("\(Int64.random(in: 1...sides))")
///             }
///         }
///     }
///
///     @c(timmybot_plugin_v1) public func entry() -> PluginTable { pluginTable(Dice.self) }
public protocol Plugin: Sendable {
    /// Equal to the manifest's.
    static var id: String { get }
    static var version: String { get }
    /// Asked for once.
    @CommandList static var commands: [Command] { get }
    /// How accounts of its platform are linked; up to four.
    static var oauth: [OAuthFlow] { get }
    /// What it cannot do without; the host does not start it where one is missing. What answers need is required anyway.
    static var requirements: Set<HostExtension> { get }

    /// Throws where the configuration makes no sense: the operator reads why.
    init(host: Host) throws
    /// A button or select of this plugin's messages; `call.name` is the custom_id.
    func component(_ call: Call) async throws
    /// A modal of this plugin was sent off; `call.name` is its custom_id, `call.fields` what it held.
    func modal(_ call: Call) async throws
    /// The host stops it: no new calls come, and what runs is being cancelled. May block for a short time.
    func stop()
}

extension Plugin {
    public static var commands: [Command] { [] }
    public static var oauth: [OAuthFlow] { [] }
    public static var requirements: Set<HostExtension> { [] }

    public func component(_ call: Call) async throws {
        throw Failure(code: .notFound, userText: "This button does nothing any more.")
    }
    public func modal(_ call: Call) async throws {
        throw Failure(code: .notFound, userText: "This form does nothing any more.")
    }
    public func stop() {}
}

/// What the entry symbol answers. It is the C table; authors only pass it on.
public typealias PluginTable = UnsafePointer<tb_plugin_v1>

/// The plugin's table: made once, the same every time, alive as long as the process.
public func pluginTable(_ type: any Plugin.Type) -> PluginTable { Runtime.shared.table(type) }
