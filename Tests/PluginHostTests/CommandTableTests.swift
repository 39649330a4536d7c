import CTimmyBot
import Testing

@testable import PluginHost

/// Options of commands: what they become, and what is refused.
@Suite("Tables of commands")
struct CommandTableTests {
    private func load(_ parameters: String, _ more: [String] = []) throws -> (PluginHost, String?) {
        let scratch = try Scratch()
        try compile("params.c", ["-DPARAMS=\(parameters)"] + more, to: "\(scratch.path)/p.so")
        let host = makeHost(scratch)
        return (host, host.loadAll().first?.refusal)
    }

    private static let good = "PARAM(\"a\", TB_T_STR, 0, 0, 0)"

    @Test func everyKindOfOptionIsRead() throws {
        let (host, refusal) = try load(
            [
                "PARAM(\"word\", TB_T_STR, TB_PARAM_BOUNDED, 2, 20)", "PARAM(\"user\", TB_T_ID, TB_PARAM_USER, 0, 0)",
                "PARAM(\"role\", TB_T_ID, TB_PARAM_ROLE, 0, 0)", "PARAM(\"where\", TB_T_ID, TB_PARAM_CHANNEL, 0, 0)",
                "PARAM(\"either\", TB_T_ID | TB_T_OPT, TB_PARAM_USER | TB_PARAM_ROLE, 0, 0)",
                "CHOOSE(\"size\", TB_T_NUM, 0, CHOICE(\"half\", \"0.5\"), CHOICE(\"one\", \"1\"))",
                "CHOOSE(\"whole\", TB_T_INT, 0, CHOICE(\"minus\", \"-7\"))",
            ].joined(separator: ","))
        #expect(refusal == nil)
        let parameters = try #require(host.commands.first?.parameters)
        #expect(
            parameters.map(\.entity) == [.userOrRole, .user, .role, .channel, .userOrRole, .userOrRole, .userOrRole])
        #expect(parameters[0].bounds == 2...20)
        #expect(parameters[4].isOptional && !parameters[1].isOptional)
        #expect(parameters[5].choices.map(\.number) == [0.5, 1] && parameters[6].choices.map(\.integer) == [-7])
        host.shutdown()
    }

    private static let bad: [(String, [String], String)] = [
        ("PARAM(\"a\", TB_T_STR, TB_PARAM_USER, 0, 0)", [], "whose id"),
        ("PARAM(\"a\", TB_T_ID, TB_PARAM_USER | TB_PARAM_CHANNEL, 0, 0)", [], "whose id"),
        ("PARAM(\"a\", TB_T_STR | TB_T_OPT, 0, 0, 0)", [], "TB_PARAM_OPTIONAL"),
        ("PARAM(\"a\", TB_T_STR, TB_PARAM_BOUNDED, 0, 6001)", [], "bounds"),
        ("PARAM(\"a\", TB_T_INT, TB_PARAM_BOUNDED, 3, 2)", [], "bounds"),
        ("PARAM(\"a\", TB_T_INT, TB_PARAM_BOUNDED, 0, INT64_MAX)", [], "bounds"),
        ("PARAM(\"a\", TB_T_BOOL, TB_PARAM_BOUNDED, 0, 1)", [], "bounds"),
        ("PARAM(\"a\", TB_T_BOOL, TB_PARAM_AUTOCOMPLETE, 0, 0)", [], "autocomplete"),
        ("CHOOSE(\"a\", TB_T_STR, TB_PARAM_AUTOCOMPLETE, CHOICE(\"x\", \"y\"))", [], "autocomplete"),
        ("CHOOSE(\"a\", TB_T_INT, 0, CHOICE(\"x\", \"1.5\"))", [], "no number"),
        ("CHOOSE(\"a\", TB_T_NUM, 0, CHOICE(\"x\", \"nan\"))", [], "no number"),
        ("CHOOSE(\"a\", TB_T_BOOL, 0, CHOICE(\"x\", \"1\"))", [], "cannot have choices"),
        ("CHOOSE(\"a\", TB_T_STR, 0, CHOICE(\"x\", \"1\"), CHOICE(\"x\", \"2\"))", [], "does not take: x"),
        ("CHOOSE(\"a\", TB_T_STR, 0, CHOICE(\"\", \"1\"))", [], "does not take"),
        ("\(good), \(good)", [], "an option twice"), (good, ["-DTWICE"], "/test twice"),
        (good, ["-DNAME=\"plugins\""], "command of the host"), (good, ["-DPERMISSIONS=(1ull<<60)"], "permissions"),
    ]

    @Test(arguments: bad)
    func whatDiscordDoesNotTakeIsRefused(_ parameters: String, _ more: [String], _ reason: String) throws {
        let (_, refusal) = try load(parameters, more)
        #expect(refusal?.contains(reason) == true, "\(refusal ?? "it was loaded")")
    }
}
