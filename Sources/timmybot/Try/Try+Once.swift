import ArgumentParser
import DiscordModel
import Foundation
import Sandbox

/// `plugin try --once`: without a browser.
extension Try {
    /// Below this a listener hears nothing.
    private static let silence = -60.0
    /// An answer comes within a command's 60 seconds or never.
    private static let patience = Duration.seconds(65)

    /// - Throws: exit code 1 where it did not work.
    func runOnce(_ text: String, seconds: Int, wav: String) async throws {
        let running = Task { [stage] in try await stage.app.run() }
        defer { running.cancel() }
        let outcome: Outcome
        do {
            try await ready()
            outcome = text.hasPrefix("/") ? try await type(text) : try await play(text, seconds: seconds, wav: wav)
        } catch {
            await stage.stop()
            if let error = error as? SandboxError {
                Settings.fail(error.description)
                throw ExitCode(1)
            }
            throw error
        }
        let trouble = await condition()?.trouble
        print((outcome.lines + [trouble].compactMap { $0 }).joined(separator: "\n"))
        await stage.stop()
        if let recording = outcome.recording { try Recording.keep(recording, as: wav) }
        throw outcome.isGood && trouble == nil ? ExitCode.success : ExitCode(1)
    }

    private struct Outcome {
        var lines: [String]
        var isGood: Bool
        var recording: Data?
    }

    /// A command, and its answer as text.
    private func type(_ text: String) async throws -> Outcome {
        let commands = await stage.server.world.commands(of: stage.bot, in: stage.guild)
        let command = try TypedCommand(text, among: commands)
        // Commands may ask where their caller is.
        _ = try await stage.listen()
        let interaction = try await stage.type(command.name, command.options)
        guard let answer = await stage.server.world.answer(to: interaction, within: Self.patience) else {
            return Outcome(lines: ["/\(command.name) is not answered"], isGood: false)
        }
        let lines = MessageText.lines(answer)
        return Outcome(lines: lines.isEmpty ? ["(an answer without text)"] : lines, isGood: true)
    }

    /// What a listener hears of what the query finds.
    private func play(_ query: String, seconds: Int, wav: String) async throws -> Outcome {
        let listener = try await stage.listen(), bot = stage.bot
        let started = ContinuousClock.now
        let interaction = try await stage.type(
            "play", [["name": "query", "type": 3, "value": .string(String(query.prefix(6_000)))]])
        guard let answer = await stage.server.world.answer(to: interaction, within: Self.patience) else {
            return Outcome(lines: ["/play is not answered", "FAILED"], isGood: false)
        }
        let found = MessageText.lines(answer).joined(separator: " | ")
        // What only the caller sees is that nothing was found, or why it cannot be played.
        guard answer["flags"]?.int.map({ $0 & 64 == 0 }) ?? true else {
            return Outcome(lines: [line("answer", found), "FAILED"], isGood: false)
        }
        for _ in 0..<2_000 where listener.frames(of: bot) == 0 {
            try await ContinuousClock().sleep(for: .milliseconds(5))
        }
        let firstAudio = started.duration(to: .now)
        if listener.frames(of: bot) > 0 { try await ContinuousClock().sleep(for: .seconds(seconds)) }
        return report(found, firstAudio, listener, wav)
    }

    private func report(
        _ found: String, _ firstAudio: Duration, _ listener: SandboxListener, _ wav: String
    ) -> Outcome {
        let heard = listener.report(of: stage.bot)
        guard heard.packets > 0 else {
            return Outcome(lines: [line("found", found), "nothing was heard in 10 s", "FAILED"], isGood: false)
        }
        let arrivals = listener.packets().filter { $0.sender == stage.bot }.map(\.arrival)
        let span = (arrivals.last ?? 0) - (arrivals.first ?? 0)
        let expected = Int(span * 50) + 1, loudness = Loudness.decibels(listener.pcm(of: stage.bot))
        let isWhole = heard.lost == 0 && heard.undecryptable == 0 && heard.packets >= expected * 9 / 10
        let isGood = isWhole && loudness > Self.silence
        let lines = [
            line("plugin", "\(folder.plugin.id) \(folder.plugin.version)"), line("found", found),
            line("first audio", "\(firstAudio.milliseconds) ms after /play"),
            line(
                "frames heard",
                "\(heard.packets) of \(expected), \(heard.lost) lost, \(heard.undecryptable) undecryptable"),
            line(
                "loudness",
                loudness > Self.silence ? "\(String(format: "%.1f", loudness)) dBFS" : "silence: nothing can be heard"),
            line("recording", wav), isGood ? "OK" : "FAILED",
        ]
        return Outcome(lines: lines, isGood: isGood, recording: Data(listener.wav(of: stage.bot)))
    }

    private func line(_ name: String, _ value: String) -> String {
        name.padding(toLength: 19, withPad: " ", startingAt: 0) + value
    }
}
