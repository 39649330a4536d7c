/// What `timmybot-check` says, line by line. A long fuzz tells of each call; only the last of them is kept.
struct ChildReport: Sendable {
    let titles: [String: String]
    private(set) var results: [CheckResult] = []
    /// What was about to be called last.
    private(set) var at = ""
    private var line: [UInt8] = []

    private static let maximumLine = 4 << 10
    private static let maximumResults = 1_000

    init(titles: [String: String]) { self.titles = titles }

    mutating func take(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes {
            if byte == 10 {
                end()
            } else if line.count < Self.maximumLine {
                line.append(byte)
            }
        }
    }

    private mutating func end() {
        defer { line.removeAll(keepingCapacity: true) }
        let parts = String(decoding: line, as: UTF8.self)
            .split(separator: "\t", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        if parts.count >= 2, parts[0] == "at" {
            at = parts[1]
        } else if parts.count == 4, parts[0] == "result", results.count < Self.maximumResults,
            let verdict = CheckResult.Verdict(rawValue: parts[2])
        {
            results.append(CheckResult(parts[1], titles[parts[1]] ?? parts[1], verdict, parts[3]))
        }
    }
}
