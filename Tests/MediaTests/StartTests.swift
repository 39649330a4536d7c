import Foundation
import Glibc
import MediaWire
import Synchronization
import Testing

@testable import Media

/// Lets heartbeats pass as they do, and pauses between starts at once; after `limit` of them time stands still.
private struct PauseClock: Clock {
    typealias Instant = ContinuousClock.Instant
    private final class Record: Sendable { let pauses = Mutex<[Duration]>([]) }

    let now = ContinuousClock.now
    let minimumResolution = Duration.nanoseconds(1)
    private let record = Record()
    let heartbeat: Duration
    let limit: Int
    let onPause: @Sendable (Int) -> Void

    init(heartbeat: Duration, limit: Int, onPause: @escaping @Sendable (Int) -> Void = { _ in }) {
        (self.heartbeat, self.limit, self.onPause) = (heartbeat, limit, onPause)
    }

    var pauses: [Duration] { record.pauses.withLock { $0 } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let length = now.duration(to: deadline)
        if length == heartbeat { return try await ContinuousClock().sleep(for: heartbeat) }
        let count = record.pauses.withLock {
            $0.append(length)
            return $0.count
        }
        onPause(count)
        if count >= limit { try await ContinuousClock().sleep(for: .seconds(3_600)) }
    }
}

/// A worker that cannot start.
@Suite("Starting the media worker", .serialized)
struct StartTests {
    private let heartbeat = Duration.milliseconds(77)

    private func script(_ text: String) throws -> String {
        let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).sh"
        try Data("#!/bin/sh\n\(text)\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(chmod(path, 0o755) == 0)
        return path
    }

    private func until(_ condition: () async -> Bool) async throws {
        let patience = ContinuousClock.now + .seconds(20)
        while await !condition() {
            try #require(ContinuousClock.now < patience)
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    @Test func aMissingProgramIsNamedAndTriedMoreAndMoreRarely() async throws {
        let clock = PauseClock(heartbeat: heartbeat, limit: 12)
        let engine = makeEngine(heartbeat: heartbeat, clock: clock) { $0.workerPath = "/nonexistent/timmybot-media" }
        let error = await #expect(throws: MediaError.self) { try await engine.start() }
        #expect(error?.failure == .internalError)
        #expect(error?.detail.contains("/nonexistent/timmybot-media") == true)
        #expect(error?.detail.contains("No such file") == true)
        try await until { clock.pauses.count == 12 }
        let expected = (0..<12).map { min(Duration.milliseconds(100) * (1 << $0), .seconds(30)) }
        #expect(clock.pauses == expected)
        // Nobody waits for what does not come.
        await #expect(throws: MediaError.self) {
            _ = try await engine.open(openFile("/dev/null"), options: StreamOptions())
        }
        await #expect(throws: MediaError.self) { _ = try await engine.probe(openFile("/dev/null")) }
        await engine.shutdown()
    }

    @Test(arguments: [(71, "confinement"), (127, "cannot be executed"), (1, "status 1")])
    func aProgramThatEndsAtOnceIsNotStartedInALoop(_ status: Int, _ reason: String) async throws {
        let log = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).log"
        let program = try script("echo x >> \(log)\nexit \(status)")
        defer {
            unlink(program)
            unlink(log)
        }
        let clock = PauseClock(heartbeat: heartbeat, limit: 4)
        let engine = makeEngine(heartbeat: heartbeat, clock: clock) { $0.workerPath = program }
        let error = await #expect(throws: MediaError.self) { try await engine.start() }
        #expect(error?.detail.contains(reason) == true, "\(String(describing: error))")
        try await until { clock.pauses.count == 4 }
        #expect(clock.pauses.last == .milliseconds(800))
        // The first time a spare is started as well; then one at a time.
        let starts = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").count
        #expect((4...6).contains(starts), "\(starts) starts for \(clock.pauses)")
        await engine.shutdown()
    }

    @Test func aProgramThatComesLaterServesWhoWaited() async throws {
        let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString)"
        defer { unlink(path) }
        let clock = PauseClock(heartbeat: heartbeat, limit: 100) { count in
            if count == 3 { symlink("\(builtFolder)/timmybot-media", path) }
        }
        let engine = makeEngine(heartbeat: heartbeat, clock: clock) { $0.workerPath = path }
        let puller = Puller(
            try await engine.open(openFile(try await Songs.shared.path("morning-train.opus")), options: StreamOptions())
        )
        #expect(try await puller.pull(50).count == 50)
        #expect(clock.pauses.count == 3)
        try await engine.start()
        await engine.shutdown()
    }

    @Test func startingWaitsUntilTheWorkerIsReady() async throws {
        let engine = makeEngine()
        try await engine.start()
        #expect(await engine.seats[.player]?.isReady == true)
        await engine.shutdown()
        await #expect(throws: MediaError.self) { try await engine.start() }
    }

    @Test func aProgramThatNeverSaysReadyIsGivenUp() async throws {
        let program = try script("exec sleep 600")
        defer { unlink(program) }
        let clock = PauseClock(heartbeat: .milliseconds(10), limit: 1)
        let engine = makeEngine(heartbeat: .milliseconds(10), clock: clock) { $0.workerPath = program }
        let error = await #expect(throws: MediaError.self) { try await engine.start() }
        #expect(error?.detail.contains("does not answer") == true)
        await engine.shutdown()
    }

    @Test func strikesAreForgivenAfterTenSecondsOfMusic() {
        let error = MediaError(.damaged, "x")
        var strikes = Strikes()
        #expect(strikes.add(.certain(error), position: 0) == nil)
        #expect(!strikes.isClean)
        #expect(strikes.add(.certain(error), position: 479_999) == error)
        strikes = Strikes()
        for second in 0..<100 {
            #expect(strikes.add(.certain(error), position: UInt64(second) * 480_000) == nil)
        }
        strikes = Strikes()
        #expect(strikes.add(.suspected(error), position: 5) == nil)
        #expect(strikes.add(.suspected(error), position: 5) == nil)
        #expect(strikes.add(.suspected(error), position: 5) == error)
        #expect(strikes.add(.fatal(error), position: .max) == error)
    }

    @Test func whoHasLeftIsRememberedForAWhile() {
        var departed = Departed()
        departed.add(7)
        for _ in 1..<Departed.memory { departed.pass() }
        #expect(departed.contains(7) && !departed.contains(8))
        departed.pass()
        #expect(!departed.contains(7))
    }

    @Test func onlyTheCulpritIsCharged() {
        let crash = Loss.ended("signal 11", crashed: 7, busy: [7, 8])
        #expect(crash.charge(7) != nil && crash.charge(8) == nil && crash.charge(9) == nil)
        let killed = Loss.ended("signal 9", crashed: 0, busy: [7])
        if case .suspected = killed.charge(7) {} else { Issue.record("suspected") }
        #expect(killed.charge(8) == nil && killed.charge(0) == nil)
        // Where memory was short, whoever asked next crashed.
        let full = Loss.ended("signal 5", crashed: 7, busy: [7, 8], wasFull: true)
        if case .suspected = full.charge(7) {} else { Issue.record("suspected") }
        #expect(full.charge(8) == nil)
        #expect(Loss.silent(busy: []).charge(7) == nil)
        #expect(Loss.fooled(7).charge(8) == nil && Loss.stalled(7).charge(8) == nil)
    }
}
