import CTimmyBot
import Foundation
import Logging
import TestSupport
import Testing

@testable import PluginHost

/// Swift plugins that bring their own runtime, beside one that shares the host's, in one process.
///
/// They are built from the SDK's examples by SwiftPM, into a folder that stays, so that only the first run takes long.
@Suite("Swift runtimes beside each other", .serialized, .timeLimit(.minutes(10)))
struct SelfContainedTests {
    private static let scratchPath = "\(repository)/.build/self-contained"

    /// Whether this toolchain has the static libraries that a plugin links its runtime from.
    private static let hasStaticRuntime: Bool = {
        guard let text = try? run(["swift", "-print-target-info"]),
            let info = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any],
            let folder = (info["paths"] as? [String: Any])?["runtimeResourcePath"] as? String
        else { return false }
        let core = (folder as NSString).deletingLastPathComponent + "/swift_static/linux/libswiftCore.a"
        return access(core, F_OK) == 0
    }()

    private static func build(_ example: String, _ product: String) throws -> String {
        try run([
            "env", "TIMMYBOT_SELF_CONTAINED=1", "TIMMYBOT_SDK=\(repository)/sdk", "swift", "build", "--quiet", "-c",
            "release", "--package-path", "\(repository)/sdk/examples/\(example)", "--scratch-path", scratchPath,
            "--product", product,
        ])
        return "\(scratchPath)/release/lib\(product).so"
    }

    private static let feed = """
        <rss><channel><title>Show</title><item><title>First episode</title>\
        <enclosure url="https://cdn.example.org/1.mp3" type="audio/mpeg"/></item></channel></rss>
        """

    @Test(
        .enabled(
            if: hasStaticRuntime, "the toolchain has no swift_static: self-contained Swift plugins cannot be built"))
    func twoOfTheirOwnAndOneOfTheHosts() async throws {
        let dice = try Self.build("swift-dice", "Dice"), podcasts = try Self.build("swift-podcasts", "Podcasts")
        for path in [dice, podcasts] {
            let needed = try run(["readelf", "-dW", path]).split(separator: "\n").filter { $0.contains("(NEEDED)") }
            #expect(!needed.isEmpty && !needed.contains { $0.contains("libswift") }, "\(path): \(needed)")
        }
        let scratch = try Scratch()
        let http = FakeHTTP { _ throws(PluginFailure) in await FakeHTTP.answer(200, Self.feed) }
        var logger = Logger(label: "plugins")
        logger.logLevel = .critical
        let host = PluginHost(
            PluginHost.Configuration(
                directory: scratch.path, cacheDirectory: "\(scratch.path)/cache",
                settings: ["example.swift-podcasts": #"{"feeds":["https://feeds.example.org/show.xml"]}"#]),
            services: PluginServices(player: NoServices(), probe: NoServices(), http: http), logger: logger)
        for path in [dice, podcasts] { try host.load(path) }
        try host.load((LibraryTests.plugin as NSString).deletingLastPathComponent + "/libQueue.so")
        #expect(host.conditions.map(\.id) == ["example.swift-dice", "example.swift-podcasts", "timmy.queue"])
        let source = try #require(host.sources.first)
        // The host's own tasks, and those of three runtimes, all at once.
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    guard case .modal(let json) = try await host.invoke("dice-ask", somebody, [:]) else { return "?" }
                    return json.contains("What does the die decide?") ? "modal" : json
                }
                group.addTask { try await source.resolve("first episode", limit: 5).first?.title ?? "none" }
                group.addTask {
                    // Its player is not there: the error comes back through the plugin's own async code.
                    let failure = await failure { try await host.invoke("queue", somebody, [:]) }
                    return "\(failure?.code ?? 0)"
                }
            }
            var answers: [String: Int] = [:]
            for try await answer in group { answers[answer, default: 0] += 1 }
            #expect(answers == ["modal": 200, "First episode": 200, "\(TB_E_UNSUPPORTED)": 200])
        }
        #expect(host.conditions.allSatisfy { $0.state == .running && $0.allFailures == 0 }, "\(host.conditions)")
        await host.close()
        #expect(host.retiring.isEmpty)
    }
}
