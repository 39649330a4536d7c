import CTimmyBot
import Testing

@testable import TimmyKit

enum Mood: Sendable { case calm, wild }

/// What the author wrote, what the host's table says, and what arrives in the handler are one and the same.
@Suite("Typed options", .timeLimit(.minutes(5)))
struct OptionTests {
    private struct Typed: Plugin {
        static let id = "test.typed"
        static let version = "1.0.0"
        let host: Host
        init(host: Host) { self.host = host }

        @CommandList static var commands: [Command] {
            Command("roll", "Rolls a die", .integer("sides", 2...100), .optional(.string("why"))) { call, sides, why in
                let sides: Int64 = sides, why: String? = why
                try call.reply("\(sides) \(why ?? "-")")
            }
            Command("text", "Text", .string("line", "One line", length: 3...5)) { call, line in try call.reply(line) }
            Command("pair", "Pair", .integer("a"), .integer("b")) { call, a, b in try call.reply("\(a + b)") }
            Command("one", "One", .integer("a")) { call, a in try call.reply("\(a)") }
            Command(
                "all", "Everything", .number("ratio", "How much", -1...1), .boolean("loud"), .user("who"),
                .role("role"), .channel("where"), .mentionable("any"), .choice("mood", "Which", moods),
                .optional(.integer("count")), .optional(.number("part")), .optional(.boolean("flag")),
                .optional(.user("other"))
            ) { call, ratio, loud, who, role, channel, any, mood, count, part, flag, other in
                let mood: Mood = mood, loud: Bool = loud, ratio: Double = ratio, flag: Bool? = flag
                let parts = ["\(ratio)", "\(loud)", who.mention, role.mention, channel.mention, "\(any.rawValue)"]
                let rest = [
                    "\(mood)", "\(count ?? -1)", "\(part ?? -1)", flag.map { "\($0)" } ?? "-", other?.mention ?? "-",
                ]
                try call.reply((parts + rest).joined(separator: " "))
            }
            CommandGroup("admin", requiring: .manageGuild, forCallerOnly: true) {
                Command("find", "Finds", .autocomplete("word", "A word", method: Typed.suggest), method: Typed.find)
                Command("wipe", "Wipes") { call in try call.reply("clean") }.forOwnerOnly()
                    .requiring(.administrator)
            }
        }
        private static let moods: [(String, Mood)] = [("Calm", .calm), ("Wild", .wild)]

        func find(_ call: Call, _ word: String) async throws { try call.reply("found \(word) for \(call.user)") }
        func suggest(_ call: Call, _ typed: String) async throws -> [Choice] {
            if typed == "fail" { throw Failure(code: .io, detail: "no index") }
            return (0..<30).map { Choice("\(typed)\($0)", "v\($0)") }
        }
    }

