import Foundation
import PluginHost
import PluginStore

/// The author edits, builds and hears.
extension Try {
    /// Once a second: a file that was built anew is loaded, and a condition that got worse is told. Until it is cancelled.
    func watch() async {
        var watch = FileWatch(FileWatch.Stamp(file))
        var known: String?
        while !Task.isCancelled {
            try? await ContinuousClock().sleep(for: .seconds(1))
            if watch.hasChanged(to: FileWatch.Stamp(file)) { await reload() }
            let trouble = await condition()?.trouble
            if let trouble, trouble != known { say(trouble) }
            known = trouble
        }
    }

    private func reload() async {
        // What is no plugin any more, or another one, would have the bot unload this one.
        do throws(PluginRefusal) {
            let id = try PluginInspection(file: file).manifest.id
            guard id == folder.plugin.id else {
                return say("\(file) is not taken: its id is \(id) now; try it anew")
            }
        } catch {
            return say("\(file) is not taken: \(error)")
        }
        guard let answer = await ask("reload \(folder.plugin.id)") else { return say("the bot does not answer") }
        if answer.hasPrefix("ok ") {
            say(String(answer.dropFirst(3)))
        } else {
            say("\(file) is not taken: \(answer.hasPrefix("error ") ? String(answer.dropFirst(6)) : answer)")
        }
    }

    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
