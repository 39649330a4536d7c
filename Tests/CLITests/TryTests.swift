import Foundation
import Sandbox
import TestSupport
import Testing

extension TheProgram {
    /// `timmybot plugin try` with plugins as an author builds them: from the SDK's examples, with `make`.
    @Suite("Trying a plugin", .serialized)
    struct TryTests {
        private static let sdk = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("sdk").path
        private let scratch: Scratch

        init() throws { scratch = try Scratch() }

        /// An example, built in a folder of its own.
        private func example(_ name: String, _ flags: [String] = []) async throws -> String {
            let folder = "\(scratch.path)/\(name)"
            if !FileManager.default.fileExists(atPath: folder) {
                try FileManager.default.copyItem(atPath: "\(Self.sdk)/examples/\(name)", toPath: folder)
            }
            let (status, output) = try await ChildProcess.run(
                ["make", "-s", "-C", folder, "TIMMYBOT_SDK=\(Self.sdk)"] + flags)
            try #require(status == 0, "\(output)")
            return "\(folder)/\(name).so"
        }

        /// Where the program's temporary folders are; none is left behind.
        private var temporary: String { "\(scratch.path)/tmp" }

        private func start(_ arguments: [String]) throws -> Program {
            try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
            return try Program(
                ["plugin", "try"] + arguments, in: scratch.path, environment: ["TMPDIR": temporary])
        }

        private func expectNothingLeft() throws {
            let left = try FileManager.default.contentsOfDirectory(atPath: temporary)
            #expect(left.isEmpty, "\(left)")
        }

        /// A source that makes its own sound, and songs of a folder beside a group of commands.
        @Test(arguments: [
            ("c-tune", ["--once", "tune: t=120 C4 E4 [G4 C5]/2 C4 E4 G4 C5"]),
            ("c-dice", ["--once", "Morning Train", "--library", "music"]),
        ])
        func whatIsPlayedIsHeard(_ name: String, _ arguments: [String]) async throws {
            let plugin = try await example(name)
            try FileManager.default.createSymbolicLink(
                atPath: "\(scratch.path)/music", withDestinationPath: try await Town.songs.value)
            let program = try start([plugin, "--seconds", "1"] + arguments)
            #expect(await program.end() == 0, "\(program.output)")
            let output = program.output
            #expect(output.contains(/frames heard +\d+ of \d+, 0 lost, 0 undecryptable/), "\(output)")
            #expect(output.contains(/first audio +\d+ ms/) && output.contains(/loudness +-\d+\.\d dBFS/), "\(output)")
            #expect(output.hasSuffix("OK"))
            let wav = try Data(contentsOf: URL(fileURLWithPath: "\(scratch.path)/try.wav"))
            #expect(wav.prefix(4) == Data("RIFF".utf8) && wav.count > 48_000 * 4 * 9 / 10)
            try expectNothingLeft()
        }

        @Test func whatIsNotFoundIsAFailure() async throws {
            let plugin = try await example("c-tune")
            let program = try start([plugin, "--once", "no tune at all", "--seconds", "1"])
            #expect(await program.end() == 1)
            #expect(program.output.contains("FAILED"), "\(program.output)")
            #expect(!FileManager.default.fileExists(atPath: "\(scratch.path)/try.wav"))
            try expectNothingLeft()
        }

        @Test func aCommandIsTypedAndAnswered() async throws {
            let plugin = try await example("c-dice")
            let program = try start([plugin, "--once", "/roll dice:3d6"])
            #expect(await program.end() == 0, "\(program.output)")
            #expect(program.output.contains(/3d6: .* = \*\*\d+\*\*/), "\(program.output)")
            // A person's mistake that the plugin tells them of is no failure of the plugin.
            let mistaken = try start([plugin, "--once", "/roll dice:many"])
            #expect(await mistaken.end() == 0, "\(mistaken.output)")
            #expect(mistaken.output.contains("Say it like 2d6"), "\(mistaken.output)")
            let wrong = try start([plugin, "--once", "/roll dice:3d6 times:many"])
            #expect(await wrong.end() == 1)
            #expect(wrong.output.contains("times: 'many' does not fit"), "\(wrong.output)")
            let unknown = try start([plugin, "--once", "/nobody"])
            #expect(await unknown.end() == 1)
            #expect(unknown.output.contains("there is no command /nobody"), "\(unknown.output)")
            try expectNothingLeft()
        }

        @Test func whatCannotBeTried() async throws {
            let none = try start(["./nowhere.so"])
            #expect(await none.end() == 66)
            #expect(none.output == "timmybot: there is no ./nowhere.so")
            try scratch.write("no ELF file", to: "broken.so")
            let broken = try start(["broken.so"])
            #expect(await broken.end() == 1)
            #expect(broken.output == "timmybot: broken.so is refused: it is not an ELF file", "\(broken.output)")
            // A file that is fine, and code that refuses to start.
            let (compiled, text) = try await ChildProcess.run([
                "cc", "-std=c11", "-fPIC", "-shared", "-O1", "-DREFUSES", "-I", "\(Self.sdk)/include",
                "\(Self.sdk)/../Tests/Fixtures/plugins/life.c", "-o", "\(scratch.path)/refuses.so",
                "-Wl,-z,nodelete",
            ])
            try #require(compiled == 0, "\(text)")
            let refuses = try start(["refuses.so"])
            #expect(await refuses.end() == 1)
            #expect(
                refuses.output.hasPrefix("timmybot: refuses.so is refused: it refused to start")
                    && !refuses.output.contains("\n"), "\(refuses.output)")
            let config = try start(["broken.so", "--config", "[]"])
            #expect(await config.end() == 64)
            try expectNothingLeft()
        }

        /// Built anew while it is tried: the new one is what is there, and what cannot be used changes nothing.
        @Test func whatIsBuiltAnewIsLoaded() async throws {
            let plugin = try await example("c-dice")
            let program = try start([plugin, "--port", "0"])
            #expect(await program.prints("Open http://127.0.0.1:"), "\(program.output)")
            let source = "\(scratch.path)/c-dice/dice.c"
            let text = try String(contentsOfFile: source, encoding: .utf8)
            let version = try #require(text.firstMatch(of: /\d+\.\d+\.\d+/)).output
            try Data(text.replacingOccurrences(of: version, with: "7.8.9").utf8).write(
                to: URL(fileURLWithPath: source))
            _ = try await example("c-dice")
            #expect(await program.prints("example.dice \(version) replaced by 7.8.9"), "\(program.output)")
            try Data("no ELF file".utf8).write(to: URL(fileURLWithPath: "\(plugin).new"))
            try #require(rename("\(plugin).new", plugin) == 0)
            #expect(await program.prints("\(plugin) is not taken: "), "\(program.output)")
            program.terminate()
            #expect(await program.end(within: .seconds(60)) == 0, "\(program.output)")
            try expectNothingLeft()
        }
    }
}
