import Foundation

/// What to measure, and for how long.
struct Options {
    enum Part: String, CaseIterable {
        case audio, pump, floor, chain, transcode, call, roundtrip, http, reader, discordpy
    }

    static let usage = """
        usage: timmybot-bench [--only PARTS] [--seconds N] [--guilds LIST] [--repeat N]
          --only     some of \(Part.allCases.map(\.rawValue).joined(separator: ",")); all by default
          --seconds  of each timed step, all its slices together; 12 by default (a window of songs has at most 45)
          --guilds   numbers of guilds to play in at once; 1,10,50,200,500 by default
          --repeat   slices of every step, each beside its floor's; the one with the least CPU counts; 3 by default
        """

    var parts = Set(Part.allCases)
    var seconds = 12.0
    var guilds = [1, 10, 50, 200, 500]
    var rounds = 3

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
            case "--repeat": rounds = Int(value) ?? 0
            default: return nil
            }
        }
        guard !parts.isEmpty, (1...600).contains(seconds), !guilds.isEmpty,
            guilds.allSatisfy({ (1...2_000).contains($0) }),
            (1...10).contains(rounds)
        else { return nil }
    }

    func wants(_ part: Part) -> Bool { parts.contains(part) }

    /// Seconds of one slice.
    var slice: Double { max(1, seconds / Double(rounds)) }

    /// Programs that were built beside this one.
    static func sibling(_ name: String) -> String {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return (own as NSString).deletingLastPathComponent + "/" + name
    }
}
