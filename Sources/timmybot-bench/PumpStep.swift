import CBenchFloor
import DiscordVoice
import Foundation

/// What one run of the pump came to.
struct PumpResult {
    var cpuPerStreamMinute = 0.0
    /// Of the whole process while all streams played.
    var resident = 0
    /// Nanoseconds, sorted.
    var lateness: [Int] = []
    var lost = 0

    /// The cheaper of two runs, with the lateness and the losses of both.
    func joined(with other: PumpResult) -> PumpResult {
        var result = other.cpuPerStreamMinute < cpuPerStreamMinute ? other : self
        result.lateness = (lateness + other.lateness).sorted()
        result.lost = lost + other.lost
        return result
    }
}

/// The real pump with real senders in `guilds` calls.
struct PumpStep {
    static let warmUp = 1.0
    let guilds: Int
    let seconds: Double
    let catcher: Catcher

    func run() async throws -> PumpResult {
        let calls = try (0..<guilds).map { try Guild(number: $0, socket: try catcher.connect(stream: $0)) }
        let feeder = Feeder(calls.map(\.ring))
        catcher.forget()
        let draining = Background(every: 5_000) { [catcher] in catcher.drain() }
        let pump = VoicePump()
        for call in calls { pump.add(call.sender) }
        pump.start()
        try await Task.sleep(for: .seconds(Self.warmUp))
        guard let thread = Meter.thread(named: "voice-pump") else { throw BenchError("the pump has no thread") }
        let from = tb_now(), cpu = tb_cpu_of_thread(thread), frames = sent(calls)
        try await Task.sleep(for: .seconds(seconds))
        let until = tb_now(), burnt = tb_cpu_of_thread(thread) - cpu, played = sent(calls) - frames
        var result = PumpResult()
        result.resident = Meter.resident
        result.cpuPerStreamMinute = streamMinute(burnt, frames: played)
        pump.stop()
        while Meter.thread(named: "voice-pump") != nil { try await Task.sleep(for: .milliseconds(5)) }
        feeder.stop()
        draining.stop()
        result.lateness = Lateness.of(
            catcher.caught, within: Int(from)..<Int(until), schedule: pump.startTime)
        result.lost = lost(calls) + pump.skippedSlots
        return result
    }

    private func sent(_ calls: [Guild]) -> Int { calls.reduce(0) { $0 + $1.sender.statistics.sent } }

    /// Frames that a listener would miss: sent but not received by sequence number, or not sent at all.
    private func lost(_ calls: [Guild]) -> Int {
        let received = Set(catcher.caught.map { UInt64($0.ssrc) << 16 | UInt64($0.sequence) }).count
        return calls.reduce(-received) { total, call in
            let counted = call.sender.statistics
            return total + counted.sent + counted.silent + counted.underruns + counted.withheld + counted.failed
        }
    }
}
