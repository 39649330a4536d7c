import DiscordModel
import Sandbox
import Testing

extension WholeBot {
    /// Stage channels: no end-to-end encryption (protocol version 0), and nobody speaks before a moderator says so.
    @Suite("Stages", .serialized)
    struct StageTests {
        private func stage(_ rig: Rig) async throws -> Snowflake {
            try await rig.world.addChannel("Stage", type: ChannelType.stage, in: rig.home.guild)
        }

        @Test func theBotAsksAndPlaysWhenItMay() async throws {
            let rig = try await Rig.start()
            let stage = try await stage(rig)
            let ear = try await rig.world.listen(rig.human, in: stage)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(
                await eventually {
                    await rig.world.voiceState(of: rig.bot, in: rig.home.guild)?.requestToSpeak != nil
                }, "it did not raise its hand")
            #expect(
                await eventually {
                    await rig.world.messages(in: rig.home.text).contains { text(of: $0).contains("asked to speak") }
                }, "nobody was told")
            #expect(ear.report(of: rig.bot).packets == 0)
            await rig.world.setSuppressed(false, of: rig.bot, in: rig.home.guild)
            #expect(await rig.hear(100, by: ear))
            let (value, start) = try await rig.compare(ear, with: "morning-train.opus")
            #expect(value > 0.99 && start < 0.1, "the music has waited: \(value) \(start)")
            let report = ear.report(of: rig.bot)
            #expect(report.clear >= 100 && report.undecryptable == 0 && report.lost == 0, "\(report)")
            // And back among the audience.
            await rig.world.setSuppressed(true, of: rig.bot, in: rig.home.guild)
            #expect(
                await eventually {
                    let messages = await rig.world.messages(in: rig.home.text)
                    return messages.filter { text(of: $0).contains("asked to speak") }.count == 2
                })
            await rig.stop()
        }

        @Test func aModeratorOfTheStageNeedsNoLeave() async throws {
            let rig = try await Rig.start()
            let stage = try await stage(rig)
            await rig.world.setPermissions(
                [.viewChannel, .sendMessages, .connect, .speak, .muteMembers], ofRole: rig.home.guild,
                in: rig.home.guild)
            let ear = try await rig.world.listen(rig.human, in: stage)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await rig.hear(60, by: ear))
            #expect(try await rig.compare(ear, with: "morning-train.opus").value > 0.98)
            #expect(await rig.world.messages(in: rig.home.text).allSatisfy { !text(of: $0).contains("asked to speak") })
            await rig.stop()
        }

        /// Asking to speak goes over REST, which may take its time; the join does not wait for it.
        @Test func aSlowRESTDoesNotFailTheJoin() async throws {
            let rig = try await Rig.start()
            let stage = try await stage(rig)
            _ = try await rig.world.listen(rig.human, in: stage)
            await rig.world.inject(RESTFault(.slow(17), method: "PATCH", path: "voice-states", times: 10))
            let answer = try await rig.type("play", ["query": "morning train"])
            #expect(!isEphemeral(answer) && text(of: answer).contains("Morning Train"), "\(text(of: answer))")
            #expect(await rig.world.voiceState(of: rig.bot, in: rig.home.guild)?.channel == stage)
            await rig.stop()
        }

        @Test func withoutPermissionToAskTheCallerIsTold() async throws {
            let rig = try await Rig.start()
            let stage = try await stage(rig)
            _ = try await rig.world.listen(rig.human, in: stage)
            await rig.world.setPermissions(
                [.viewChannel, .sendMessages, .connect, .speak], ofRole: rig.home.guild, in: rig.home.guild)
            #expect(
                await eventually {
                    let answer = try? await rig.type("play", ["query": "morning train"])
                    return answer.map { isEphemeral($0) && text(of: $0).contains("Request to Speak") } ?? false
                })
            #expect(await rig.world.voiceState(of: rig.bot, in: rig.home.guild) == nil)
            await rig.stop()
        }
    }
}
