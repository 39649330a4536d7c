import Foundation
import Glibc
import MediaWire
import Synchronization
import TestSupport
import Testing

@testable import Media

/// Who pays when a worker is lost: the file that did it, and nobody else.
@Suite("Losing a media worker", .serialized)
struct RecoveryTests {
    /// An input that the test feeds.
    private final class Feed {
        let file: MediaFile
        private var end: Int32

        init() throws {
            var pipe: [Int32] = [-1, -1]
            try #require(Glibc.pipe(&pipe) == 0)
            (file, end) = (MediaFile(descriptor: pipe[0]), pipe[1])
        }

        deinit { finish() }

        func finish() {
            if end >= 0 { close(end) }
            end = -1
        }

        func write(_ bytes: some Collection<UInt8>) {
            let bytes = Array(bytes)
            #expect(Glibc.write(end, bytes, bytes.count) == bytes.count)
        }
    }

    private func head(_ name: String, _ count: Int = 60_000) async throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: try await Songs.shared.path(name))).prefix(count))
    }

    /// The lane that is held up by something in the worker of `role`.
    private func stuckLane(_ engine: MediaEngine, _ role: MediaEngine.Role) async throws -> (pid: pid_t, lane: Int) {
        var found: (pid_t, Int)?
        // Seen many times in a row: it does not just pass by.
        var times = 0
        try await until {
            guard let worker = await engine.seats[role]?.worker,
                let lane = worker.board.busy.firstIndex(where: { $0 != 0 })
            else {
                times = 0
                return false
            }
            times = found.map { $0 == (worker.pid, lane) } == true ? times + 1 : 0
            found = (worker.pid, lane)
            return times > 40
        }
        return try #require(found)
    }

    private func crash(_ engine: MediaEngine, _ role: MediaEngine.Role) async throws {
        let (pid, lane) = try await stuckLane(engine, role)
        #expect(signalThread("lane \(lane)", of: pid, SIGSEGV))
        try await until { await engine.seats[role]?.worker.pid != pid }
    }

    private func until(_ condition: () async throws -> Bool) async throws {
        let patience = ContinuousClock.now + .seconds(20)
        while try await !condition() {
            guard ContinuousClock.now < patience else { throw Puller.Stalled() }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// The packets follow each other, but for a step back of what was not yet heard.
    private func expectWhole(_ puller: Puller) {
        for (first, second) in zip(puller.packets.dropFirst(), puller.packets.dropFirst(2)) {
            let step = Int64(second.position) - Int64(first.position)
            #expect(abs(step - 960) <= 1_920, "\(first.position) then \(second.position)")
        }
    }

    @Test func aFileThatCrashesItTimeAndAgainEndsNoOtherTrack() async throws {
        let engine = makeEngine()
        let bystanders = [
            try await play(engine, try await Songs.shared.path("glass-harbour.flac")),
            try await play(engine, try await Songs.shared.path("morning-train.opus")),
        ]
        for round in 1...7 {
            let feed = try Feed()
            feed.write(try await head("morning-train.opus"))
            let guilty = Puller(try await engine.open(feed.file, options: StreamOptions()))
            try await guilty.pull(40)
            try await guilty.drain { await engine.lastReports.contains { $0.id == guilty.stream.id } }
            try await crash(engine, .player)
            #expect(await engine.restarts == round)
            // Its second chance, in a process of its own, ends because what was read from a pipe is gone.
            feed.finish()
            var ending: MediaError?
            for await event in guilty.stream.events {
                if case .failed(let error) = event {
                    ending = error
                    break
                }
            }
            #expect(ending != nil && ending?.failure != .internalError)
            for puller in bystanders {
                #expect(try await puller.pull(20).count == 20, "round \(round)")
                #expect(await engine.entries[puller.stream.id]?.strikes.isClean == true)
            }
        }
        for puller in bystanders {
            #expect(try await puller.pull(300).count == 300)
            expectWhole(puller)
        }
        #expect(await engine.seats[.quarantine] == nil, "it is let go of when nothing needs it")
        await engine.shutdown()
    }

    @Test func aCrashingFileIsGivenUpAtTheSecondTimeAndTheSecondDisturbsNobody() async throws {
        let engine = makeEngine()
        let bystander = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        let feed = try Feed()
        let opening = Task { [file = feed.file] in try await engine.open(file, options: StreamOptions()) }
        try await crash(engine, .player)
        #expect(try await bystander.pull(50).count == 50)
        try await crash(engine, .quarantine)
        await #expect(throws: MediaError(.damaged, "the media worker did not survive this file")) {
            _ = try await opening.value
        }
        #expect(await engine.restarts == 1)
        #expect(try await bystander.pull(50).count == 50)
        expectWhole(bystander)
        await engine.shutdown()
    }

    @Test func whatWasJustBeingOpenedWhenItWasKilledOpens() async throws {
        let engine = makeEngine()
        let bystander = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        let feed = try Feed()
        let opening = Task { [file = feed.file] in try await engine.open(file, options: StreamOptions()) }
        let (pid, _) = try await stuckLane(engine, .player)
        kill(pid, SIGKILL)
        try await until { await engine.seats[.quarantine] != nil }
        feed.write(try await head("morning-train.opus"))
        let puller = Puller(try await opening.value)
        #expect(try await puller.pull(40).count == 40)
        #expect(try await bystander.pull(50).count == 50)
        await engine.shutdown()
    }

    @Test func aProbeThatIsHeldUpOrKilledDisturbsNoStream() async throws {
        let engine = makeEngine()
        let puller = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        let player = await engine.workerPID
        let feed = try Feed()
        let probing = Task { [file = feed.file] in try await engine.probe(file) }
        try await crash(engine, .prober)
        try await crash(engine, .prober)
        await #expect(throws: MediaError(.damaged, "the media worker did not survive this file")) {
            _ = try await probing.value
        }
        #expect(try await puller.pull(50).count == 50)
        #expect(await engine.workerPID == player)
        #expect(await engine.restarts == 0)
        let probed = try await engine.probe(openFile(try await Songs.shared.path("morning-train.opus")))
        #expect(probed.info.codec == "opus")
        await engine.shutdown()
    }

    @Test func aDeadSpareIsReplacedBeforeItIsNeeded() async throws {
        let engine = makeEngine()
        let puller = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        try await until { await engine.seats[.spare]?.isReady == true }
        let first = try #require(await engine.seats[.spare]?.worker.pid)
        kill(first, SIGKILL)
        try await until { await engine.seats[.spare].map { $0.worker.pid != first && $0.isReady } == true }
        let second = try #require(await engine.seats[.spare]?.worker.pid)
        // A spare that hangs is noticed as well.
        kill(second, SIGSTOP)
        try await until { await engine.seats[.spare].map { $0.worker.pid != second && $0.isReady } == true }
        #expect(await engine.restarts == 0)
        #expect(try await puller.pull(50).count == 50)
        expectWhole(puller)
        // And the one that is there now is the next player.
        let third = await engine.seats[.spare]?.worker.pid
        kill(try #require(await engine.workerPID), SIGKILL)
        #expect(try await puller.pull(50).count == 50)
        #expect(await engine.workerPID == third)
        await engine.shutdown()
    }

    @Test func aSlowInputHoldsUpNobodyAndIsNoDamage() async throws {
        let engine = makeEngine()
        let bystander = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        let feeds = try (0..<4).map { _ in try Feed() }
        let files = feeds.map(\.file)
        let opening = files.map { file in Task { try await engine.open(file, options: StreamOptions()) } }
        // Both threads that usually work wait for a disk, for longer than a decoder may compute.
        try await until { await engine.lastReports.filter { $0.wall > 1_600 && $0.cpu < 50 }.count == 4 }
        #expect(try await bystander.pull(200).count == 200)
        let bytes = try await head("morning-train.opus")
        for feed in feeds { feed.write(bytes) }
        for task in opening { #expect(try await Puller(task.value).pull(40).count == 40) }
        #expect(await engine.restarts == 0)
        expectWhole(bystander)
        // Those who stood in go again.
        let tasks = "/proc/\(try #require(await engine.workerPID))/task"
        try await until {
            let names = try FileManager.default.contentsOfDirectory(atPath: tasks).map {
                (try? String(contentsOfFile: "\(tasks)/\($0)/comm", encoding: .utf8)) ?? ""
            }
            return names.filter { $0.hasPrefix("lane ") }.count == 2
        }
        await engine.shutdown()
    }

    @Test func anInputThatNeverComesIsUnreadable() async throws {
        let engine = makeEngine { $0.inputLimit = 600 }
        let bystander = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        let feed = try Feed()
        await #expect(throws: MediaError(.unreadable, "no more bytes came")) {
            _ = try await engine.open(feed.file, options: StreamOptions())
        }
        #expect(try await bystander.pull(50).count == 50)
        expectWhole(bystander)
        await engine.shutdown()
    }

    /// Listens in real time, as the pump does, until `work` is done; the longest silence meanwhile.
    private func listen<Outcome: Sendable>(
        to puller: Puller, during work: @escaping @Sendable () async throws -> Outcome
    ) async throws -> (Outcome, silence: Duration) {
        let isDone = Flag()
        let task = Task {
            defer { isDone.value.withLock { $0 = true } }
            return try await work()
        }
        var silent = 0, longest = 0, tick = ContinuousClock.now
        while !isDone.value.withLock({ $0 }) {
            silent = puller.takeOne() ? 0 : silent + 1
            longest = max(longest, silent)
            tick += .milliseconds(20)
            try await ContinuousClock().sleep(until: tick)
        }
        return (try await task.value, .milliseconds(20) * longest)
    }

    private final class Flag: Sendable { let value = Mutex(false) }

    private func endless() async throws -> MediaFile {
        let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).mp3"
        defer { unlink(path) }
        try HostileFiles.writeEndless(try await head("paper-lanterns.mp3"), to: path)
        return try openFile(path)
    }

    /// Decodes until the file turns into nothing; the error that it ends with.
    private func playToTheEnd(_ engine: MediaEngine, _ file: MediaFile) async throws -> MediaError? {
        do {
            let puller = Puller(try await engine.open(file, options: StreamOptions()))
            try await puller.pull()
            for await event in puller.stream.events { if case .failed(let error) = event { return error } }
            return nil
        } catch let error as MediaError {
            return error
        }
    }

    @Test func aFileThatComputesWithoutEndIsCutByItsCPUTime() async throws {
        let engine = makeEngine()
        let bystander = try await play(engine, try await Songs.shared.path("glass-harbour.flac"))
        let pid = await engine.workerPID
        #expect(try await playToTheEnd(engine, endless())?.failure == .tooExpensive)
        #expect(try await bystander.pull(100).count == 100)
        #expect(await engine.workerPID == pid, "the worker cut it itself")
        expectWhole(bystander)
        await engine.shutdown()
    }

    @Test func aFooledWorkerIsReplacedAndTheFileGivenUpAtTheSecondTime() async throws {
        // The host's patience ends before the worker's own.
        let engine = makeEngine(heartbeat: .milliseconds(50)) { $0.cpuLimit = 150 }
        let bystander = try await play(engine, try await Songs.shared.path("morning-train.opus"))
        let file = try await endless()
        let (ending, silence) = try await listen(to: bystander) { try await playToTheEnd(engine, file) }
        #expect(ending == MediaError(.tooExpensive, "decoding does not come to an end"))
        #expect(silence <= .seconds(1), "\(silence) of silence")
        #expect(await engine.restarts == 1, "the second chance was apart from the others")
        #expect(try await bystander.pull(100).count == 100)
        expectWhole(bystander)
        await engine.shutdown()
    }
}
