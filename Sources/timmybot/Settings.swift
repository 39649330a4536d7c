import ArgumentParser
import Bot
import Foundation

/// Settings of this process, with the errors that end it.
enum Settings {
    /// Of the working directory, as `.env.example` says.
    private static let environmentFile = ".env"

    static func load(_ file: String) async throws -> BotConfiguration {
        do {
            warnOfReaders(environmentFile)
            return try await BotConfiguration.load(
                environment: ProcessInfo.processInfo.environment, environmentFile: environmentFile, file: file,
                installation: Installation(executable: Installation.runningExecutable))
        } catch let error as ConfigurationError {
            fail(error.description)
            throw Exit.configuration
        }
    }

    /// The file holds the bot's token.
    private static func warnOfReaders(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o077 != 0 else { return }
        fail("\(path) can be read by others on this machine: chmod 600 \(path)")
    }

    static func fail(_ message: String) {
        StandardError.write("timmybot: \(message)\n")
    }
}

/// Exit codes, named as in sysexits.h.
enum Exit {
    static let noInput = ExitCode(66)
    static let unavailable = ExitCode(69)
    static let software = ExitCode(70)
    static let cannotCreate = ExitCode(73)
    static let temporary = ExitCode(75)
    static let noPermission = ExitCode(77)
    static let configuration = ExitCode(78)
}
