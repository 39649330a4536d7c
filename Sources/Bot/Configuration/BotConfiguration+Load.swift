import Configuration
import DiscordGateway
import DiscordModel
import Logging
import SystemPackage

/// More than any bot has; Discord names no limit.
private let maximumShards = 100_000

extension BotConfiguration {
    /// Reads environment variables, then the environment file, then `timmybot.yaml`, then defaults.
    ///
    /// - Parameters:
    ///   - environment: of this process.
    ///   - environmentFile: lines of `NAME=value`, taken as they are (no quotes, no `$`); it may be missing. Nil reads
    ///     none.
    ///   - file: the YAML file; it may be missing.
    ///   - installation: where plugins and worker are unless the operator says otherwise.
    /// - Throws: `ConfigurationError` for the first setting that cannot be used.
    public static func load(
        environment: [String: String], environmentFile: String? = nil, file: String = "timmybot.yaml",
        installation: Installation
    ) async throws -> BotConfiguration {
        var providers: [any ConfigProvider] = [
            EnvironmentVariablesProvider(environmentVariables: environment, secretsSpecifier: secrets)
        ]
        if let environmentFile {
            do {
                providers.append(
                    try await EnvironmentVariablesProvider(
                        environmentFilePath: FilePath(environmentFile), allowMissing: true, secretsSpecifier: secrets))
            } catch {
                throw ConfigurationError(setting: environmentFile, reason: "cannot be read")
            }
        }
        do {
            providers.append(try await FileProvider<YAMLSnapshot>(filePath: FilePath(file), allowMissing: true))
        } catch {
            throw ConfigurationError(setting: file, reason: "is not readable YAML")
        }
        return try BotConfiguration(ConfigReader(providers: providers), installation: installation)
    }

    private static var secrets: SecretsSpecifier<String, String> { .specific(["DISCORD_TOKEN"]) }

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
        // In YAML a number may be written as one.
        func number(_ key: ConfigKey) -> String? { text(key) ?? reader.int(forKey: key).map(String.init) }
        let count = try Self.number(number("timmybot.shard.count"), "TIMMYBOT_SHARD_COUNT", 1...maximumShards, or: 1)
        shard = (
            try Self.number(number("timmybot.shard.id"), "TIMMYBOT_SHARD_ID", 0...count - 1, or: 0), count
        )
    }

    private static func number(
        _ text: String?, _ setting: String, _ range: ClosedRange<Int>, or fallback: Int
    ) throws(ConfigurationError) -> Int {
        guard let text else { return fallback }
        guard let value = Int(text), range.contains(value) else {
            throw ConfigurationError(
                setting: setting,
                reason: "'\(text.prefix(30))' is not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
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
