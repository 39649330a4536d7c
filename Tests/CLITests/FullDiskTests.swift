import Foundation
import Sandbox
import TestSupport
import Testing

/// A file system of a given size, in a mount namespace of the program that uses it.
enum TinyDisk {
    /// `unshare` with what is needed to mount here; nil where nothing helps.
    static let unshare: [String]? = [["unshare", "-m"], ["unshare", "-r", "-m"]].first { command in
        guard
            let child = try? ChildProcess(
                command + ["mount", "-t", "tmpfs", "none", NSTemporaryDirectory()], errors: .pipe)
        else { return false }
        return child.wait() == 0
    }

    /// A wrapper that mounts `kilobytes` at `path` and starts what follows.
    static func wrapper(_ path: String, kilobytes: Int) -> [String] {
        let script = "mount -t tmpfs -o size=\(kilobytes)k none \(path) && exec \"$0\" \"$@\""
        return (unshare ?? []) + ["sh", "-c", script]
    }
}

extension TheProgram {
    @Suite("A full disk", .serialized, .enabled(if: TinyDisk.unshare != nil, "nothing can be mounted here"))
    struct FullDiskTests {
        /// The program's own view of a path.
        private func inside(_ program: Program, _ path: String) -> String { "/proc/\(program.child.pid)/root\(path)" }

        @Test func noRoomForPlugins() async throws {
            let town = try await Town()
            try FileManager.default.createDirectory(atPath: town.data, withIntermediateDirectories: true)
            let program = try Program(
                ["run"], in: town.scratch.path, environment: town.settings,
                wrapper: TinyDisk.wrapper(town.data, kilobytes: 64))
            #expect(await program.prints("no plugin is loaded"), "\(program.output)")
            for name in ["libLibrary.so", "libPlayback.so", "libQueue.so"] {
                let line = program.output.split(separator: "\n").first { $0.contains("plugin \(name) was refused") }
                #expect(line?.contains("no space left on the disk") == true, "\(program.output)")
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: inside(program, "\(town.data)/plugins"))
            // Folders of what operators install are there from the start.
            #expect(left.allSatisfy { !$0.contains(".so") }, "\(left)")
            program.terminate()
            #expect(await program.end(within: .seconds(60)) == 0, "\(program.output)")
            await town.server.stop()
        }

        /// The disk fills up while the bot runs: who asks is told so, what is queued stays, and it goes on by itself.
        @Test func noRoomForTheQueue() async throws {
            let town = try await Town()
            try FileManager.default.createDirectory(atPath: town.data, withIntermediateDirectories: true)
            let program = try await town.bot(wrapper: TinyDisk.wrapper(town.data, kilobytes: 64 << 10))
            _ = try await town.listen()
            func play(_ song: String) async throws -> String {
                let typed = try await town.type("play", ["query": song])
                return "\(String(describing: await town.world.answer(to: typed, within: .seconds(60))))"
            }
            #expect(try await play("morning train").contains("Morning Train"))
            let filler = inside(program, "\(town.data)/filler")
            try fill(filler)
            #expect(try await play("night packets").contains("could not save"), "\(program.output)")
            let record = inside(program, "\(town.data)/guilds/\(town.guild).json")
            let stored = try String(contentsOfFile: record, encoding: .utf8)
            #expect(stored.contains("Morning Train") && !stored.contains("Night Packets"))
            #expect(program.output.contains("its queue could not be stored: "), "\(program.output)")
            #expect(program.output.contains("No space left on device"))
            try FileManager.default.removeItem(atPath: filler)
            #expect(try await play("night packets").contains("Night Packets"))
            #expect(try String(contentsOfFile: record, encoding: .utf8).contains("Night Packets"))
            program.terminate()
            #expect(await program.end(within: .seconds(60)) == 0, "\(program.output)")
            await town.server.stop()
        }

        /// Writes until there is no room for a byte.
        private func fill(_ path: String) throws {
            let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            for size in [1 << 20, 1 << 12, 1] {
                let bytes = [UInt8](repeating: 0, count: size)
                while write(descriptor, bytes, size) > 0 {}
            }
        }
    }

    @Suite("A recording that cannot be kept")
    struct RecordingTests {
        @Test func theReportComesAllTheSame() async throws {
            let scratch = try Scratch()
            let (status, output) = try await Program.run(
                "demo", "--once", "--seconds", "1", "--wav", "/dev/full", folder: scratch.path)
            #expect(status == 73, "\(output)")
            #expect(output.contains("correlation"), "\(output)")
            #expect(output.contains("timmybot: /dev/full could not be written: "), "\(output)")
            #expect(output.contains("No space left on device"), "\(output)")
        }
    }
}
