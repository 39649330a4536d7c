import Foundation

/// What to measure, and for how long.
struct Options {
    enum Part: String, CaseIterable { case pump, floor, transcode, call, discordpy }

    static let usage = """
        usage: timmybot-bench [--only PARTS] [--seconds N] [--guilds LIST] [--repeat N]
          --only     some of \(Part.allCases.map(\.rawValue).joined(separator: ",")); all by default
          --seconds  of each timed step; 10 by default
          --guilds   numbers of guilds to play in at once; 1,10,50,200,500 by default
          --repeat   measure every step so often and keep the run with the least CPU; 1 by default
        """

    var parts = Set(Part.allCases)
    var seconds = 10.0
    var guilds = [1, 10, 50, 200, 500]
    var repeats = 1

    /// Nil where the arguments make no sense.
    init?(_ arguments: some Sequence<String>) {
        var rest = Array(arguments)[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { return nil }
            let items = value.split(separator: ",").map(String.init)
            switch name {
            case "--only": parts = Set(items.compactMap(Part.init))
            case "--seconds": seconds = Double(value) ?? 0
            case "--guilds": guilds = items.compactMap { Int($0) }
            case "--repeat": repeats = Int(value) ?? 0
            default: return nil
            }
        }
        guard !parts.isEmpty, (1...600).contains(seconds), !guilds.isEmpty,
            guilds.allSatisfy({ (1...2_000).contains($0) }),
            (1...10).contains(repeats)
        else { return nil }
    }

    func wants(_ part: Part) -> Bool { parts.contains(part) }

    /// The best of several runs by what `cost` says of them.
    func best<Result>(by cost: (Result) -> Double, _ body: () async throws -> Result) async rethrows -> Result {
        var best = try await body()
        for _ in 0..<repeats - 1 {
            let next = try await body()
            if cost(next) < cost(best) { best = next }
        }
        return best
    }

    /// Programs that were built beside this one.
    static func sibling(_ name: String) -> String {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return (own as NSString).deletingLastPathComponent + "/" + name
    }
}
