import PluginHost
import PluginStore

/// What the bot would load, as the doctor sees it; reads manifests and runs nothing.
struct PluginExamination {
    let directory: String
    let store: PluginStore

    init(_ configuration: BotConfiguration) {
        directory = configuration.pluginDirectory
        store = PluginStore(dataDirectory: configuration.dataDirectory)
    }

    var findings: [Finding] {
        do throws(PluginStoreError) {
            let candidates = try store.candidates(directory)
            guard !candidates.isEmpty else { return [none] }
            return candidates.map(finding)
        } catch {
            return [.bad("plugins", "\(error)", "mend or remove the file that is named")]
        }
    }

    private var none: Finding {
        .bad("plugins", "none in \(directory)", "build them with `make build`, or set TIMMYBOT_PLUGIN_DIR")
    }

    private func finding(_ candidate: PluginCandidate) -> Finding {
        let file = candidate.file.split(separator: "/").last.map(String.init) ?? candidate.file
        do throws(PluginRefusal) {
            let inspection = try PluginInspection(file: candidate.file)
            let manifest = inspection.manifest, subject = "plugin \(manifest.id)"
            if candidate.refusal != nil { return kept(out: manifest, subject) }
            guard candidate.digest == nil || candidate.digest == inspection.digest else {
                return .warning(
                    subject, "its file is not the one that was installed", "install it again, or remove it")
            }
            return .good(subject, manifest.version)
        } catch {
            return .warning("plugin \(file)", "\(error)", "remove it, or get a build for this machine")
        }
    }

    /// By the operator's own word, or for crashes.
    private func kept(out manifest: PluginManifest, _ subject: String) -> Finding {
        let reason = (try? store.quarantine())?.plugins[manifest.id]?.reason
        return .warning(
            subject, "\(manifest.version), \(reason.map { "in quarantine: \($0)" } ?? "disabled")",
            "`timmybot plugin enable \(manifest.id)` lets it in")
    }
}
