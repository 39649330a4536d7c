import ArgumentParser
import Bot
import Foundation
import PluginHost
import PluginStore

/// The temporary folder of a try: the data of the bot, and a plugin folder with links to the commands that came with
/// the bot and to the author's file.
struct TryFolder {
    let path: String
    let plugin: PluginManifest

    var data: String { "\(path)/data" }
    var plugins: String { "\(path)/plugins" }

    /// - Parameters:
    ///   - file: the author's plugin.
    ///   - withLibrary: whether the demo's music source is loaded as well.
    ///   - configuration: the plugin's, a JSON object.
    /// - Throws: an exit code, after a line that says why.
    init(file: String, withLibrary: Bool, configuration: String?, installation: Installation) throws {
        do throws(PluginRefusal) {
            plugin = try PluginInspection(file: file).manifest
        } catch {
            Settings.fail("\(file) is refused: \(error)")
            throw ExitCode(1)
        }
        var template = Array((NSTemporaryDirectory() + "timmybot-try-XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else {
            Settings.fail("\(NSTemporaryDirectory()) cannot be written to")
            throw Exit.cannotCreate
        }
        path = String(cString: made)
        do {
            try fill(file, withLibrary, configuration, installation)
        } catch {
            remove()
            Settings.fail("\(path) cannot be written: \(error.localizedDescription)")
            throw Exit.cannotCreate
        }
    }

    private func fill(_ file: String, _ withLibrary: Bool, _ configuration: String?, _ installation: Installation)
        throws
    {
        let files = FileManager.default
        try files.createDirectory(atPath: plugins, withIntermediateDirectories: true)
        let wanted = ["timmy.playback", "timmy.queue"] + (withLibrary ? ["timmy.library"] : [])
        for report in PluginHost.survey(installation.pluginDirectory) {
            guard let id = report.manifest?.id, wanted.contains(id), id != plugin.id else { continue }
            try files.createSymbolicLink(
                atPath: "\(plugins)/\(id).so",
                withDestinationPath: URL(fileURLWithPath: report.file).standardizedFileURL.path)
        }
        try files.createSymbolicLink(
            atPath: tried, withDestinationPath: URL(fileURLWithPath: file).standardizedFileURL.path)
        guard let configuration else { return }
        let settings = PluginStore(dataDirectory: data).settingsDirectory
        try files.createDirectory(
            atPath: settings, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let path = OperatorSettings.path(of: plugin.id, in: settings)
        guard files.createFile(atPath: path, contents: Data(configuration.utf8), attributes: [.posixPermissions: 0o600])
        else { throw CocoaError(.fileWriteUnknown) }
    }

    /// The link to the author's file, behind the others: where they clash over a name, it is theirs that is refused.
    var tried: String { "\(plugins)/~\(plugin.id).so" }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
