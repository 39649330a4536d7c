import DiscordModel
import Foundation
import Sandbox
import Testing

extension WholeBot {
    /// Guilds have nothing in common, and errors are told to the one who caused them.
    @Suite("Guilds", .serialized)
    struct GuildTests {
        @Test func twoGuildsPlayDifferentSongs() async throws {
            let rig = try await Rig.start()
            let other = await rig.world.addUser("other")
            await rig.world.addMember(other, to: rig.away.guild)
            let here = try await rig.world.listen(rig.human, in: rig.home.voice)
            let there = try await rig.world.listen(other, in: rig.away.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            _ = try await rig.type("play", ["query": "night packets"], in: rig.away, by: other)
            #expect(await rig.hear(100, by: here))
            #expect(await rig.hear(100, by: there))
            _ = try await rig.type("stop")
            let stopped = here.report(of: rig.bot).packets
            let before = there.report(of: rig.bot).packets
            #expect(await rig.hear(before + 100, by: there))
            #expect(here.report(of: rig.bot).packets - stopped < 20, "the stopped one is silent")
            #expect(await rig.world.voiceState(of: rig.bot, in: rig.home.guild) == nil)
            #expect(await rig.world.voiceState(of: rig.bot, in: rig.away.guild)?.channel == rig.away.voice)
            let report = there.report(of: rig.bot)
            #expect(report.lost == 0 && report.undecryptable == 0, "\(report)")
            #expect(try await rig.compare(there, with: "night-packets.opus").value > 0.99)
            #expect(try await rig.compare(here, with: "morning-train.opus", last: 1, dropping: 0.2).value > 0.98)
            let queue = try await rig.type("queue", in: rig.away)
            #expect(text(of: queue).contains("Night Packets") && !text(of: queue).contains("Morning Train"))
            await rig.stop()
        }

        @Test func anUnapprovedGuildIsToldSo() async throws {
            let rig = try await Rig.start()
            _ = try await rig.world.listen(rig.human, in: rig.stranger.voice)
            let answer = try await rig.type("play", ["query": "morning train"], in: rig.stranger)
            #expect(isEphemeral(answer))
            #expect(text(of: answer).contains("not approved"))
            #expect(text(of: answer).contains(rig.stranger.guild.description))
            #expect(await rig.world.voiceState(of: rig.bot, in: rig.stranger.guild) == nil)
            await rig.stop()
        }

        @Test func plainWordsForWhatCannotBe() async throws {
            let rig = try await Rig.start()
            func refused(_ command: String, _ options: [String: JSONValue] = [:], _ words: String) async throws {
                let answer = try await rig.type(command, options)
                #expect(isEphemeral(answer), "/\(command): \(answer)")
                #expect(text(of: answer).localizedCaseInsensitiveContains(words), "/\(command): \(text(of: answer))")
            }
            try await refused("play", ["query": "morning train"], "voice channel")
            try await refused("skip", [:], "voice channel")
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            try await refused("skip", [:], "nothing")
            try await refused("play", ["query": "xyzzy qwrtp"], "found")
            try await refused("seek", ["position": "soon"], "1:23")
            await rig.world.setUserLimit(1, of: rig.home.voice)
            try await refused("play", ["query": "morning train"], "full")
            await rig.world.setUserLimit(0, of: rig.home.voice)
            await rig.world.setPermissions(
                [.viewChannel, .sendMessages, .connect], ofRole: rig.home.guild, in: rig.home.guild)
            #expect(
                await eventually {
                    let answer = try? await rig.type("play", ["query": "morning train"])
                    return answer.map { isEphemeral($0) && text(of: $0).contains("speak") } ?? false
                })
            await rig.world.setPermissions([.viewChannel, .sendMessages], ofRole: rig.home.guild, in: rig.home.guild)
            #expect(
                await eventually {
                    let answer = try? await rig.type("play", ["query": "morning train"])
                    return answer.map { isEphemeral($0) && text(of: $0).contains("join") } ?? false
                })
            #expect(await rig.world.voiceState(of: rig.bot, in: rig.home.guild) == nil)
            await rig.stop()
        }

        @Test func stoppingAndStartingAtOnceWorks() async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            for _ in 0..<3 {
                _ = try await rig.type("play", ["query": "morning train"])
                #expect(await rig.hear(10, by: ear))
                _ = try await rig.type("stop")
                ear.clear()
            }
            let card = try await rig.type("play", ["query": "night packets"])
            #expect(text(of: card).contains("Night Packets") && !isEphemeral(card), "\(text(of: card))")
            #expect(await rig.hear(60, by: ear))
            await rig.stop()
        }

        @Test func theQueueCommandsDoWhatTheySay() async throws {
            let rig = try await Rig.start()
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            for song in ["morning train", "night packets", "glass harbour", "paper lanterns"] {
                _ = try await rig.type("play", ["query": .string(song)])
            }
            _ = try await rig.type("play-next", ["query": "tidal clock"])
            func order() async throws -> [String] {
                let shown = text(of: try await rig.type("queue"))
                let names = ["Night Packets", "Glass Harbour", "Paper Lanterns", "Tidal Clock"]
                return names.compactMap { name in shown.range(of: name).map { ($0.lowerBound, name) } }.sorted {
                    $0.0 < $1.0
                }
                .map(\.1)
            }
            #expect(try await order() == ["Tidal Clock", "Night Packets", "Glass Harbour", "Paper Lanterns"])
            _ = try await rig.type("move", ["from": 4, "to": 1])
            #expect(try await order() == ["Paper Lanterns", "Tidal Clock", "Night Packets", "Glass Harbour"])
            _ = try await rig.type("remove", ["position": 2])
            #expect(try await order() == ["Paper Lanterns", "Night Packets", "Glass Harbour"])
            #expect(text(of: try await rig.type("shuffle")).contains("3"))
            #expect(Set(try await order()) == ["Paper Lanterns", "Night Packets", "Glass Harbour"])
            #expect(text(of: try await rig.type("loop", ["mode": "queue"])).contains("queue"))
            _ = try await rig.type("clear")
            #expect(try await order().isEmpty)
            let refused = try await rig.type("remove", ["position": 1])
            #expect(isEphemeral(refused))
            await rig.stop()
        }

        @Test func theQueueIsOnTheDiskBeforeTheAnswer() async throws {
            let directory = NSTemporaryDirectory() + "timmybot-restart-\(UUID().uuidString)"
            let rig = try await Rig.start(directory: directory)
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            _ = try await rig.type("play", ["query": "night packets"])
            let stored = try String(contentsOfFile: "\(directory)/data/guilds/\(rig.home.guild).json", encoding: .utf8)
            #expect(stored.contains("Morning Train") && stored.contains("Night Packets"), "\(stored)")
            #expect(!FileManager.default.fileExists(atPath: "\(directory)/data/guilds/\(rig.away.guild).json"))
            await rig.stop()
        }
    }
}
