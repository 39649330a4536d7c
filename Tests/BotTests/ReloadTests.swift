import Bot
import DiscordModel
import Foundation
import Glibc
import PluginStore
import Sandbox
import Testing

extension WholeBot {
    /// A source is replaced again and again while it plays.
    @Suite("Reloading", .serialized)
    struct ReloadTests {
        private static let builds = 5
        private static let reloads = 50

        @Test(.timeLimit(.minutes(5)))
        func fiftyReloadsWhileTwoGuildsPlay() async throws {
            let directory = NSTemporaryDirectory() + "timmybot-reload-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let (folder, builds) = try Self.plugins(directory)
            let rig = try await Rig.start(
                directory: "\(directory)/rig", environment: ["TIMMYBOT_PLUGIN_DIR": folder])
            let other = await rig.world.addUser("other")
            await rig.world.addMember(other, to: rig.away.guild)
            let ears = [
                try await rig.world.listen(rig.human, in: rig.home.voice),
                try await rig.world.listen(other, in: rig.away.voice),
            ]
            _ = try await rig.type("play", ["query": "morning train"])
            _ = try await rig.type("play", ["query": "glass harbour"], in: rig.away, by: other)
            for ear in ears { #expect(await rig.hear(50, by: ear)) }

            let data = "\(directory)/rig/data"
            var cap = Usage(), answers: [String] = []
            for round in 1...Self.reloads {
                // Moved over the old one, as an operator's tools do.
                try FileManager.default.copyItem(atPath: builds[round % Self.builds], toPath: "\(folder)/new")
                try #require(rename("\(folder)/new", "\(folder)/libLibrary.so") == 0)
                answers.append(try await Self.reload("timmy.library", data))
                // The new version is asked for something each time, so that the old one may go.
                if round % 5 == 0 {
                    #expect(await eventually { (try? await Self.suggests(rig)) == true })
                }
                // By now every build is mapped for good, twice over.
                guard round == 2 * Self.builds else { continue }
                for (ear, song) in zip(ears, Self.songs) { try await Self.expectWhole(ear, song, rig) }
                cap = await Usage.settled()
            }
            #expect(answers.allSatisfy { $0.hasPrefix("ok timmy.library 1.0.0 replaced by 1.0.0") }, "\(answers)")

            for (ear, song) in zip(ears, Self.songs) { try await Self.expectWhole(ear, song, rig) }
            let after = await Usage.settled(threads: cap.threads, descriptors: cap.descriptors)
            // The local Discord and the system's thread pools are in this process as well; forty leaks would be more.
            #expect(after.threads <= cap.threads + 8, "threads: \(cap) then \(after)")
            #expect(after.descriptors <= cap.descriptors + 16, "descriptors: \(cap) then \(after)")
            #expect(after.residentKilobytes - cap.residentKilobytes < 65_536, "memory: \(cap) then \(after)")

            for (ear, song) in zip(ears, Self.songs) { try await Self.expectWhole(ear, song, rig) }
            // And it still opens tracks.
            _ = try await rig.type("play", ["query": "night packets"])
            _ = try await rig.type("skip")
            ears[0].clear()
            #expect(await rig.hear(100, by: ears[0]))
            #expect(try await rig.compare(ears[0], with: "night-packets.opus", last: 1.5).value > 0.98)
            await rig.stop()
        }

        /// Whether a song is suggested: a search waits for the first look at the folder, but not for long.
        private static func suggests(_ rig: Rig) async throws -> Bool {
            let found = try await rig.world.autocomplete(
                "play", options: [["name": "query", "type": 3, "value": "lanterns", "focused": true]],
                by: SandboxInvocation(user: rig.human, guild: rig.home.guild, channel: rig.home.text))
            guard let answer = await rig.world.answer(to: found) else { return false }
            let choices = answer["choices"]?.array ?? answer["data"]?["choices"]?.array ?? []
            return choices.first?["name"]?.string?.contains("Paper Lanterns") == true
        }

        private static let songs = ["morning-train.opus", "glass-harbour.flac"]

        /// Nothing is missing in what was heard since the last time; it is let go of, so that it does not count as memory.
        private static func expectWhole(_ ear: SandboxListener, _ song: String, _ rig: Rig) async throws {
            let report = ear.report(of: rig.bot)
            #expect(report.lost == 0 && report.undecryptable == 0 && report.silence <= Ear.held, "\(song): \(report)")
            let (value, start) = try await rig.compare(ear, with: song)
            #expect(value > 0.95, "\(song): \(value) from \(start) s: \(report)")
            ear.clear()
        }

        /// A plugin folder, and builds of the Library that differ in their content only: bytes after an ELF file's end
        /// are nothing to the loader, and another file to the host.
        private static func plugins(_ directory: String) throws -> (folder: String, builds: [String]) {
            let built =
                (Installation(executable: Installation.runningExecutable).mediaWorker as NSString)
                .deletingLastPathComponent
            let folder = "\(directory)/plugins"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for name in ["Library", "Playback", "Queue"] {
                try FileManager.default.copyItem(atPath: "\(built)/lib\(name).so", toPath: "\(folder)/lib\(name).so")
            }
            let original = try Data(contentsOf: URL(fileURLWithPath: "\(built)/libLibrary.so"))
            let builds = try (0..<Self.builds).map { number in
                let path = "\(directory)/library-\(number)"
                try (original + Data("build \(number)".utf8)).write(to: URL(fileURLWithPath: path))
                return path
            }
            return (folder, builds)
        }

        /// As `timmybot plugin reload` does, on a thread that may block.
        private static func reload(_ id: String, _ data: String) async throws -> String {
            let result: Result<String, PluginStoreError> = await withCheckedContinuation { done in
                Thread.detachNewThread {
                    do throws(PluginStoreError) {
                        done.resume(returning: .success(try ControlSocket.ask("reload \(id)", dataDirectory: data)))
                    } catch {
                        done.resume(returning: .failure(error))
                    }
                }
            }
            return try result.get()
        }
    }
}

/// What this process holds.
private struct Usage: CustomStringConvertible {
    var threads = 0, descriptors = 0, residentKilobytes = 0

    var description: String { "\(threads) threads, \(descriptors) descriptors, \(residentKilobytes) KiB" }

    private static func count(_ path: String) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: path))?.count ?? 0
    }

    private static func now() -> Usage {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let resident = line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
        return Usage(
            threads: count("/proc/self/task"), descriptors: count("/proc/self/fd"), residentKilobytes: resident)
    }

    /// The least within a second, and earlier where it is as little as it was: threads and sockets that end take a moment.
    static func settled(threads: Int = 0, descriptors: Int = 0) async -> Usage {
        var least = now()
        _ = await eventually(within: .seconds(3)) {
            let now = now()
            least.threads = min(least.threads, now.threads)
            least.descriptors = min(least.descriptors, now.descriptors)
            least.residentKilobytes = min(least.residentKilobytes, now.residentKilobytes)
            return least.threads <= threads && least.descriptors <= descriptors
        }
        return least
    }
}
