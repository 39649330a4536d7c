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
    var losses = Losses()

    /// The cheaper of two runs, with the lateness and the losses of both.
    func joined(with other: PumpResult) -> PumpResult {
        var result = other.cpuPerStreamMinute < cpuPerStreamMinute ? other : self
        result.lateness = (lateness + other.lateness).sorted()
        result.losses = losses + other.losses
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
        let from = tb_now(), cpu = tb_cpu_of_thread(thread), frames = sent(calls), quiet = silent(calls)
        try await Task.sleep(for: .seconds(seconds))
        let until = tb_now(), burnt = tb_cpu_of_thread(thread) - cpu, played = sent(calls) - frames
        let silence = silent(calls) - quiet
        var result = PumpResult()
        result.resident = Meter.resident
        result.cpuPerStreamMinute = streamMinute(burnt, frames: played)
        pump.stop()
        while Meter.thread(named: "voice-pump") != nil { try await Task.sleep(for: .milliseconds(5)) }
        feeder.stop()
        draining.stop()
        let window = Int(from)..<Int(until)
        result.lateness = Lateness.of(catcher.caught, within: window, schedule: pump.startTime)
        result.losses = Losses(catcher.caught, within: window, silent: silence)
        return result
    }

    private func sent(_ calls: [Guild]) -> Int { calls.reduce(0) { $0 + $1.sender.statistics.sent } }
    private func silent(_ calls: [Guild]) -> Int { calls.reduce(0) { $0 + $1.sender.statistics.silent } }
}
