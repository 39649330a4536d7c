import CTimmyBot
import Foundation
import Logging
import Synchronization
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

    /// Counts, and makes sense of no file whose name says that it is bad.
    private final class CountingProbe: ProbeService {
        let code = Mutex<Int32>(TB_E_UNAVAILABLE)
        private let counts = Mutex<[String: Int]>([:])

        func count(_ name: String) -> Int { counts.withLock { $0[name] ?? 0 } }

        func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe {
            defer { close(descriptor) }
            let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")) ?? ""
            let name = (path as NSString).lastPathComponent
            counts.withLock { $0[name, default: 0] += 1 }
            guard !name.hasPrefix("bad") else {
                throw PluginFailure(code: code.withLock { $0 }, userText: "bad", detail: "bad")
            }
            return PluginProbe(
                durationMilliseconds: 1_000, codec: "opus", title: "", artist: "", album: "", artworkType: "",
                artwork: [])
        }
    }

    /// Looks at `music` whenever it is asked.
    private func makeCountingHost(_ scratch: Scratch, _ music: String, _ probe: CountingProbe) -> PluginHost {
        var logger = Logger(label: "plugins")
        logger.logLevel = .critical
        return PluginHost(
            PluginHost.Configuration(
                directory: scratch.path, cacheDirectory: "\(scratch.path)/cache",
                settings: ["timmy.library": "{\"directory\":\"\(music)\",\"rescan_seconds\":0}"]),
            services: PluginServices(player: NoServices(), probe: probe), logger: logger)
    }

    /// Asks again and again until the answer, the keys of what is found, is this one.
    private func find(_ query: String, _ keys: [String], in source: SourceHandle) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(20)
        while try await source.resolve(query, limit: 10).map(\.key) != keys {
            guard ContinuousClock.now < end else { return false }
            await Task.yield()
        }
        return true
    }

    @Test func aFolderThatGoesAwayAndComesBackIsNotDescribedAgain() async throws {
        let scratch = try Scratch()
        let music = "\(scratch.path)/music", away = "\(scratch.path)/away"
        try FileManager.default.createDirectory(atPath: music, withIntermediateDirectories: true)
        try Data("sound".utf8).write(to: URL(fileURLWithPath: "\(music)/song.opus"))
        let probe = CountingProbe()
        let host = makeCountingHost(scratch, music, probe)
        try host.load(Self.plugin)
        let source = try #require(host.sources.first)
        #expect(try await find("song", ["song.opus"], in: source))
        // Its server is away: what is known stays, however often it is looked for.
        try #require(rename(music, away) == 0)
        for _ in 0..<300 {
            try #require(try await source.resolve("song", limit: 10).map(\.key) == ["song.opus"])
        }
        // Where a disk was mounted there is an empty folder.
        try #require(mkdir(music, 0o700) == 0)
        #expect(try await find("song", [], in: source))
        try #require(rmdir(music) == 0 && rename(away, music) == 0)
        #expect(try await find("song", ["song.opus"], in: source))
        #expect(probe.count("song.opus") == 1)
        host.shutdown()
    }

    @Test func namesAreFoundInSpiteOfTypingErrors() async throws {
        let scratch = try Scratch()
        let music = "\(scratch.path)/music"
        try FileManager.default.createDirectory(atPath: music, withIntermediateDirectories: true)
        for name in ["Morning Train", "Train Station", "Cafe\u{301} del Mar", "Night"] {
            try Data("sound".utf8).write(to: URL(fileURLWithPath: "\(music)/\(name).opus"))
        }
        let host = makeCountingHost(scratch, music, CountingProbe())
        try host.load(Self.plugin)
        let source = try #require(host.sources.first)
        #expect(try await find("train", ["Morning Train.opus", "Train Station.opus"], in: source))
        #expect(try await source.resolve("mornig tran", limit: 1).map(\.key) == ["Morning Train.opus"])
        #expect(try await source.resolve("Caf\u{E9}", limit: 5).map(\.key) == ["Cafe\u{301} del Mar.opus"])
        #expect(try await source.resolve("zzz", limit: 5).isEmpty)
        host.shutdown()
    }

    @Test func aBadFileIsProbedOnceUntilItChanges() async throws {
        let scratch = try Scratch()
        let music = "\(scratch.path)/music"
        try FileManager.default.createDirectory(atPath: music, withIntermediateDirectories: true)
        func write(_ name: String, _ text: String) throws {
            // At once: a look in between would see one change more.
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(music)/\(name)"), options: .atomic)
        }
        try write("song.opus", "sound")
        try write("bad.opus", "noise")
        let probe = CountingProbe()
        let host = makeCountingHost(scratch, music, probe)
        try host.load(Self.plugin)
        let source = try #require(host.sources.first)
        /// Looks for a file that is added now: once it is found, the folder has been looked through again.
        func rescan(_ round: Int) async throws {
            try write("marker\(round).opus", "sound")
            let end = ContinuousClock.now + .seconds(20)
            while ContinuousClock.now < end,
                try await source.resolve("marker\(round)", limit: 1).first?.key != "marker\(round).opus"
            { await Task.yield() }
            #expect(probe.count("marker\(round).opus") == 1)
        }
        for round in 1...5 { try await rescan(round) }
        #expect(probe.count("bad.opus") == 1)
        #expect(probe.count("song.opus") == 1)
        try write("bad.opus", "another noise")
        for round in 6...7 { try await rescan(round) }
        #expect(probe.count("bad.opus") == 2, "it has changed")
        // Trouble that is not the file's own is forgotten.
        probe.code.withLock { $0 = TB_E_INTERNAL }
        try write("bad.opus", "yet another noise")
        for round in 8...10 { try await rescan(round) }
        #expect(probe.count("bad.opus") > 3)
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
