import Foundation
import Testing

extension TheProgram {
    /// `timmybot demo` beside another one.
    @Suite("Demo", .serialized)
    struct DemoTests {
        private func runs(_ folder: String) -> [String] {
            let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return all.filter { $0.hasPrefix("run-") }
        }

        @Test func severalShareTheSongsAndNothingElse() async throws {
            let scratch = try Scratch()
            try FileManager.default.createSymbolicLink(
                atPath: "\(scratch.path)/music", withDestinationPath: try await Town.songs.value)
            let arguments = ["demo", "--port", "0", "--directory", scratch.path]
            let first = try Program(arguments), second = try Program(arguments)
            #expect(await first.prints("Open http://"), "\(first.output)")
            #expect(await second.prints("Open http://"), "\(second.output)")
            let folders = runs(scratch.path)
            #expect(folders.count == 2)
            for name in folders {
                let folder = "\(scratch.path)/\(name)"
                #expect(FileManager.default.fileExists(atPath: "\(folder)/sandbox-ca.pem"))
                #expect(await eventually { FileManager.default.fileExists(atPath: "\(folder)/data/control.sock") })
            }
            for program in [first, second] {
                program.terminate()
                #expect(await program.end(within: .seconds(30)) == 0, "\(program.output)")
            }
            #expect(runs(scratch.path).isEmpty)
        }
    }
}
