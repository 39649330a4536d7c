import Configuration
import DiscordGateway
import DiscordModel
import Logging
import SystemPackage

extension BotConfiguration {
    /// Reads environment variables, then `timmybot.yaml`, then defaults.
    ///
    /// - Parameters:
    ///   - environment: of this process.
    ///   - file: the YAML file; it may be missing.
    ///   - installation: where plugins and worker are unless the operator says otherwise.
    /// - Throws: `ConfigurationError` for the first setting that cannot be used.
    public static func load(
        environment: [String: String], file: String = "timmybot.yaml", installation: Installation
    ) async throws -> BotConfiguration {
        let settings = EnvironmentVariablesProvider(
            environmentVariables: environment, secretsSpecifier: .specific(["DISCORD_TOKEN"]))
        let yaml: FileProvider<YAMLSnapshot>
        do {
            yaml = try await FileProvider(filePath: FilePath(file), allowMissing: true)
        } catch {
            throw ConfigurationError(setting: file, reason: "is not readable YAML")
        }
        return try BotConfiguration(ConfigReader(providers: [settings, yaml]), installation: installation)
    }

    init(_ reader: ConfigReader, installation: Installation) throws(ConfigurationError) {
        func text(_ key: ConfigKey) -> String? {
            reader.string(forKey: key).flatMap { $0.isEmpty ? nil : $0 }
        }
        token = reader.string(forKey: "discord.token", isSecret: true).flatMap { $0.isEmpty ? nil : $0 }
        apiBase = try Self.checkedBase(text("timmybot.discord.api.base") ?? Self.discordAPIBase)
        trustedCAFile = text("timmybot.discord.ca.file")
        dataDirectory = text("timmybot.data.dir") ?? "./data"
        pluginDirectory = text("timmybot.plugin.dir") ?? installation.pluginDirectory
        libraryDirectory = text("timmybot.library.dir") ?? "./music"
        mediaWorker = text("timmybot.media.worker") ?? installation.mediaWorker
        allowedGuilds = try Self.guilds(text("timmybot.allowed.guilds") ?? "")
        logLevel = try Self.choice(text("timmybot.log.level"), "TIMMYBOT_LOG_LEVEL", or: .info)
        logFormat = try Self.choice(text("timmybot.log.format"), "TIMMYBOT_LOG_FORMAT", or: .text)
        compression = try Self.choice(
            text("timmybot.gateway.compression"), "TIMMYBOT_GATEWAY_COMPRESSION", or: .zstdStream)
    }

    private static func checkedBase(_ text: String) throws(ConfigurationError) -> String {
        let base = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard base.hasPrefix("https://") || base.hasPrefix("http://127.0.0.1") || base.hasPrefix("http://localhost")
        else {
            throw ConfigurationError(
                setting: "TIMMYBOT_DISCORD_API_BASE", reason: "must be https, or http on this machine")
        }
        return base
    }

    private static func guilds(_ text: String) throws(ConfigurationError) -> Set<Snowflake> {
        var ids: Set<Snowflake> = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            guard let id = Snowflake(part) else {
                throw ConfigurationError(
                    setting: "TIMMYBOT_ALLOWED_GUILDS",
                    reason: "'\(part.prefix(30))' is not a server id (a decimal number)")
            }
            ids.insert(id)
        }
        return ids
    }

    private static func choice<Value: RawRepresentable<String>>(
        _ text: String?, _ setting: String, or fallback: Value
    ) throws(ConfigurationError) -> Value {
        guard let text else { return fallback }
        guard let value = Value(rawValue: text.lowercased()) else {
            throw ConfigurationError(setting: setting, reason: "'\(text.prefix(30))' is not known")
        }
        return value
    }
}
