import Bot
import DiscordGateway
import DiscordModel
import Foundation
import Logging
import Sandbox
import Testing

extension WholeBot {
    /// Ends of a call that coming back would not mend, and sessions that Discord forgets.
    @Suite("Voice faults", .serialized)
    struct VoiceFaultTests {
        /// What the bot has asked for since it came: nothing but to leave.
        @Test(arguments: [UInt16(4004), 4012, 4014, 4016, 4017, 4021, 4022])
        func theBotLeavesAndSaysSo(_ code: UInt16) async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await rig.hear(25, by: ear))
            #expect(await rig.world.voiceRequests(of: rig.bot) == [rig.home.voice])
            await rig.world.inject(.close(code), intoVoiceOf: rig.bot)
            #expect(
                await eventually {
                    await rig.world.messages(in: rig.home.text).contains { text(of: $0).contains("/resume") }
                }, "nobody was told")
            #expect(await eventually { await rig.world.voiceState(of: rig.bot, in: rig.home.guild) == nil })
            #expect(await rig.world.voiceRequests(of: rig.bot) == [rig.home.voice, nil])
            // What was queued is not lost.
            ear.clear()
            #expect(!isEphemeral(try await rig.type("resume")))
            #expect(await rig.hear(60, by: ear))
            #expect(try await rig.compare(ear, with: "morning-train.opus", last: 1).value > 0.98)
            await rig.stop()
        }

        @Test(arguments: [GatewayFault.invalidSession(resumable: false), .close(4009)])
        func aNewGatewaySessionTakesTheCallBack(_ fault: GatewayFault) async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await rig.hear(25, by: ear))
            await rig.world.inject(fault, into: rig.bot)
            #expect(
                await eventually {
                    await rig.world.voiceRequests(of: rig.bot) == [rig.home.voice, rig.home.voice]
                })
            #expect(
                await eventually { await rig.world.voiceState(of: rig.bot, in: rig.home.guild) != nil })
            ear.clear()
            #expect(await rig.hear(100, by: ear))
            let report = ear.report(of: rig.bot)
            #expect(report.undecryptable == 0 && report.clear == 0, "\(report)")
            #expect(try await rig.compare(ear, with: "morning-train.opus", last: 1).value > 0.98)
            #expect(await rig.world.voiceRequests(of: rig.bot).count == 2)
            await rig.stop()
        }

        /// Discord refuses the token with 401 before there is any gateway to close with 4004.
        @Test func aWrongTokenEndsTheRun() async throws {
            let directory = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: directory) }
            var logger = Logger(label: "wrong-token")
            logger.logLevel = .critical
            let server = try await SandboxServer.start(SandboxConfiguration(directory: directory, logger: logger))
            let settings = [
                "DISCORD_TOKEN": "not.the.token", "TIMMYBOT_DISCORD_API_BASE": server.apiBase,
                "TIMMYBOT_DISCORD_CA_FILE": server.caFile, "TIMMYBOT_DATA_DIR": "\(directory)/data",
                "TIMMYBOT_LIBRARY_DIR": try await Songs.shared.folder(),
            ]
            let loaded = try await BotConfiguration.load(
                environment: settings, file: "/nonexistent/timmybot.yaml",
                installation: Installation(executable: Installation.runningExecutable))
            let app = try await BotApp(loaded, logger: logger)
            let error = await #expect(throws: GatewayStopped.self) { try await app.run() }
            #expect(error?.refusesToken == true)
            #expect(error?.message.contains("DISCORD_TOKEN") == true)
            #expect(error?.message.contains("not.the.token") == false)
            #expect(await server.world.requests().map(\.path).filter { $0.hasSuffix("/gateway/bot") }.count == 1)
            await app.stop()
            await server.stop()
        }

        /// The next track is with the pump before the current one ends: not a frame between them.
        @Test func theNextTrackFollowsWithoutAGap() async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            _ = try await rig.type("play", ["query": "night packets"])
            let place = try await Songs.shared.composed("morning-train.opus").count / 48_000 - 8
            #expect(await rig.hear(25, by: ear))
            _ = try await rig.type("seek", ["position": .string("\(place)")])
            // The seek itself may be heard.
            #expect(await rig.hear(ear.report(of: rig.bot).packets + 50, by: ear))
            ear.clear()
            #expect(await rig.hear(550, by: ear, within: .seconds(30)))
            let report = ear.report(of: rig.bot)
            let counters = await rig.app.voiceReport(guild: rig.home.guild.rawValue)?.statistics
            #expect(
                report.silence <= Ear.held && report.jumps <= 2 && report.lost == 0,
                "\(report) \(String(describing: counters))")
            #expect(report.clear == 0 && report.undecryptable == 0, "\(report)")
            let (value, start) = try await rig.compare(ear, with: "night-packets.opus", last: 1)
            #expect(value > 0.98 && start < 10, "\(value) \(start)")
            #expect(text(of: try await rig.type("now-playing")).contains("Night Packets"))
            await rig.stop()
        }
    }
}
