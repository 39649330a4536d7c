import ArgumentParser
import Bot
import Foundation
import Logging

/// A local Discord with the bot in it, and songs for it to play.
final class Demo: Sendable {
    let stage: Stage
    let songMaker: String

    init(directory: String, port: Int, quiet: Bool) async throws {
        let installation = Installation(executable: Installation.runningExecutable)
        guard let maker = installation.songMaker else {
            Settings.fail("timmybot-songs is not beside timmybot")
            throw Exit.unavailable
        }
        songMaker = maker
        let music = "\(directory)/music", data = "\(directory)/data"
        try? FileManager.default.removeItem(atPath: "\(data)/guilds")
        try FileManager.default.createDirectory(atPath: music, withIntermediateDirectories: true)
        try Self.launch(maker, [music])
        var logger = Logger(label: "demo")
        logger.logLevel = quiet ? .error : .notice
        stage = try await Stage(
            Stage.Plan(
                directory: directory, port: port,
                environment: ["TIMMYBOT_DATA_DIR": data, "TIMMYBOT_LIBRARY_DIR": music], logger: logger),
            installation: installation)
    }

    static func launch(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            Settings.fail("\(program) failed with status \(process.terminationStatus)")
            throw Exit.software
        }
    }
}
