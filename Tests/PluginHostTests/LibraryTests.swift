import CTimmyBot
import Foundation
import Testing

@testable import PluginHost

/// The Library plugin as it ships, in its folder and never out of it.
@Suite("The Library plugin")
struct LibraryTests {
    static let plugin: String = {
        let executable =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return (executable as NSString).deletingLastPathComponent + "/libLibrary.so"
    }()

    @Test func nothingOutsideItsFolderIsOpened() async throws {
        let scratch = try Scratch()
        let music = "\(scratch.path)/music"
        try FileManager.default.createDirectory(atPath: "\(music)/album", withIntermediateDirectories: true)
        for path in ["\(scratch.path)/secret.opus", "\(music)/song.opus", "\(music)/album/other.opus"] {
            try Data("sound".utf8).write(to: URL(fileURLWithPath: path))
        }
        try FileManager.default.createSymbolicLink(
            atPath: "\(music)/link.opus", withDestinationPath: "\(scratch.path)/secret.opus")
        try FileManager.default.createSymbolicLink(atPath: "\(music)/up", withDestinationPath: scratch.path)
        #expect(mkfifo("\(music)/pipe.opus", 0o600) == 0)
        let host = makeHost(scratch, settings: ["timmy.library": "{\"directory\":\"\(music)\"}"])
        try host.load(Self.plugin)
        let source = try #require(host.sources.first)
        let found = try await source.resolve("song", limit: 10)
        #expect(found.map(\.key) == ["song.opus"])
        #expect(try await source.resolve("secret", limit: 10).isEmpty)
        for key in ["song.opus", "album/other.opus"] {
            guard case .file(let descriptor) = try await source.open(key, startMilliseconds: 0) else {
                Issue.record("\(key) is not a file")
                continue
            }
            close(descriptor)
        }
        let outside = [
            "../secret.opus", "album/../../secret.opus", "\(scratch.path)/secret.opus", "link.opus", "up/secret.opus",
            "pipe.opus",
            "album", ".", "", "song.opus/", "./song.opus\0", String(repeating: "a/", count: 400) + "b.opus",
        ]
        for key in outside {
            let refused = await failure { try await source.open(key, startMilliseconds: 0) }
            #expect(refused?.code == TB_E_UNAVAILABLE, "\(key.debugDescription): \(String(describing: refused))")
        }
        host.shutdown()
    }

    @Test func aMissingFolderIsAnEmptyLibrary() async throws {
        let scratch = try Scratch()
        let host = makeHost(scratch, settings: ["timmy.library": "{\"directory\":\"\(scratch.path)/nowhere\"}"])
        try host.load(Self.plugin)
        let source = try #require(host.sources.first)
        #expect(try await source.resolve("song", limit: 10).isEmpty)
        host.shutdown()
    }
}
