import DiscordGateway
import DiscordModel
import Logging

/// Everything that an operator can set, checked. Made by `BotConfiguration.load`.
public struct BotConfiguration: Sendable {
    /// Bot token; nil where none is set. Never log this value.
    public var token: String?
    /// REST base including `/api/v10`.
    public var apiBase: String
    /// Extra PEM of trusted roots for REST, gateway and voice.
    public var trustedCAFile: String?
    /// Journals and caches.
    public var dataDirectory: String
    /// Folder of plugin `.so` files.
    public var pluginDirectory: String
    /// Music folder of the Library source.
    public var libraryDirectory: String
    /// Path of `timmybot-media`.
    public var mediaWorker: String
    /// Servers that are served from the start.
    public var allowedGuilds: Set<Snowflake>
    public var logLevel: Logger.Level
    public var logFormat: LogFormat
    public var compression: GatewayCompression
    /// Which part of the bot's servers this process serves, counted from 0, and of how many parts.
    public var shard: (id: Int, count: Int)

    /// How log lines look.
    public enum LogFormat: String, Sendable { case text, json }

    public static let discordAPIBase = "https://discord.com/api/v10"
}

/// A setting that cannot be used. `description` names the setting and never its value where that is secret.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    public let setting: String
    public let reason: String
    public var description: String { "\(setting): \(reason)" }
}
