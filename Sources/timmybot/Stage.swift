import ArgumentParser
import Bot
import DiscordModel
import Foundation
import Logging
import Sandbox

/// A local Discord with the bot in it, for `demo` and `plugin try`.
final class Stage: Sendable {
    struct Plan {
        /// Of the sandbox's own files.
        var directory: String
        /// Of the web page; 0 takes a free one.
        var port: Int
        /// For the bot, beside what leads it here.
        var environment: [String: String]
        /// Seconds of sound that a listener keeps.
        var recordedSeconds = 300
        var logger: Logger
    }

    let server: SandboxServer
    let app: BotApp
    let bot, guild, voice, text: DiscordModel.Snowflake

    init(_ plan: Plan, installation: Installation) async throws {
        var sandbox = SandboxConfiguration(directory: plan.directory, logger: plan.logger)
        sandbox.httpPort = plan.port
        sandbox.resourceDirectory = installation.page
        sandbox.recordedSeconds = plan.recordedSeconds
        sandbox.identifySpacing = 5
        server = try await SandboxServer.start(sandbox)
        let world = server.world
        let (application, token) = await world.addBot("TimmyBot")
        bot = application
        guild = try await world.addGuild("Demo Server")
        text = try await world.addChannel("music", in: guild)
        voice = try await world.addChannel("Lounge", type: ChannelType.voice, in: guild)
        _ = try await world.addChannel("Quiet Corner", type: ChannelType.voice, in: guild)
        await world.addMember(application, to: guild)
        let second = try await world.addGuild("Second Server")
        _ = try await world.addChannel("chat", in: second)
        _ = try await world.addChannel("Hangout", type: ChannelType.voice, in: second)
        await world.addMember(application, to: second)

        var environment = plan.environment
        environment["DISCORD_TOKEN"] = token
        environment["TIMMYBOT_DISCORD_API_BASE"] = server.apiBase
        environment["TIMMYBOT_DISCORD_CA_FILE"] = server.caFile
        environment["TIMMYBOT_ALLOWED_GUILDS"] = "\(guild),\(second)"
        let configuration = try await BotConfiguration.load(
            environment: environment, file: "/nonexistent/timmybot.yaml", installation: installation)
        app = try await BotApp(configuration, logger: plan.logger)
    }

    func stop() async {
        await app.stop()
        await server.stop()
    }

    /// Once the plugins are loaded and their commands registered.
    func waitForCommands() async throws {
        try await wait("the bot registers its commands", 30) {
            await !server.world.commands(of: bot, in: guild).isEmpty
        }
    }

    /// The human of the page, in the voice channel, with a recorder.
    func listen() async throws -> SandboxListener {
        let human = await server.world.human
        return try await server.world.listen(human, in: voice)
    }

    /// The human types a command; answers its interaction.
    func type(_ name: String, _ options: [JSONValue]) async throws -> DiscordModel.Snowflake {
        let human = await server.world.human
        return try await server.world.command(
            name, options: options, by: SandboxInvocation(user: human, guild: guild, channel: text))
    }

    func wait(_ what: String, _ seconds: Int, _ ready: () async -> Bool) async throws {
        for _ in 0..<seconds * 200 {
            if await ready() { return }
            try await ContinuousClock().sleep(for: .milliseconds(5))
        }
        Settings.fail("waited \(seconds) s in vain: \(what)")
        throw ExitCode(1)
    }
}

extension Duration {
    var milliseconds: Int { Int(self / .milliseconds(1)) }
}
