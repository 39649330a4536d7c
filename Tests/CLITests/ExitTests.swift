import Files
import Foundation
import Sandbox
import TestSupport
import Testing

extension TheProgram {
    /// Exit codes and what is said with them. docs/operators.md lists them.
    @Suite("Exit codes", .serialized)
    struct ExitTests {
        @Test func versionAndHelp() async throws {
            let version = try await Program.run("--version")
            #expect(version.status == 0 && version.output.wholeMatch(of: /\d+\.\d+\.\d+/) != nil, "\(version.output)")
            for command in [
                [], ["run"], ["demo"], ["plugin"], ["plugin", "list"], ["plugin", "try"], ["plugin", "check"],
                ["doctor"],
            ] {
                let program = try Program(command + ["--help"])
                #expect(await program.end() == 0)
                let usage = (["USAGE: timmybot"] + command).joined(separator: " ")
                #expect(program.output.contains(usage), "\(program.output)")
            }
        }

        @Test(arguments: [["play"], ["run", "--loud"], ["demo", "--seconds", "0"], ["demo", "--seconds", "61"]])
        func wrongArguments(_ arguments: [String]) async throws {
            let program = try Program(arguments)
            #expect(await program.end() == 64, "\(program.output)")
        }

        @Test func noToken() async throws {
            let scratch = try Scratch()
            let (status, output) = try await Program.run("run", folder: scratch.path)
            #expect(status == 78)
            #expect(output.contains("DISCORD_TOKEN") && output.contains("doctor"), "\(output)")
        }

        @Test(arguments: [
            ("TIMMYBOT_LOG_LEVEL", "loud"), ("TIMMYBOT_ALLOWED_GUILDS", "my server"),
            ("TIMMYBOT_DISCORD_API_BASE", "http://example.com"), ("TIMMYBOT_SHARD_ID", "1"),
            ("TIMMYBOT_SHARD_COUNT", "none"), ("TIMMYBOT_DATA_DIR", "/proc/nowhere"),
        ])
        func aSettingThatCannotBeUsed(_ name: String, _ value: String) async throws {
            let scratch = try Scratch()
            let (status, output) = try await Program.run(
                "run", folder: scratch.path, environment: ["DISCORD_TOKEN": "secret.token", name: value])
            #expect(status == 78)
            #expect(output.contains(name) && !output.contains("secret.token"), "\(output)")
        }

        @Test func aMissingMediaWorker() async throws {
            let scratch = try Scratch()
            let (status, output) = try await Program.run(
                "run", folder: scratch.path,
                environment: ["DISCORD_TOKEN": "secret.token", "TIMMYBOT_MEDIA_WORKER": "/nonexistent/timmybot-media"])
            #expect(status == 69)
            #expect(output.contains("media worker: /nonexistent/timmybot-media is not there"), "\(output)")
            #expect(output.contains("TIMMYBOT_MEDIA_WORKER"), "\(output)")
        }

        /// Discord ends the session for good.
        @Test(arguments: [(UInt16(4004), Int32(77)), (4014, 78)])
        func theGatewayWillNotHaveIt(_ code: UInt16, _ expected: Int32) async throws {
            let town = try await Town()
            let program = try await town.bot()
            await town.world.inject(.close(code), into: town.bot)
            #expect(await program.end(within: .seconds(30)) == expected, "\(program.output)")
            #expect(program.output.contains("timmybot: "))
            #expect(!program.output.contains(town.token))
            await town.server.stop()
        }

        @Test func aTokenThatDiscordRefuses() async throws {
            let town = try await Town()
            let program = try Program(
                ["run"], in: town.scratch.path,
                environment: town.settings.merging(["DISCORD_TOKEN": "wrong.token"]) { $1 })
            #expect(await program.end(within: .seconds(60)) == 77, "\(program.output)")
            #expect(!program.output.contains("wrong.token"))
            await town.server.stop()
        }

        /// Two bots would write over each other's files. What only looks, and `plugin`, go on.
        @Test func aDataDirectoryThatAnotherBotHas() async throws {
            let scratch = try Scratch()
            let claim = try FolderClaim(scratch.path)
            let settings = ["DISCORD_TOKEN": "secret.token", "TIMMYBOT_DATA_DIR": scratch.path]
            let (status, output) = try await Program.run("run", folder: scratch.path, environment: settings)
            #expect(status == 75, "\(output)")
            #expect(output.contains("another bot runs with the data directory \(scratch.path)"), "\(output)")
            let other = try await Program.run(
                "plugin", "disable", "timmy.queue", folder: scratch.path, environment: settings)
            #expect(other.status == 0, "\(other.output)")
            withExtendedLifetime(claim) {}
        }

        @Test func pluginList() async throws {
            let scratch = try Scratch()
            let (status, output) = try await Program.run("plugin", "list", folder: scratch.path)
            #expect(status == 0)
            for id in ["timmy.library", "timmy.playback", "timmy.queue"] { #expect(output.contains(id), "\(output)") }
            try scratch.write("no ELF file", to: "broken.so")
            let bad = try await Program.run(
                "plugin", "list", folder: scratch.path, environment: ["TIMMYBOT_PLUGIN_DIR": scratch.path])
            #expect(bad.status == 0 && bad.output.contains("broken.so\trefused: "), "\(bad.output)")
            let none = try await Program.run(
                "plugin", "list", folder: scratch.path, environment: ["TIMMYBOT_PLUGIN_DIR": "/nonexistent"])
            #expect(none.output == "no plugins in /nonexistent")
        }

        /// Without plugins there are no commands, and the bot says so and stays.
        @Test func aMissingPluginFolder() async throws {
            let town = try await Town()
            let program = try Program(
                ["run"], in: town.scratch.path,
                environment: town.settings.merging(["TIMMYBOT_PLUGIN_DIR": "/nonexistent"]) { $1 })
            #expect(await program.prints("no plugin is loaded from /nonexistent"), "\(program.output)")
            #expect(await program.prints("logged in as TimmyBot"), "\(program.output)")
            let typed = try? await town.type("play", ["query": "x"])
            #expect(typed == nil, "there is no such command")
            program.terminate()
            #expect(await program.end(within: .seconds(60)) == 0, "\(program.output)")
            await town.server.stop()
        }
    }
}
