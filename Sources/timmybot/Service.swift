import ArgumentParser
import Bot
import DiscordGateway
import Dispatch
import Foundation
import Logging

/// Settings of this process, with the errors that end it.
enum Settings {
    static func load(_ file: String) async throws -> BotConfiguration {
        do {
            return try await BotConfiguration.load(
                environment: ProcessInfo.processInfo.environment, file: file,
                installation: Installation(executable: Installation.runningExecutable))
        } catch let error as ConfigurationError {
            fail(error.description)
            throw ExitCode(78)
        }
    }

    static func fail(_ message: String) { FileHandle.standardError.write(Data("timmybot: \(message)\n".utf8)) }
}

/// The bot as a service: signals drain it, and what Discord will not have ends it with a clear line.
enum Service {
    static func run(_ configuration: BotConfiguration) async throws {
        let logger = Logs.logger(configuration)
        let app: BotApp
        do {
            app = try await BotApp(configuration, logger: logger)
        } catch let error as ConfigurationError {
            Settings.fail(error.description)
            throw ExitCode(78)
        }
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
            throw ExitCode(stopped.refusesToken ? 77 : 78)
        }
    }
}

/// SIGINT and SIGTERM once end the service in order; a second one, or ten seconds, end it at once.
enum Signals {
    static func onStop(_ body: @escaping @Sendable () async -> Void) -> [any DispatchSourceSignal] {
        let flag = NSLock()
        nonisolated(unsafe) var seen = false
        return [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                let first = flag.withLock {
                    defer { seen = true }
                    return !seen
                }
                guard first else { _exit(130) }
                DispatchQueue.global().asyncAfter(deadline: .now() + 10) { _exit(75) }
                Task {
                    await body()
                    exit(0)
                }
            }
            source.resume()
            return source
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

struct JSONLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = ["level": event.level.rawValue, "message": event.message.description]
        fields["time"] = Date().formatted(.iso8601)
        for (key, value) in metadata { fields[key] = "\(value)" }
        guard let line = try? JSONEncoder().encode(fields) else { return }
        FileHandle.standardError.write(line + Data("\n".utf8))
    }
}
