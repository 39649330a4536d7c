import Foundation
import PluginStore

/// Plugins of the bot that runs with this data folder, asked how they are; nothing where none runs. Blocks.
struct HealthExamination {
    let dataDirectory: String

    var findings: [Finding] {
        guard let answer = try? ControlSocket.ask("health", dataDirectory: dataDirectory, seconds: 30),
            answer.hasPrefix("ok "),
            let lines = try? JSONDecoder().decode([HealthLine].self, from: Data(answer.dropFirst(3).utf8))
        else { return [] }
        return lines.map { line in
            let note = String(line.note.filter { !$0.isNewline }.prefix(200))
            return line.isWell
                ? .good("plugin \(line.plugin) at work", note.isEmpty ? "well" : note)
                : .warning("plugin \(line.plugin) at work", note, "its page or its author says more")
        }
    }
}
