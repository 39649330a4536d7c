@testable import Bot
import DiscordModel
import Foundation
import Sandbox
import TestSupport
import Testing

@Suite("Positions as time")
struct PositionTimeTests {
    @Test func everyNumberOfSamplesIsATime() {
        #expect(UInt64(48_000).samplesAsDuration == .seconds(1))
        #expect(UInt64(960).samplesAsDuration == .milliseconds(20))
        #expect(UInt64(0).samplesAsDuration == .zero)
        for samples in [UInt64.max, 1 << 63, UInt64(Int64.max), 9_300_000_000_000_000, 1 << 40] {
            #expect(samples.samplesAsDuration >= .seconds(Int64(samples / 48_000)))
            #expect(samples.samplesAsDuration < .seconds(Int64(samples / 48_000) + 1))
        }
    }
}

extension WholeBot {
    /// What happens to the media worker costs a listener at most a second, and no file ends the bot.
    @Suite("Media faults", .serialized)
    struct MediaFaultTests {
        /// The longest time without music between two packets of it, in seconds, by what RTP says.
        private func longestGap(_ ear: SandboxListener, of bot: Snowflake) -> Double {
            // Discord's silence frame has three bytes; no music has.
            let music = ear.packets().filter { $0.sender == bot && $0.length > 3 }
            let steps = zip(music, music.dropFirst()).map { $1.timestamp &- $0.timestamp }
            return Double((steps.max() ?? .max) &- 960) / 48_000
        }

        private func expectAtMostASecond(
            _ rig: Rig, _ ear: SandboxListener, of song: String, _ limit: Double = 1
        ) async throws {
            let report = ear.report(of: rig.bot)
            #expect(report.lost == 0 && report.undecryptable == 0, "\(report)")
            let gap = longestGap(ear, of: rig.bot)
            #expect(gap <= limit, "\(gap) s of silence")
            // Where it went on: the music heard so far, all of it once, is where the track is.
            let heard = Double(ear.packets().filter { $0.sender == rig.bot && $0.length > 3 }.count) / 50
            let (value, start) = try await rig.compare(ear, with: song, last: 1)
            #expect(value > 0.98, "\(value)")
            #expect(abs(start + 1 - heard) < 0.3, "at \(start + 1) s after \(heard) s of music")
        }

        @Test(arguments: [SIGKILL, SIGSTOP, SIGSEGV])
        func aLostWorkerCostsAtMostASecond(_ signal: Int32) async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await rig.hear(100, by: ear))
            let worker = try #require(await rig.app.mediaWorkerPID)
            #expect(kill(worker, signal) == 0)
            #expect(await eventually { await rig.app.mediaWorkerPID.map { $0 != worker } == true })
            let after = ear.report(of: rig.bot).packets
            #expect(await rig.hear(after + 150, by: ear))
            try await expectAtMostASecond(rig, ear, of: "morning-train.opus")
            await rig.stop()
        }

        /// A music folder with a song and files that do harm.
        private func folder(_ hostile: (String) throws -> Void) async throws -> String {
            let folder = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let songs = try await Songs.shared.folder()
            for name in ["morning-train.opus", "paper-lanterns.mp3"] {
                try FileManager.default.copyItem(atPath: "\(songs)/\(name)", toPath: "\(folder)/\(name)")
            }
            try hostile(folder)
            return folder
        }

        @Test func aFileThatFoolsTheWorkerCostsTheOthersNothing() async throws {
            let music = try await folder { folder in
                let song = URL(fileURLWithPath: "\(folder)/paper-lanterns.mp3")
                let head = try [UInt8](Data(contentsOf: song).prefix(60_000))
                try FileManager.default.removeItem(at: song)
                try HostileFiles.writeEndless(head, to: "\(folder)/endless.mp3")
            }
            defer { try? FileManager.default.removeItem(atPath: music) }
            let rig = try await Rig.start(music: music)
            let other = await rig.world.addUser("other")
            await rig.world.addMember(other, to: rig.away.guild)
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let there = try await rig.world.listen(other, in: rig.away.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await rig.hear(50, by: ear))
            let worker = await rig.app.mediaWorkerPID
            let started = try await rig.type("play", ["query": "endless"], in: rig.away, by: other)
            #expect(!isEphemeral(started) && text(of: started).contains("Paper Lanterns"), "\(text(of: started))")
            // It plays for a while and is then given up.
            #expect(await rig.hear(25, by: there))
            #expect(
                await eventually {
                    let card = try? await rig.type("now-playing", in: rig.away, by: other)
                    return card.map { !text(of: $0).contains("Paper Lanterns") } == true
                })
            let after = ear.report(of: rig.bot).packets
            #expect(await rig.hear(after + 100, by: ear))
            #expect(await rig.app.mediaWorkerPID == worker, "it was cut within the worker")
            try await expectAtMostASecond(rig, ear, of: "morning-train.opus")
            await rig.stop()
        }

        @Test func aFileWithImpossibleTimesEndsNothing() async throws {
            let music = try await folder { folder in
                let song = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/morning-train.opus")))
                for (name, granule) in [("zzfar", UInt64(1) << 53), ("zzfarther", 1 << 62)] {
                    try Data(HostileFiles.patchGranules(of: song, fromPage: 5, to: granule)).write(
                        to: URL(fileURLWithPath: "\(folder)/\(name).opus"))
                }
                try FileManager.default.removeItem(atPath: "\(folder)/morning-train.opus")
            }
            defer { try? FileManager.default.removeItem(atPath: music) }
            let rig = try await Rig.start(music: music)
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            for name in ["zzfar", "zzfarther"] {
                ear.clear()
                _ = try await rig.type("play", ["query": .string(name)])
                #expect(await rig.hear(250, by: ear), "beyond the pages that lie")
                let card = try await rig.type("now-playing")
                #expect(text(of: card).contains(/0:[0-5]\d/), "\(text(of: card))")
                _ = try await rig.type("stop")
                _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            }
            await rig.stop()
        }
    }
}
