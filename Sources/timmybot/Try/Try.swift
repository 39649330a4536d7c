import ArgumentParser
import Bot
import Foundation
import PluginHost
import PluginStore

/// One plugin in a local Discord.
final class Try: Sendable {
    let stage: Stage
    let folder: TryFolder
    /// As the author called it.
    let file: String

    init(_ folder: TryFolder, _ plan: Stage.Plan, _ installation: Installation, file: String) async throws {
        self.folder = folder
        self.file = file
        do {
            stage = try await Stage(plan, installation: installation)
        } catch let missing as MissingPart {
            Settings.fail(missing.description)
            throw Exit.unavailable
        }
    }

    /// Until SIGINT or SIGTERM.
    func runPage() async throws {
        let stopping = Signals.onStop { [stage] in await stage.stop() }
        defer { withExtendedLifetime(stopping) {} }
        let running = Task { [stage] in try await stage.app.run() }
        do {
            try await ready()
        } catch {
            await stage.stop()
            throw error
        }
        print("\n  \(folder.plugin.id) \(folder.plugin.version) runs. Open \(stage.server.pageURL) and type\(hint)\n")
        // A pipe's reader waits for the address, too.
        fflush(nil)
        let watching = Task { await watch() }
        defer { watching.cancel() }
        try await running.value
        // Waits for the stop that the signal has begun.
        await stage.stop()
    }

    private var hint: String { folder.plugin.examples?.first.map { " /play \($0)" } ?? " a command" }

    /// The plugins are loaded, and this one among them; else says why not.
    func ready() async throws {
        try await stage.waitForCommands()
        guard let refused = stage.app.refusals.first(where: { $0.file == folder.tried }) else { return }
        Settings.fail("\(file) is refused: \(refused.refusal ?? "?")")
        throw ExitCode(1)
    }

    // MARK: The running bot

    /// How the plugin does; nil where that cannot be told.
    func condition() async -> PluginCondition? {
        guard let answer = await ask("status"), answer.hasPrefix("ok "),
            let all = try? JSONDecoder().decode([PluginCondition].self, from: Data(answer.dropFirst(3).utf8))
        else { return nil }
        return all.first { $0.id == folder.plugin.id }
    }

    /// A request over the control socket. It blocks, so it has a thread of its own.
    func ask(_ request: String) async -> String? {
        let data = folder.data
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(returning: try? ControlSocket.ask(request, dataDirectory: data))
            }
        }
    }
}

extension PluginCondition {
    /// One line about what has gone wrong; nil where nothing has.
    var trouble: String? {
        guard allFailures > 0 || state != .running || stuckLanes > 0 || lateAnswers > 0 else { return nil }
        var facts = ["\(allFailures) failed calls"]
        if stuckLanes > 0 { facts.append("\(stuckLanes) of \(lanes) threads hang") }
        if lateAnswers > 0 { facts.append("\(lateAnswers) late answers") }
        if let lastFailure { facts.append("last: \(lastFailure)") }
        return "\(id) is \(state.rawValue): \(facts.joined(separator: ", "))"
    }
}
