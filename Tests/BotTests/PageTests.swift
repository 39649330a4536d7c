import Foundation
import Sandbox
import TestSupport
import Testing

extension WholeBot {
    /// The web page, used by a headless browser with the whole bot behind it.
    @Suite("Page", .serialized)
    struct PageTests {
        @Test(
            .enabled(if: Python.isPresent, "no Python: set TIMMYBOT_PYTHON or run scripts/setup peers"),
            .enabled(if: PageDriver.hasChromium, "no Chromium: set TIMMYBOT_CHROMIUM or run scripts/setup browser"),
            .timeLimit(.minutes(5)))
        func aPersonUsesIt() async throws {
            let music = try await PageDriver.musicWithMarkup()
            defer { try? FileManager.default.removeItem(atPath: music) }
            let rig = try await Rig.start(music: music) { $0.resourceDirectory = PageDriver.page }
            let (status, output) = try await PageDriver.run(rig.server.pageURL)
            #expect(status == 0, "\(output)")
            #expect(output.contains(#""step": "has_no_complaints", "ok": true"#), "\(output)")
            await rig.stop()
        }
    }
}

/// Tests/Peers/page_test.py as a process.
private enum PageDriver {
    static let page = "\(repositoryRoot)/Sources/Sandbox/Resources"

    /// By the names that browser.py looks for.
    static let hasChromium: Bool = {
        let environment = ProcessInfo.processInfo.environment
        if let named = environment["TIMMYBOT_CHROMIUM"] { return FileManager.default.isExecutableFile(atPath: named) }
        let folders = (environment["PATH"] ?? "").split(separator: ":")
        return ["chromium", "chromium-browser", "google-chrome", "chrome"].contains { name in
            folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        }
    }()

    /// The demo's songs, and one whose title is a piece of HTML (of the same length: FLAC's tags have no checksum).
    static func musicWithMarkup() async throws -> String {
        let songs = try await Songs.shared.folder()
        let folder = NSTemporaryDirectory() + "timmybot-page-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: songs, toPath: folder)
        var song = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/glass-harbour.flac"))
        let title = try #require(song.range(of: Data("Glass Harbour".utf8)))
        song.replaceSubrange(title, with: Data("<img src=x:/>".utf8))
        try song.write(to: URL(fileURLWithPath: "\(folder)/markup.flac"))
        return folder
    }

    /// Screenshots are kept where TIMMYBOT_SCREENSHOTS names a folder.
    static func run(_ url: String) async throws -> (status: Int32, output: String) {
        let kept = ProcessInfo.processInfo.environment["TIMMYBOT_SCREENSHOTS"]
        let pictures = kept ?? NSTemporaryDirectory() + "timmybot-shots-\(UUID().uuidString)"
        defer { if kept == nil { try? FileManager.default.removeItem(atPath: pictures) } }
        return try await ChildProcess.run(Python.command("page_test.py", [url, pictures]))
    }
}
