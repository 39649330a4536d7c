import DiscordModel
import Foundation
import Sandbox
import Testing

extension WholeBot {
    /// From a slash command to an ear.
    @Suite("Playing", .serialized)
    struct PlayTests {
        @Test func opusPassesThroughUntouched() async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let card = try await rig.type("play", ["query": "morning train"])
            #expect(text(of: card).contains("Morning Train"))
            #expect(!isEphemeral(card))
            #expect(card["attachments"]?[0]?["filename"]?.string == "cover.png")
            #expect(await rig.hear(200, by: ear))
            let (value, start) = try await rig.compare(ear, with: "morning-train.opus")
            #expect(value > 0.99, "\(value)")
            #expect(abs(start) < 0.05, "from its beginning: \(start)")
            let report = ear.report(of: rig.bot)
            #expect(report.lost == 0 && report.undecryptable == 0 && report.clear == 0, "\(report)")
            #expect(report.reusedNonces == 0 && report.wrongPayloadTypes == 0, "\(report)")
            #expect(await rig.world.encryptedMembers(of: rig.home.voice) == [rig.human, rig.bot].sorted())
            await rig.stop()
        }

        @Test(arguments: [
            ("glass harbour", "glass-harbour.flac"), ("paper lanterns", "paper-lanterns.mp3"),
            ("long way home", "long-way-home.m4a"),
        ])
        func everythingElseIsTranscoded(_ title: String, _ file: String) async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": .string(title)])
            #expect(await rig.hear(200, by: ear))
            let (value, _) = try await rig.compare(ear, with: file)
            #expect(value > 0.98, "\(file): \(value)")
            #expect(ear.report(of: rig.bot).lost == 0)
            await rig.stop()
        }

        @Test(arguments: [("morning train", "morning-train.opus"), ("glass harbour", "glass-harbour.flac")])
        func seekingGoesThere(_ title: String, _ file: String) async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": .string(title)])
            #expect(await rig.hear(25, by: ear))
            let answer = try await rig.type("seek", ["position": "0:30"])
            #expect(text(of: answer).contains("0:30"))
            ear.clear()
            #expect(await rig.hear(150, by: ear))
            // The first frames after the answer may still be of before.
            let (value, start) = try await rig.compare(ear, with: file, last: 2)
            #expect(value > 0.98, "\(value)")
            #expect((30...32).contains(start), "\(start)")
            let state = try await rig.type("now-playing")
            #expect(text(of: state).contains("0:3"), "\(text(of: state))")
            await rig.stop()
        }

        @Test func pauseAndResumeLoseNothing() async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let card = try await rig.type("play", ["query": "morning train"])
            #expect(await rig.hear(60, by: ear))
            let paused = try await rig.press("pause", of: card)
            #expect(text(of: paused).contains("Resume"))
            let atPause = ear.report(of: rig.bot).packets
            let resumed = try await rig.press("resume", of: paused)
            #expect(text(of: resumed).contains("Pause"))
            #expect(await rig.hear(atPause + 100, by: ear))
            let (value, start) = try await rig.compare(ear, with: "morning-train.opus", last: 1.5)
            #expect(value > 0.98, "\(value)")
            #expect(start < 4, "it went on where it was: \(start)")
            await rig.stop()
        }

        @Test func whatIsQueuedFollows() async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            let added = try await rig.type("play", ["query": "night packets"])
            #expect(text(of: added).contains("place 1"), "\(text(of: added))")
            let queue = try await rig.type("queue")
            #expect(text(of: queue).contains("Morning Train") && text(of: queue).contains("Night Packets"))
            #expect(await rig.hear(50, by: ear))
            let next = try await rig.type("skip")
            #expect(text(of: next).contains("Night Packets"))
            ear.clear()
            #expect(await rig.hear(150, by: ear))
            let (value, start) = try await rig.compare(ear, with: "night-packets.opus", last: 2)
            #expect(value > 0.99 && start < 5, "\(value) \(start)")
            let back = try await rig.type("previous")
            #expect(text(of: back).contains("Morning Train"))
            await rig.stop()
        }

        @Test func autocompleteOffersWhatThereIs() async throws {
            let rig = try await Rig.start()
            let who = SandboxInvocation(user: rig.human, guild: rig.home.guild, channel: rig.home.text)
            let id = try await rig.world.autocomplete(
                "play", options: [["name": "query", "type": 3, "value": "lantrens", "focused": true]], by: who)
            let answer = try #require(await rig.world.answer(to: id))
            let choices = answer["choices"]?.array ?? answer["data"]?["choices"]?.array ?? []
            #expect(choices.first?["name"]?.string?.contains("Paper Lanterns") == true, "\(answer)")
            // What was chosen is what plays.
            let value = try #require(choices.first?["value"])
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            #expect(text(of: try await rig.type("play", ["query": value])).contains("Paper Lanterns"))
            await rig.stop()
        }
    }
}
