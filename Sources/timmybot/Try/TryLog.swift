import Bot
import Foundation
import Logging

/// What an author wants to read: every line of their own plugin from debug on, what the host says of it, and the rest
/// from warnings on.
struct TryLog: LogHandler {
    let plugin: String
    var logLevel = Logger.Level.debug
    var metadata = Logger.Metadata()

    init(plugin: String) { self.plugin = plugin }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = event.message.description
        let isItsOwn = text.hasPrefix("\(plugin): ") || text.hasPrefix("plugin \(plugin) ")
        // Said once, at the end of the process.
        guard !text.hasPrefix("plugin ~\(plugin).so was refused") else { return }
        guard isItsOwn || event.level >= .warning else { return }
        StandardError.write("\(event.level.rawValue) \(text)\n")
    }
}
