import ArgumentParser
import Bot
import DiscordGateway
import Files
import Logging

/// The bot as a service: signals drain it, and what Discord will not have ends it with a clear line.
enum Service {
    static func run(_ configuration: BotConfiguration) async throws {
        let logger = Logs.logger(configuration)
        let claim = try claim(configuration.dataDirectory)
        defer { withExtendedLifetime(claim) {} }
        let app = try await make(configuration, logger)
        let stopping = Signals.onStop {
            logger.notice("stopping")
            await app.stop()
        }
        defer { withExtendedLifetime(stopping) {} }
        do {
            try await app.run()
        } catch let stopped as GatewayStopped {
            Settings.fail(stopped.message)
            await app.stop()
            throw stopped.refusesToken ? Exit.noPermission : Exit.configuration
        }
        // `run` ends as soon as the gateway is closed: what else there is to finish is waited for here.
        guard await app.stop() else {
            Settings.fail("stopping took too long; what was given up is in the log")
            throw Exit.temporary
        }
    }

    /// Two bots would write over each other's files, and each would answer for the other's control socket.
    private static func claim(_ dataDirectory: String) throws -> FolderClaim {
        // What cannot be made is told with the setting's name, once the bot itself needs it.
        try? Ownership.makeFolder(dataDirectory)
        do {
            return try FolderClaim(dataDirectory)
        } catch {
            Settings.fail(
                "another bot runs with the data directory \(dataDirectory); each needs its own (TIMMYBOT_DATA_DIR)")
            throw Exit.temporary
        }
    }

    private static func make(_ configuration: BotConfiguration, _ logger: Logger) async throws -> BotApp {
        do {
            return try await BotApp(configuration, logger: logger)
        } catch let error as ConfigurationError {
            Settings.fail(error.description)
            throw Exit.configuration
        } catch let missing as MissingPart {
            Settings.fail(missing.description)
            throw Exit.unavailable
        }
    }
}

/// Where log lines go: standard error, as text or one JSON object a line.
enum Logs {
    static func logger(_ configuration: BotConfiguration) -> Logger {
        let format = configuration.logFormat
        LoggingSystem.bootstrap { label in
            switch format {
            case .text: StreamLogHandler.standardError(label: label)
            case .json: JSONLogHandler()
            }
        }
        var logger = Logger(label: "timmybot")
        logger.logLevel = configuration.logLevel
        return logger
    }
}
