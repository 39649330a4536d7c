import PluginHost

/// The plugin folder as the doctor sees it; reads manifests and runs nothing.
struct PluginExamination {
    let directory: String

    var findings: [Finding] {
        let reports = PluginHost.survey(directory)
        guard !reports.isEmpty else {
            return [.bad("plugins", "none in \(directory)", "build them with `make build`, or set TIMMYBOT_PLUGIN_DIR")]
        }
        return reports.map { report in
            let file = report.file.split(separator: "/").last.map(String.init) ?? report.file
            if let manifest = report.manifest { return .good("plugin \(manifest.id)", manifest.version) }
            return .warning("plugin \(file)", report.refusal ?? "refused", "remove it, or get a build for this machine")
        }
    }
}
