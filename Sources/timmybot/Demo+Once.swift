import Bot
import Foundation
import Sandbox

/// `demo --once`: from slash command to recorded audio, without a browser.
extension Demo {
    struct Report {
        let text: String
        let isGood: Bool
        /// What the listener heard, as a WAV file.
        let recording: Data
    }

    private static let song = (file: "morning-train.opus", title: "Morning Train")

    func playOnce(seconds: Int, wav: String) async throws -> Report {
        let app = stage.app, bot = stage.bot
        let running = Task { try await app.run() }
        defer { running.cancel() }
        try await stage.waitForCommands()
        let listener = try await stage.listen()
        let started = ContinuousClock.now
        _ = try await stage.type("play", [["name": "query", "type": 3, "value": .string(Self.song.title)]])
        try await stage.wait("the first audio", 20) { listener.frames(of: bot) > 0 }
        let firstAudio = started.duration(to: .now)
        try await ContinuousClock().sleep(for: .seconds(seconds))
        let heard = listener.pcm(of: bot), report = listener.report(of: bot)
        let voiceReport = await app.voiceReport(guild: stage.guild.rawValue)
        let correlation = Correlation.find(
            Correlation.mono(heard), in: Correlation.mono(try original()), maximumOffset: 48_000)
        let text = make(seconds, firstAudio, report, voiceReport?.statistics.late ?? [], correlation, wav)
        return Report(text: text.lines, isGood: text.isGood, recording: Data(listener.wav(of: bot)))
    }

    private func make(
        _ seconds: Int, _ firstAudio: Duration, _ heard: SandboxListener.Report, _ late: [Int],
        _ correlation: Correlation?,
        _ wav: String
    ) -> (lines: String, isGood: Bool) {
        let value = correlation?.value ?? 0
        let ticks = max(1, late.reduce(0, +)), onTime = late.prefix(2).reduce(0, +)
        let frames = heard.packets, expected = seconds * 50
        let good = value > 0.99 && heard.undecryptable == 0 && heard.lost == 0 && frames >= expected * 9 / 10
        let lines = [
            "song               \(Self.song.title) (Ogg Opus, passed through untouched)",
            "first audio        \(firstAudio.milliseconds) ms after /play",
            "frames heard       \(frames) in \(seconds) s, \(heard.lost) lost, \(heard.undecryptable) undecryptable",
            "sent within 2 ms   \(100 * onTime / ticks) % of \(ticks) ticks",
            "correlation        \(String(format: "%.4f", value)) with the song as it was composed",
            "recording          \(wav)", good ? "OK" : "FAILED",
        ]
        return (lines.joined(separator: "\n"), good)
    }

    /// The song before any codec touched it.
    private func original() throws -> [Int16] {
        let path = NSTemporaryDirectory() + "timmybot-\(getpid()).pcm"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Self.launch(songMaker, ["--pcm", Self.song.file, path])
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return data.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) }
    }
}
