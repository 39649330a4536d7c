import Files
import Foundation
import Testing

/// Root looks after the data of a bot that runs as another user.
@Suite("Ownership", .enabled(if: geteuid() == 0, "only root can give files away"))
struct OwnershipTests {
    private static let bot: uid_t = 65_534

    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        try #require(chown(scratch.path, Self.bot, Self.bot) == 0)
    }

    private func owner(_ name: String) -> uid_t? {
        var status = stat()
        return lstat("\(scratch.path)/\(name)", &status) == 0 ? status.st_uid : nil
    }

    @Test func whatRootMakesIsItsFoldersOwners() throws {
        try Ownership.makeFolder("\(scratch.path)/a/b")
        #expect(owner("a") == Self.bot && owner("a/b") == Self.bot)
        try DurableFile.write(Data("x".utf8), to: "\(scratch.path)/a/file", durable: true)
        try DurableFile.write(Data("y".utf8), to: "\(scratch.path)/a/file")
        #expect(owner("a/file") == Self.bot)
        try Ownership.makeFolder("\(scratch.path)/a/b")
        #expect(throws: FileError.self) { try Ownership.makeFolder("\(scratch.path)/a/file/c") }
        #expect(throws: FileError.self) { try Ownership.makeFolder("\(scratch.path)/a/file") }
    }

    @Test func pluginCommandsLeaveTheBotItsFiles() async throws {
        for verb in ["disable", "enable"] {
            let (status, output) = try await Program.run(
                "plugin", verb, "timmy.queue", folder: "/", environment: ["TIMMYBOT_DATA_DIR": scratch.path])
            #expect(status == 0, "\(output)")
        }
        for name in ["plugins", "plugins/installed", "plugins/plugins.lock"] {
            #expect(owner(name) == Self.bot, "\(name)")
        }
    }
}
