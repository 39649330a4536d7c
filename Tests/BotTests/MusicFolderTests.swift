import DiscordModel
import Foundation
import Sandbox
import TestSupport
import Testing

extension WholeBot {
    /// What people have in their music folders, and what others may put there.
    @Suite("Music folder", .serialized)
    struct MusicFolderTests {
        @Test func aMissingFolderIsNoEndOfTheBot() async throws {
            let folder = NSTemporaryDirectory() + "timmybot-absent-\(UUID().uuidString)"
            let rig = try await Rig.start(music: folder)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let answer = try await rig.type("play", ["query": "morning train"])
            #expect(isEphemeral(answer) && text(of: answer).contains("found"), "\(text(of: answer))")
            // It may come later, from a disk that is mounted after the bot has started.
            try FileManager.default.copyItem(atPath: try await Songs.shared.folder(), toPath: folder)
            #expect(
                await eventually {
                    let card = try? await rig.type("play", ["query": "morning train"])
                    return card.map { !isEphemeral($0) && text(of: $0).contains("Morning Train") } ?? false
                })
            #expect(await rig.hear(25, by: ear))
            await rig.stop()
        }

        @Test func aHostileFolderCostsOnlyItsOwnFiles() async throws {
            let root = NSTemporaryDirectory() + "timmybot-hostile-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: root) }
            try await Self.makeHostile(root)
            let rig = try await Rig.start(music: "\(root)/music")
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let card = try await rig.type("play", ["query": "night packets"])
            #expect(text(of: card).contains("Night Packets") && !isEphemeral(card), "\(text(of: card))")
            #expect(await rig.hear(50, by: ear))
            for query in ["outside", "waiting pipe", "album", "hollow", "static noise", "shortened"] {
                let answer = try await rig.type("play", ["query": .string(query)])
                #expect(!text(of: answer).contains("Outside"), "no link leads out: \(text(of: answer))")
                #expect(isEphemeral(answer), "\(query): \(text(of: answer))")
            }
            let loud = try await rig.type("play", ["query": "everyone shout"])
            #expect(loud["allowed_mentions"]?["parse"]?.array ?? [] == [] && loud["mention_everyone"]?.bool != true)
            // The one that was playing is none the worse for it.
            let heard = ear.report(of: rig.bot).packets
            #expect(await rig.hear(heard + 50, by: ear))
            let report = ear.report(of: rig.bot)
            #expect(report.lost == 0 && report.undecryptable == 0 && report.silence <= Ear.held, "\(report)")
            #expect(try await rig.compare(ear, with: "night-packets.opus", last: 1).value > 0.98)
            await rig.stop()
        }

        /// One good song among links out, pipes, loops, lies, and names that nobody should have.
        private static func makeHostile(_ root: String) async throws {
            let files = FileManager.default
            let music = "\(root)/music", songs = try await Songs.shared.folder()
            try files.createDirectory(atPath: "\(music)/album.mp3", withIntermediateDirectories: true)
            try files.copyItem(atPath: "\(songs)/night-packets.opus", toPath: "\(music)/night-packets.opus")
            try files.copyItem(atPath: "\(songs)/tidal-clock.opus", toPath: "\(root)/Outside.opus")
            try files.createSymbolicLink(atPath: "\(music)/Outside.opus", withDestinationPath: "../Outside.opus")
            try files.createSymbolicLink(atPath: "\(music)/outside", withDestinationPath: root)
            try files.createSymbolicLink(atPath: "\(music)/loop", withDestinationPath: ".")
            mkfifo("\(music)/waiting pipe.opus", 0o600)
            func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
                try Data(bytes).write(to: URL(fileURLWithPath: "\(music)/\(name)"))
            }
            try write("hollow.flac", [])
            var random = SystemRandomNumberGenerator()
            try write("static noise.mp3", (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &random) })
            let song = try Data(contentsOf: URL(fileURLWithPath: "\(songs)/tidal-clock.opus"))
            try write("shortened.opus", song.prefix(40))
            try write("@everyone shout **\u{202E}**\n<@1>.opus", song)
            try write(String(repeating: "x", count: 250) + ".opus", song.prefix(500))
            // A name that is no UTF-8.
            let descriptor = open("\(music)/", O_RDONLY | O_DIRECTORY)
            let odd: [CChar] = [0x62, -1, -2, 0x2e, 0x6f, 0x70, 0x75, 0x73, 0]
            close(openat(descriptor, odd, O_WRONLY | O_CREAT, 0o600))
            close(descriptor)
            var deep = music
            for level in 0..<30 { deep += "/\(level)" }
            try files.createDirectory(atPath: deep, withIntermediateDirectories: true)
            try files.copyItem(atPath: "\(songs)/tidal-clock.opus", toPath: "\(deep)/album.opus")
        }
    }
}