    @Test func theTableSaysWhatTheAuthorWrote() throws {
        let started = try Started(Typed.self)
        let names = ["roll", "text", "pair", "one", "all", "admin-find", "admin-wipe"]
        #expect(started.rows.map(\.name.string) == names)
        let roll = try #require(started.row("roll"))
        #expect(roll.param_count == 2 && roll.permissions == 0 && roll.flags == 0)
        let sides = roll.params[0], why = roll.params[1]
        #expect(sides.name.string == "sides" && sides.text.string == "sides" && sides.type == TB_T_INT)
        #expect(sides.flags == TB_PARAM_BOUNDED && sides.min == 2 && sides.max == 100)
        #expect(why.type == TB_T_STR && why.flags == TB_PARAM_OPTIONAL)
        let text = try #require(started.row("text")).params[0]
        #expect(text.text.string == "One line" && text.flags == TB_PARAM_BOUNDED && text.min == 3 && text.max == 5)
        let all = try #require(started.row("all"))
        let params = (0..<Int(all.param_count)).map { all.params[$0] }
        #expect(
            params.map(\.type) == [
                TB_T_NUM, TB_T_BOOL, TB_T_ID, TB_T_ID, TB_T_ID, TB_T_ID, TB_T_STR, TB_T_INT | TB_T_OPT,
                TB_T_NUM | TB_T_OPT, TB_T_BOOL | TB_T_OPT, TB_T_ID | TB_T_OPT,
            ])
        #expect(params[0].min == -1 && params[0].max == 1)
        #expect(
            params[2...5].map(\.flags) == [
                TB_PARAM_USER, TB_PARAM_ROLE, TB_PARAM_CHANNEL, TB_PARAM_USER | TB_PARAM_ROLE,
            ])
        #expect(params[6].choice_count == 2 && params[6].choices[1].name.string == "Wild")
        #expect(params[6].choices[1].value.string == "wild")
        let find = try #require(started.row("admin-find")), wipe = try #require(started.row("admin-wipe"))
        #expect(find.permissions == 1 << 5 && find.flags == TB_COMMAND_PRIVATE)
        #expect(find.params[0].flags == TB_PARAM_AUTOCOMPLETE)
        #expect(wipe.permissions == 1 << 5 | 1 << 3 && wipe.flags == TB_COMMAND_PRIVATE | TB_COMMAND_OWNER)
    }

    @Test func valuesArriveInTheirTypes() async throws {
        let started = try Started(Typed.self)
        let lender = Lender()
        func text(_ name: String, _ values: [tb_value_v1]) async throws -> String? {
            await started.host.outcome(try started.invoke(name, values)).text
        }
        #expect(try await text("roll", [.integer(6), .text("luck", lender)]) == "6 luck")
        #expect(try await text("roll", [.integer(6), .absent(TB_T_STR)]) == "6 -")
        let required: [tb_value_v1] = [
            .number(0.5), .integer(1, type: TB_T_BOOL), .integer(1, type: TB_T_ID), .integer(2, type: TB_T_ID),
            .integer(3, type: TB_T_ID), .integer(-1, type: TB_T_ID), .text("wild", lender),
        ]
        let absent: [tb_value_v1] = [TB_T_INT, TB_T_NUM, TB_T_BOOL, TB_T_ID].map { .absent($0 | TB_T_OPT) }
        let ids = "<@1> <@&2> <#3> 18446744073709551615"
        #expect(try await text("all", required + absent) == "0.5 true \(ids) wild -1 -1.0 - -")
        let present: [tb_value_v1] = [
            .integer(7, type: TB_T_INT | TB_T_OPT), .number(2.5), .integer(0, type: TB_T_BOOL | TB_T_OPT),
            .integer(9, type: TB_T_ID | TB_T_OPT),
        ]
        #expect(try await text("all", required + present) == "0.5 true \(ids) wild 7 2.5 false <@9>")
    }

    @Test func wrongOrMissingValuesAreTheHostsFault() async throws {
        let started = try Started(Typed.self)
        let lender = Lender()
        let wrong: [(String, [tb_value_v1])] = [
            ("roll", []), ("roll", [.absent(TB_T_INT)]), ("roll", [.text("six", lender)]), ("text", [.integer(1)]),
        ]
        for (name, values) in wrong {
            let failure = await started.host.outcome(try started.invoke(name, values)).failure
            #expect(failure?.code == .invalid && failure?.detail.hasPrefix("option ") == true)
        }
        let unknown = try started.withInvocation("gone") { started.row("roll")!.invoke($0, $1, $2, nil, 0) }
        #expect(await started.host.outcome(unknown).failure?.code == .notFound)
    }

    private typealias Raw = UnsafePointer<tb_invocation_v1>

    @Test func plainCFunctionsForTheCommonShapes() async throws {
        let started = try Started(Typed.self)
        let lender = Lender()
        typealias Text = @convention(c) (UnsafeMutableRawPointer?, tb_task, Raw, UnsafePointer<tb_str>?) -> tb_status
        typealias One = @convention(c) (UnsafeMutableRawPointer?, tb_task, Raw, Int64) -> tb_status
        typealias Two = @convention(c) (UnsafeMutableRawPointer?, tb_task, Raw, Int64, Int64) -> tb_status
        typealias None = @convention(c) (UnsafeMutableRawPointer?, tb_task, Raw) -> tb_status
        let text = try #require(started.typed("text", as: Text.self))
        let one = try #require(started.typed("one", as: One.self))
        let two = try #require(started.typed("pair", as: Two.self))
        let none = try #require(started.typed("admin-wipe", as: None.self))
        var line = lender.lend("line")
        let tasks = [
            try started.withInvocation("text") { text($0, $1, $2, &line) },
            try started.withInvocation("one") { one($0, $1, $2, -5) },
            try started.withInvocation("pair") { two($0, $1, $2, 40, 2) },
            try started.withInvocation("admin-wipe") { none($0, $1, $2) },
        ]
        var texts: [String?] = []
        for task in tasks { texts.append(await started.host.outcome(task).text) }
        #expect(texts == ["line", "-5", "42", "clean"])
        #expect(started.row("roll")?.handler == nil && started.row("all")?.handler == nil)
    }

    @Test func suggestionsAreCutToDiscordsLimit() async throws {
        let started = try Started(Typed.self)
        guard case .choices(let list) = await started.host.outcome(try started.autocomplete("admin-find", "word", "x"))
        else {
            Issue.record("no choices")
            return
        }
        #expect(list.count == 25 && list[24] == Choice("x24", "v24"))
        #expect(await started.host.outcome(try started.autocomplete("admin-find", "word", "fail")).failure?.code == .io)
        #expect(await started.host.outcome(try started.autocomplete("roll", "sides", "1")) == .choices([]))
        let lender = Lender()
        let found = try started.invoke("admin-find", [.text("w", lender)])
        #expect(await started.host.outcome(found).text == "found w for 30")
    }
}
