import Foundation
import PluginHost

/// What `timmybot plugin list` and `info` print. Reads files and runs nothing.
public struct PluginListing: Sendable {
    let store: PluginStore
    let folder: String

    public init(store: PluginStore, folder: String) {
        self.store = store
        self.folder = folder
    }

    /// One line a plugin: id, version, state, what it is, and its file.
    ///
    /// - Parameter running: how the loaded ones do, where a bot runs.
    public func list(_ running: [PluginCondition] = []) throws(PluginStoreError) -> String {
        let lock = try store.lock(), quarantine = try store.quarantine()
        var lines: [String] = []
        for candidate in try store.candidates(folder) {
            let name = (candidate.file as NSString).lastPathComponent
            let entry = lock.plugins.first { candidate.file == "\(store.installedDirectory)/\($0.file)" }
            do throws(PluginRefusal) {
                let inspection = try PluginInspection(file: candidate.file)
                guard entry == nil || entry?.sha256 == inspection.digest else {
                    lines.append("\(entry?.id ?? name)\trefused: its file is not the one that was installed")
                    continue
                }
                let id = inspection.manifest.id
                let state = Self.state(
                    id, isOff: entry.map { !$0.enabled } ?? lock.disabled.contains(id), quarantine,
                    running.first { $0.id == id })
                lines.append(
                    [id, inspection.manifest.version, state, inspection.manifest.text ?? "", "(\(name))"]
                        .map(Self.printable).joined(separator: "\t"))
            } catch {
                lines.append("\(entry?.id ?? name)\trefused: \(error)")
            }
        }
        return lines.isEmpty ? "no plugins in \(folder)" : lines.joined(separator: "\n")
    }

    private static func state(
        _ id: String, isOff: Bool, _ quarantine: Quarantine, _ running: PluginCondition?
    ) -> String {
        if let entry = quarantine.plugins[id] { return "quarantined: \(entry.reason)" }
        if isOff { return "disabled" }
        guard let running else { return "enabled" }
        guard let last = running.lastFailure, running.state != .running else { return running.state.rawValue }
        return "\(running.state.rawValue): \(last)"
    }

    /// The manifest and what the lockfile knows.
    ///
    /// - Parameter what: an id, or a path where it has a slash or ends in `.so`.
    public func info(_ what: String) throws(PluginStoreError) -> String {
        let isPath = what.contains("/") || what.hasSuffix(".so")
        let path = isPath ? what : try store.candidate(what, folder: folder)?.file
        guard let path else { throw PluginStoreError("there is no plugin \(what)") }
        let inspection: PluginInspection
        do throws(PluginRefusal) { inspection = try PluginInspection(file: path) } catch {
            throw PluginStoreError("\(path): \(error)")
        }
        let manifest = inspection.manifest, lock = try store.lock()
        var facts: [(String, String?)] = [
            ("id", manifest.id), ("version", manifest.version), ("name", manifest.name), ("text", manifest.text),
            ("license", manifest.license), ("abi", "\(manifest.abi)"), ("lanes", "\(manifest.lanes ?? 1)"),
            ("hosts", manifest.hosts.map { $0.isEmpty ? "none" : $0.joined(separator: ", ") }),
            ("file", path), ("size", "\(inspection.size)"), ("sha256", inspection.digest),
        ]
        if !isPath || lock[manifest.id]?.sha256 == inspection.digest, let entry = lock[manifest.id] {
            facts += [
                ("installed", entry.installedAt), ("from", entry.source),
                ("signed by", entry.keyID ?? "nobody (--unsigned)"), ("enabled", entry.enabled ? "yes" : "no"),
                ("as installed", entry.sha256 == inspection.digest ? "yes" : "NO: the file was changed"),
            ]
        } else if !isPath {
            facts.append(("enabled", lock.disabled.contains(manifest.id) ? "no" : "yes"))
        }
        facts.append(("config", configuration(of: manifest.id)))
        if let entry = try store.quarantine().plugins[manifest.id] { facts.append(("quarantine", entry.reason)) }
        facts.append(("manifest", inspection.json))
        return facts.compactMap { name, value in
            value.map { "\(name.padding(toLength: 13, withPad: " ", startingAt: 0))\(Self.printable($0))" }
        }.joined(separator: "\n")
    }

    /// Where the operator's configuration is, and whether it can be used; never what is in it.
    private func configuration(of id: String) -> String {
        do throws(PluginRefusal) {
            let settings = try OperatorSettings(of: id, in: store.settingsDirectory)
            let path = OperatorSettings.path(of: id, in: store.settingsDirectory)
            guard settings.isFromFile else { return "none (\(path))" }
            return settings.isOpenToOthers ? "\(path) (others can read it: chmod 600)" : path
        } catch {
            return "UNUSABLE: \(error)"
        }
    }

    /// What a file says of itself must not move the operator's cursor.
    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : Character($0) })
    }
}
