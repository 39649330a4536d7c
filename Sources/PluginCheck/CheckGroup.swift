/// Checks that run together in one child process.
struct CheckGroup: Sendable {
    let name: String
    let level: Int
    /// What each check is, by its id.
    let titles: [String: String]
    /// Whether what comes after would only fail for the same reason again.
    var isFoundation = false

    static let all = [
        CheckGroup(
            name: "load", level: 1,
            titles: [
                "L1.loads": "can be loaded with all its symbols",
                "L1.entry": "has an entry that always answers the same",
                "L1.table": "has a sound table", "L1.identity": "is what its manifest says",
                "L1.speed": "loads within 100 ms",
                "L1.footprint":
                    "starts no thread and touches no descriptor, signal, environment, folder or locale while loading",
            ], isFoundation: true),
        CheckGroup(
            name: "tables", level: 2,
            titles: [
                "L2.extensions": "answers for its extensions, purely and before create",
                "L2.commands": "has commands that Discord takes", "L2.source": "has a whole source table",
                "L2.oauth": "has usable account flows",
            ], isFoundation: true),
        CheckGroup(
            name: "settling", level: 3,
            titles: ["L3.settling": "settles each task exactly once, also when cancelled, late or stopped"],
            isFoundation: true),
        CheckGroup(
            name: "extensions", level: 3,
            titles: ["L3.extensions": "does without each host extension, or says so"]),
        CheckGroup(
            name: "lifetime", level: 3,
            titles: ["L3.lifetime": "can be created and destroyed again and again without leaks"]),
        CheckGroup(name: "match", level: 3, titles: ["L3.match": "matches within a millisecond"]),
        CheckGroup(
            name: "reader", level: 3,
            titles: ["L3.reader": "reads the same in pieces of any size, seeks, and can be interrupted"]),
        CheckGroup(
            name: "fuzz", level: 3, titles: ["L3.fuzz": "takes every value that its parameters allow"]),
    ]

    /// One result an id: of several failures the first, of none a pass.
    func merged(_ results: [CheckResult]) -> [CheckResult] {
        var found: [String: CheckResult] = [:], order: [String] = []
        for result in results {
            guard let known = found[result.id] else {
                found[result.id] = result
                order.append(result.id)
                continue
            }
            if known.verdict == .pass, result.verdict != .pass { found[result.id] = result }
            if known.verdict == .fail, result.verdict == .fail {
                found[result.id] = CheckResult(result.id, result.title, .fail, "\(known.detail); \(result.detail)")
            }
        }
        return order.compactMap { found[$0] }
    }

    /// The child ended well and yet said nothing of some of its checks: its way to us was cut.
    func isIncomplete(_ results: [CheckResult]) -> Bool {
        !results.contains { $0.verdict == .fail } && titles.keys.contains { id in !results.contains { $0.id == id } }
    }

    /// The whole group came to a bad end.
    func broken(_ why: String) -> CheckResult {
        CheckResult("L\(level).\(name).survives", "survives", .fail, why)
    }
}
