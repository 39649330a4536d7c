import PluginHost

/// `timmybot plugin list`.
public enum PluginListing {
    public static func text(_ directory: String) -> String {
        let reports = PluginHost.survey(directory)
        guard !reports.isEmpty else { return "no plugins in \(directory)" }
        return reports.map { report in
            let file = report.file.split(separator: "/").last.map(String.init) ?? report.file
            guard let manifest = report.manifest else { return "\(file)\trefused: \(report.refusal ?? "?")" }
            return "\(manifest.id)\t\(manifest.version)\t\(manifest.text ?? "")\t(\(file))"
        }.joined(separator: "\n")
    }
}
