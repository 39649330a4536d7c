import ArgumentParser
import Bot
import Foundation
import Logging

/// A local Discord with the bot in it, and songs for it to play. Demos share the songs and nothing else: several may run
/// at once.
final class Demo: Sendable {
    /// Seconds that can be played and compared: the song lasts 75.
    static let songSeconds = 60

    let stage: Stage
    let songMaker: String
    /// Of this run: the bot's data and the authority of the voice gateway.
    private let folder: String

    init(directory: String, port: Int, quiet: Bool) async throws {
        let installation = Installation(executable: Installation.runningExecutable)
        guard let maker = installation.songMaker else {
            Settings.fail("timmybot-songs is not beside timmybot")
            throw Exit.unavailable
        }
        songMaker = maker
        let music = "\(directory)/music"
        try FileManager.default.createDirectory(atPath: music, withIntermediateDirectories: true)
        try Self.launch(maker, [music])
        folder = try Self.makeFolder(in: directory)
        var logger = Logger(label: "demo")
        logger.logLevel = quiet ? .error : .notice
        let plan = Stage.Plan(
            directory: folder, port: port,
            environment: ["TIMMYBOT_DATA_DIR": "\(folder)/data", "TIMMYBOT_LIBRARY_DIR": music], logger: logger)
        do {
            stage = try await Stage(plan, installation: installation)
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    /// Once it is stopped.
    func cleanUp() { try? FileManager.default.removeItem(atPath: folder) }

    /// Beside the songs and not in /tmp, which may be mounted `noexec`: plugins are loaded from it.
    private static func makeFolder(in directory: String) throws -> String {
        var template = Array("\(directory)/run-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            Settings.fail("\(directory) cannot be written to: \(String(cString: strerror(errno)))")
            throw Exit.cannotCreate
        }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
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
