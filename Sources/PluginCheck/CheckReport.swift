import Foundation

/// One thing that was looked at, and what came of it.
public struct CheckResult: Sendable, Equatable, Codable {
    public enum Verdict: String, Sendable, Codable { case pass, warn, fail, skip }

    /// Level and name: "L0.exports".
    public let id: String
    /// What holds where it passes, in a few words.
    public let title: String
    public let verdict: Verdict
    /// Why, for everything but a pass; what a pass has to tell; one line.
    public let detail: String

    public init(_ id: String, _ title: String, _ verdict: Verdict, _ detail: String = "") {
        self.id = id
        self.title = title
        self.verdict = verdict
        self.detail = String(detail.map { $0.isNewline ? " " : $0 }.prefix(500))
    }
}

/// All results of one run over one file.
public struct CheckReport: Sendable, Equatable, Codable {
    public let file: String
    /// Of the manifest; empty where it cannot be read.
    public let plugin: String
    public let version: String
    /// What `--reproduce` takes to run the same fuzz again.
    public let seed: UInt64
    public let results: [CheckResult]

    /// 0 where all holds, 1 where something fails.
    public var exitCode: Int32 { results.contains { $0.verdict == .fail } ? 1 : 0 }

    private var counts: String {
        [("passed", CheckResult.Verdict.pass), ("failed", .fail), ("warnings", .warn), ("skipped", .skip)].map {
            name, verdict in "\(results.filter { $0.verdict == verdict }.count) \(name)"
        }.joined(separator: ", ")
    }

    /// A line for each result that is not a pass or has something to tell, and the sums; with `verbose` the passes too.
    public func text(verbose: Bool) -> String {
        let marks: [CheckResult.Verdict: String] = [.pass: "ok  ", .warn: "warn", .fail: "FAIL", .skip: "skip"]
        var lines = ["\(file): \(plugin.isEmpty ? "no manifest" : "\(plugin) \(version)")"]
        for result in results where verbose || result.verdict != .pass || !result.detail.isEmpty {
            let why = result.detail.isEmpty ? "" : ": \(result.detail)"
            lines.append("  \(marks[result.verdict] ?? "?") \(result.id) \(result.title)\(why)")
        }
        lines.append("  \(counts) (seed \(seed))")
        return lines.joined(separator: "\n")
    }

    /// Test Anything Protocol, version 14.
    public var tap: String {
        var lines = ["TAP version 14", "1..\(results.count)"]
        for (index, result) in results.enumerated() {
            let head = "\(result.verdict == .fail ? "not ok" : "ok") \(index + 1) - \(result.id) \(result.title)"
                .replacingOccurrences(of: "#", with: "\\#")
            switch result.verdict {
            case .pass: lines.append(result.detail.isEmpty ? head : "\(head)\n# \(result.detail)")
            case .skip: lines.append("\(head) # SKIP \(result.detail)")
            case .warn, .fail: lines.append("\(head)\n# \(result.detail)")
            }
        }
        return lines.joined(separator: "\n")
    }

    /// One JSON object with sorted keys.
    public var json: String { Self.text(of: self) }

    /// One JSON array, of the reports of several files.
    public static func json(of reports: [CheckReport]) -> String { text(of: reports) }

    private static func text(of value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}
