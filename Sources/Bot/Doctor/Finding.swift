/// One thing that `timmybot doctor` looked at.
public struct Finding: Sendable, Equatable {
    public enum Verdict: String, Sendable { case good = "ok", warning = "warning", bad = "missing" }

    public let verdict: Verdict
    /// What was looked at, a few words.
    public let subject: String
    /// What was found.
    public let detail: String
    /// How to mend it; nil where nothing is wrong.
    public let remedy: String?

    static func good(_ subject: String, _ detail: String) -> Finding {
        Finding(verdict: .good, subject: subject, detail: detail, remedy: nil)
    }

    static func warning(_ subject: String, _ detail: String, _ remedy: String) -> Finding {
        Finding(verdict: .warning, subject: subject, detail: detail, remedy: remedy)
    }

    static func bad(_ subject: String, _ detail: String, _ remedy: String) -> Finding {
        Finding(verdict: .bad, subject: subject, detail: detail, remedy: remedy)
    }
}
