import CBenchFloor
import DiscordVoice
import Foundation
import Glibc
import Logging
import Media
import MediaWire
import Synchronization

/// What one run of the whole chain came to.
struct ChainResult {
    /// Milliseconds of CPU for a stream-minute: of the media worker, of the pump's thread, and of the rest of the host
    /// (feeding, heartbeat, the watch over the pump).
    var worker = 0.0, pump = 0.0, host = 0.0
    /// Bytes of host and worker together, shared pages counted once.
    var memory = 0
    /// Nanoseconds, sorted.
    var lateness: [Int] = []
    var losses = Losses()
    /// Mean size of a frame before it is encrypted.
    var payload = 0
    var passthrough = 0

    var cpu: Double { worker + pump + host }
}

/// Files through the real media worker, rings, pump and senders to sockets, as when `guilds` play.
struct ChainStep {
    static let warmUp = 2.0
    /// Seconds that a window may have: the songs end after a minute or more, and an ended one is no loss.
    static let longest = 45.0
    /// What a packet has beside the Opus frame: header, both tags, supplement, counter.
    static let overhead = 12 + 8 + 5 + 16 + 4

    let songs: [String]
    let guilds: Int
    let seconds: Double
    let catcher: Catcher
    /// Whether lateness counts from the pump's slots or, as others have none, from each stream's most punctual packet.
    var countsFromSlots = true

    func run() async throws -> ChainResult {
        let engine = MediaEngine(
            MediaConfiguration(workerPath: Options.sibling("timmybot-media")), logger: Logger(label: "bench"))
        try await engine.start()
        do {
            let result = try await play(engine)
            await engine.shutdown()
            return result
        } catch {
            await engine.shutdown()
            throw error
        }
    }

    private func play(_ engine: MediaEngine) async throws -> ChainResult {
        var streams: [MediaStream] = [], calls: [Guild] = []
        for number in 0..<guilds {
            let file = MediaFile(descriptor: open(songs[number % songs.count], O_RDONLY | O_CLOEXEC))
            let stream = try await engine.open(file, options: StreamOptions())
            streams.append(stream)
            calls.append(try Guild(number: number, socket: try catcher.connect(stream: number), ring: stream.ring))
        }
        catcher.forget()
        let catching = CatchingThread(catcher)
        let pump = VoicePump()
        for call in calls { pump.add(call.sender) }
        pump.start()
        try await Task.sleep(for: .seconds(Self.warmUp))
        guard let thread = Meter.thread(named: "voice-pump"), let worker = await engine.workerPID else {
            throw BenchError("our own side does not play")
        }
        let before = Sample(worker, thread, catching, calls)
        try await Task.sleep(for: .seconds(seconds))
        let after = Sample(worker, thread, catching, calls)
        var result = ChainResult()
        result.memory = Meter.proportional(getpid()) + Meter.proportional(worker)
        result.passthrough = streams.count { $0.isPassthrough }
        let isSame = await engine.workerPID == worker
        pump.stop()
        while Meter.thread(named: "voice-pump") != nil { try await Task.sleep(for: .milliseconds(5)) }
        catching.stop()
        guard isSame else { throw BenchError("the media worker was replaced") }
        after.fill(&result, since: before)
        let window = Int(before.time)..<Int(after.time)
        result.lateness = Lateness.of(catcher.caught, within: window, schedule: countsFromSlots ? pump.startTime : nil)
        result.losses = Losses(catcher.caught, within: window, silent: after.silent - before.silent)
        let sizes = catcher.caught.reduce(0) { $0 + Int($1.size) }
        result.payload = catcher.caught.isEmpty ? 0 : sizes / catcher.caught.count - Self.overhead
        return result
    }

    /// Clocks and counters at one moment.
    private struct Sample {
        let time, worker, pump, own, catching: Int64
        let frames, silent: Int

        init(_ worker: pid_t, _ thread: pid_t, _ catching: CatchingThread, _ calls: [Guild]) {
            time = tb_now()
            self.worker = tb_cpu_of_process(worker)
            pump = tb_cpu_of_thread(thread)
            own = tb_cpu_of_process(getpid())
            self.catching = catching.cpu
            frames = calls.reduce(0) { $0 + $1.sender.statistics.sent }
            silent = calls.reduce(0) { $0 + $1.sender.statistics.silent }
        }

        func fill(_ result: inout ChainResult, since before: Sample) {
            let played = frames - before.frames, sending = pump - before.pump
            result.worker = streamMinute(worker - before.worker, frames: played)
            result.pump = streamMinute(sending, frames: played)
            let rest = own - before.own - sending - (catching - before.catching)
            result.host = streamMinute(max(0, rest), frames: played)
        }
    }
}

/// Empties the catcher now and then, and knows what that cost.
final class CatchingThread: Sendable {
    private let spent: Spent
    private let loop: Background

    private final class Spent: Sendable { let nanoseconds = Atomic<Int64>(0) }

    init(_ catcher: Catcher) {
        let spent = Spent()
        self.spent = spent
        loop = Background(every: 5_000) {
            catcher.drain()
            spent.nanoseconds.store(tb_cpu_here(), ordering: .relaxed)
        }
    }

    /// Nanoseconds of CPU so far.
    var cpu: Int64 { spent.nanoseconds.load(ordering: .relaxed) }

    func stop() { loop.stop() }
}
