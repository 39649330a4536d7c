import CTimmyBot
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import PluginHost

/// One version after another, while calls go on.
@Suite("Replacing plugins")
struct ReloadTests {
    @Test func newCallsGoToTheNewOneWhileTheOldOneEndsItsOwn() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0")
        let host = makeHost(scratch)
        try host.load(plugin.path)
        let source = try #require(host.sources.first),
            stale = try #require(host.commands.first { $0.name == "version" })
        let kept = Task { try await host.text(plugin, "keep") }
        #expect(await eventually { (try? host.status(of: plugin).openCalls) == 1 })
        try plugin.build("2.0.0")
        let outcome = try await host.reload(plugin.id)
        guard case .replaced(let old, let new) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(old.version == "1.0.0" && new.version == "2.0.0")
        #expect(try await host.text(plugin, "version") == "2.0.0")
        // Handles from before find the version of now.
        #expect(try await source.resolve("x", limit: 1).first?.title == "Title 2.0.0")
        #expect(try await host.text(stale.name, [:]) == "2.0.0")
        // The new one has proven itself; the old one waits for its call, and only then ends.
        #expect(try host.status(of: plugin).isOnTrial == false)
        #expect(try host.status(of: plugin).draining == 1)
        #expect(plugin.events == ["create 1.0.0", "create 2.0.0"])
        let old1 = try #require(host.retiring.first)
        let task = try #require(old1.life.withLock { $0.uses.values.first })
        #expect(old1.tasks.settle(task, .reply(.init(text: "by 1.0.0")), owner: plugin.id) == TB_OK)
        #expect(try await kept.value == "by 1.0.0")
        #expect(await eventually { plugin.events.suffix(2) == ["stop 1.0.0", "destroy 1.0.0"] })
        #expect(await eventually { (try? host.status(of: plugin).draining) == 0 })
        await host.close()
    }

    @Test func theSameFileIsNotLoadedAgain() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0")
        let host = makeHost(scratch)
        try host.load(plugin.path)
        guard case .unchanged = try await host.reload(plugin.id) else {
            Issue.record("it was loaded again")
            return
        }
        #expect(plugin.events == ["create 1.0.0"])
        await host.close()
    }

    /// What cannot be used leaves everything as it was.
    @Test(arguments: ["refuses", "hangs", "clash", "id", "abi", "cut", "none", "digest"])
    func aBadVersionChangesNothing(_ fault: String) async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch), other = LifePlugin(scratch, suffix: "_other")
        try plugin.build("1.0.0")
        try other.build()
        let host = makeHost(scratch, deadlines: .short)
        #expect(host.loadAll().allSatisfy { $0.refusal == nil })
        var candidate = PluginCandidate(file: plugin.path)
        let reason: String
        switch fault {
        case "refuses":
            try plugin.build("2.0.0", ["-DREFUSES"])
            reason = "refused to start"
        case "hangs":
            try plugin.build(hangingIn: "create", version: "2.0.0")
            reason = "does not return"
        case "clash":
            try plugin.build("2.0.0", ["-DEXTRA=\"version_other\""])
            reason = "/version_other is taken by \(other.id)"
        case "id":
            candidate = PluginCandidate(file: other.path)
            reason = "its id is \(other.id)"
        case "abi":
            try Data("not a plugin".utf8).write(to: URL(fileURLWithPath: plugin.path))
            reason = "not an ELF file"
        case "cut":
            let whole = try Data(contentsOf: URL(fileURLWithPath: plugin.path))
            try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: plugin.path))
            reason = "cut short"
        case "none":
            try FileManager.default.removeItem(atPath: plugin.path)
            reason = "cannot be read"
        default:
            candidate = PluginCandidate(file: plugin.path, digest: String(repeating: "0", count: 64))
            reason = "not the one that was installed"
        }
        let refusal = await #expect(throws: PluginRefusal.self) {
            try await host.reload(candidate, expecting: plugin.id)
        }
        #expect(refusal?.description.contains(reason) == true, "\(refusal!)")
        #expect(try await host.text(plugin, "version") == "1.0.0")
        #expect(!plugin.events.contains("stop 1.0.0"))
        plugin.letGo()
        await host.close()
    }

    @Test func oneThatFailsItsFirstCallsIsTakenBack() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0")
        let log = LogLines()
        let host = makeHost(scratch, log: log)
        try host.load(plugin.path)
        try plugin.build("2.0.0", ["-DEXTRA=\"only_in_two\""])
        try await host.reload(plugin.id)
        #expect(try host.status(of: plugin).isOnTrial)
        for _ in 0..<3 {
            let broken = await failure { try await host.text(plugin, "broken") }
            #expect(broken?.code == TB_E_INTERNAL)
        }
        #expect(try await host.text(plugin, "version") == "1.0.0")
        #expect(!host.commands.contains { $0.name == "only_in_two" })
        #expect(log.contains("version 2.0.0 failed its first 3 calls and 1.0.0 is back"), "\(log.all)")
        #expect(try host.status(of: plugin).lastFailure?.contains("2.0.0 failed") == true)
        #expect(await eventually { plugin.events.suffix(2) == ["stop 2.0.0", "destroy 2.0.0"] })
        #expect(!plugin.events.contains("stop 1.0.0"))
        // A third version on top of the one that came back.
        try plugin.build("3.0.0")
        try await host.reload(plugin.id)
        #expect(try await host.text(plugin, "version") == "3.0.0")
        #expect(await eventually { plugin.events.suffix(2) == ["stop 1.0.0", "destroy 1.0.0"] })
        await host.close()
    }

    @Test func oneThatIsHardlyCalledStaysAfterAMinute() async throws {
        let scratch = try Scratch(), clock = ManualClock()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0")
        let host = makeHost(scratch, clock: clock)
        try host.load(plugin.path)
        try plugin.build("2.0.0")
        try await host.reload(plugin.id)
        _ = await failure { try await host.text(plugin, "broken") }
        // The trial's end, and the deadline of calls.
        #expect(await eventually { clock.sleeperCount == 2 })
        clock.advance(by: .seconds(59))
        #expect(!plugin.events.contains("stop 1.0.0"))
        clock.advance(by: .seconds(1))
        #expect(await eventually { plugin.events.suffix(2) == ["stop 1.0.0", "destroy 1.0.0"] })
        #expect(try await host.text(plugin, "version") == "2.0.0")
        await LaneTests.close(host, clock)
    }

    /// A call that nobody waits for any more neither proves a version nor keeps its trial open for ever.
    @Test func aCancelledCallDoesNotKeepTheTrialOpen() async throws {
        let scratch = try Scratch(), clock = ManualClock()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0")
        let host = makeHost(scratch, clock: clock)
        try host.load(plugin.path)
        try plugin.build("2.0.0")
        try await host.reload(plugin.id)
        let held = Task { await failure { try await host.text(plugin, "hold") } }
        #expect(await eventually { plugin.events.contains("hold 2.0.0") })
        held.cancel()
        #expect(await held.value?.code == TB_E_CANCELLED)
        _ = await failure { try await host.text(plugin, "broken") }
        #expect(try host.status(of: plugin).isOnTrial)
        #expect(await eventually { clock.sleeperCount == 2 })
        clock.advance(by: .seconds(60))
        #expect(await eventually { plugin.events.suffix(2) == ["stop 1.0.0", "destroy 1.0.0"] })
        await LaneTests.close(host, clock)
    }

    @Test func anUnprovenOneIsNotWhatComesBack() async throws {
        let scratch = try Scratch(), clock = ManualClock()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0")
        let host = makeHost(scratch, clock: clock)
        try host.load(plugin.path)
        for version in ["2.0.0", "3.0.0"] {
            try plugin.build(version)
            try await host.reload(plugin.id)
        }
        #expect(await eventually { plugin.events.suffix(2) == ["stop 2.0.0", "destroy 2.0.0"] })
        for _ in 0..<3 { _ = await failure { try await host.text(plugin, "broken") } }
        #expect(try await host.text(plugin, "version") == "1.0.0")
        await LaneTests.close(host, clock)
    }

    /// Two instances of one build would share its static data.
    @Test func goingBackToABuildThatStillLivesRevivesItsInstance() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        let (one, two) = ("\(scratch.path)/one", "\(scratch.path)/two")
        try plugin.build("1.0.0", to: one)
        try plugin.build("2.0.0", to: two)
        let host = makeHost(scratch)
        try await host.reload(one)
        try await host.reload(two)
        try await host.reload(one)
        #expect(plugin.events == ["create 1.0.0", "create 2.0.0"], "it was kept ready")
        #expect(try await host.text(plugin, "version") == "1.0.0")
        #expect(await eventually { plugin.events.suffix(2) == ["stop 2.0.0", "destroy 2.0.0"] })
        // Draining, with a call that is open, it can be called back as well.
        let kept = Task { try await host.text(plugin, "keep") }
        #expect(await eventually { (try? host.status(of: plugin).openCalls) == 1 })
        try await host.reload(two)
        #expect(try await host.text(plugin, "version") == "2.0.0")
        #expect(try host.status(of: plugin).draining == 1)
        try await host.reload(one)
        #expect(try await host.text(plugin, "release") == "released")
        #expect(try await kept.value == "kept by 1.0.0")
        // Over and destroyed, the same mapped code is created anew.
        #expect(await eventually { plugin.events.suffix(2) == ["stop 2.0.0", "destroy 2.0.0"] })
        try await host.reload(two)
        #expect(plugin.events.last == "create 2.0.0")
        #expect(try await host.text(plugin, "version") == "2.0.0")
        await host.close()
    }

    @Test func whatComesAndGoesIsAnnounced() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build("1.0.0")
        let host = makeHost(scratch)
        try host.load(plugin.path)
        var changes = host.changes.makeAsyncIterator()
        try plugin.build("2.0.0")  // the same commands: nothing to tell
        try await host.reload(plugin.id)
        try plugin.build("3.0.0", ["-DEXTRA=\"more\""])
        try await host.reload(plugin.id)
        #expect(await changes.next() == PluginChange(plugin: plugin.id, commands: true, sources: false))
        #expect(host.commands.contains { $0.name == "more" })
        try plugin.build("4.0.0", ["-DEXTRA=\"more\"", "-DSOURCE=0"])
        try await host.reload(plugin.id)
        #expect(await changes.next() == PluginChange(plugin: plugin.id, commands: false, sources: true))
        #expect(host.sources.isEmpty)
        try host.unload(plugin.id)
        #expect(await changes.next() == PluginChange(plugin: plugin.id, commands: true, sources: false))
        #expect(host.commands.isEmpty && host.conditions.isEmpty)
        // All that there was, the one that could have come back among them.
        #expect(await eventually { plugin.events.count { $0.hasPrefix("destroy") } == 4 })
        try await host.reload(plugin.path)
        #expect(await changes.next() == PluginChange(plugin: plugin.id, commands: true, sources: false))
        await host.close()
        #expect(await changes.next() == nil)
    }

    /// Ten callers without a pause, twenty reloads: every call is answered by one version or another.
    @Test func noCallIsLostBetweenVersions() async throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        let files = (0..<2).map { "\(scratch.path)/v\($0)" }
        for (index, file) in files.enumerated() { try plugin.build("\(index).0.0", to: file) }
        let host = makeHost(scratch)
        try await host.reload(files[0])
        let isOver = Flag()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var count = 0
                    while !isOver.value.load(ordering: .relaxed) {
                        let answer = try await host.text(plugin, "version")
                        #expect(answer == "0.0.0" || answer == "1.0.0")
                        count += 1
                    }
                    return count
                }
            }
            for round in 1...20 { try await host.reload(files[round % 2]) }
            isOver.value.store(true, ordering: .relaxed)
            let calls = try await group.reduce(0, +)
            #expect(calls > 0)
        }
        #expect(try host.status(of: plugin).allFailures == 0)
        await host.close()
    }

    @Test func memoryIsFlatOnceEveryBuildIsMapped() async throws {
        let scratch = try Scratch()
        let library = try Data(contentsOf: URL(fileURLWithPath: LibraryTests.plugin))
        // Bytes after an ELF file's end are nothing to the loader, and another file to the host.
        let builds = try (0..<4).map { number in
            let path = "\(scratch.path)/library-\(number)"
            try (library + Data("build \(number)".utf8)).write(to: URL(fileURLWithPath: path))
            return path
        }
        let music = "\(scratch.path)/music"
        try FileManager.default.createDirectory(atPath: music, withIntermediateDirectories: true)
        for number in 0..<200 { try Data("x".utf8).write(to: URL(fileURLWithPath: "\(music)/song \(number).opus")) }
        let host = makeHost(scratch, settings: ["timmy.library": "{\"directory\":\"\(music)\"}"])
        var mapped: [Int] = []
        for round in 0..<160 {
            try await host.reload(builds[round % builds.count])
            // A search waits for the first look at the folder, but not for long.
            #expect(await poll { (try? await host.sources.first?.resolve("song", limit: 1))?.count == 1 })
            if round % 20 == 19 { mapped.append(try mappings(of: "\(scratch.path)/cache")) }
        }
        await host.close()
        // A copy for each reload would be eight times as many at the end.
        #expect(mapped[0] > 0 && mapped[7] <= 2 * mapped[0], "mappings after every twenty reloads: \(mapped)")
    }

    @Test func copiesOfEarlierProcessesAreRemoved() throws {
        let scratch = try Scratch()
        let plugin = LifePlugin(scratch)
        try plugin.build()
        let host = makeHost(scratch)
        try host.load(plugin.path)
        let cache = "\(scratch.path)/cache", digest = String(repeating: "a", count: 24)
        let stale = ["test.x-\(digest).so", "test.x-\(digest).so.4711"]
        let foreign = ["notes.txt", "plugins.lock", "mine.so", "x-\(digest.dropLast()).so", "\(digest).so"]
        for name in stale + foreign { try Data().write(to: URL(fileURLWithPath: "\(cache)/\(name)")) }
        host.removeStaleCopies()
        let left = try FileManager.default.contentsOfDirectory(atPath: cache)
        #expect(Set(left).isSuperset(of: foreign) && left.count == foreign.count + 1, "\(left)")
        host.shutdown()
    }
}

/// How many of this process's mappings are files of a folder. Unlike its memory, those are this test's alone.
private func mappings(of folder: String) throws -> Int {
    let descriptor = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    // A read gives a page at most, which must not be taken for the end.
    var text: [UInt8] = [], page = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &page, page.count)
        guard count > 0 else { break }
        text += page[..<count]
    }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").count { $0.contains(folder) }
}

private final class Flag: Sendable {
    let value = Atomic(false)
}

extension PluginHost {
    var retiring: [PluginInstance] { state.withLock { $0.retiring } }
}

extension PluginReply {
    fileprivate init(text: String) {
        self.init(componentsJSON: text, isEphemeral: false, isUpdate: false, attachments: [])
    }
}
