import CTimmyBot
import DiscordModel
import Foundation
@testable import PluginHost
import TestSupport
import Testing

@testable import Bot

/// What of a plugin's answers is sent, and which rule an answer breaks that is not.
@Suite("Messages of plugins")
struct MessageTests {
    private static func text(_ count: Int) -> String {
        "{\"type\":10,\"content\":\"\(String(repeating: "x", count: count))\"}"
    }
    private static func button(_ more: String = "") -> String {
        "{\"type\":2,\"style\":1,\"label\":\"Go\",\"custom_id\":\"go\"\(more)}"
    }
    private static func row(_ children: String...) -> String {
        "{\"type\":1,\"components\":[\(children.joined(separator: ","))]}"
    }
    private static func buttons(_ count: Int) -> String {
        let list = (0..<count).map { "{\"type\":2,\"style\":1,\"label\":\"B\",\"custom_id\":\"b\($0)\"}" }
        return "{\"type\":1,\"components\":[\(list.joined(separator: ","))]}"
    }
    private static func select(_ options: Int, _ more: String = "") -> String {
        let list = (0..<options).map { "{\"label\":\"L\",\"value\":\"v\($0)\"}" }.joined(separator: ",")
        return "{\"type\":3,\"custom_id\":\"s\",\"options\":[\(list)]\(more)}"
    }

    private func objection(_ components: [String], files: [PluginAttachment] = []) -> String? {
        MessageBuilder.objection(
            to: PluginReply(componentsJSON: "[\(components.joined(separator: ","))]", attachments: files),
            plugin: "test.plugin")
    }

    private static let file = PluginAttachment(name: "a.txt", type: "text/plain", bytes: [1])

    @Test(arguments: [
        [text(4_000)], [text(2_000), text(2_000)], [buttons(5), buttons(0 + 1).replacing("b0", with: "c0")],
        [row(select(25))], [String](repeating: text(1), count: 40),
        ["{\"type\":17,\"components\":[\(text(1)),{\"type\":14,\"spacing\":2}]}"],
        ["{\"type\":9,\"components\":[\(text(1))],\"accessory\":\(button())}"],
        [
            "{\"type\":9,\"components\":[\(text(1))],\"accessory\":{\"type\":11,\"media\":{\"url\":\"attachment://cover.png\"}}}"
        ],
        [row("{\"type\":2,\"style\":5,\"label\":\"Site\",\"url\":\"https://example.org\"}")],
        ["{\"type\":12,\"items\":[{\"media\":{\"url\":\"https://example.org/a.png\"}}]}"],
    ])
    func whatDiscordTakesIsSent(_ components: [String]) {
        #expect(objection(components) == nil, "\(components)")
    }

    private static let broken: [([String], String)] = [
        ([text(4_001)], "4001 characters"), ([text(2_000), text(2_001)], "4000 characters in all"),
        ([text(0)], "0 characters"), ([], "at least one"), ([String](repeating: text(1), count: 41), "40 components"),
        ([buttons(6)], "has 6, not 1 to 5"), ([buttons(0)], "has 0"), ([row(select(1), button())], "stands alone"),
        ([row(select(26))], "has 26"), ([row(select(2, ",\"max_values\":3"))], "only 2 options"),
        ([row(button().replacing("Go", with: String(repeating: "x", count: 81)))], "81 characters"),
        ([row(button(), button())], "is there twice"), ([button()], "2 is not allowed here"),
        ([row("{\"type\":2,\"style\":1,\"custom_id\":\"x\"}")], "label or an emoji"),
        ([row("{\"type\":2,\"style\":1,\"label\":\"x\"}")], "custom_id: is missing"),
        ([row("{\"type\":2,\"style\":7,\"label\":\"x\",\"custom_id\":\"x\"}")], "must be 1 to 6"),
        // Together with the host's prefix.
        ([row(button().replacing("\"go\"", with: "\"\(String(repeating: "i", count: 90))\""))], "104 characters"),
        ([row("{\"type\":2,\"style\":5,\"label\":\"x\",\"url\":\"javascript:x\"}")], "no web address"),
        (["{\"type\":17,\"components\":[{\"type\":17,\"components\":[\(text(1))]}]}"], "17 is not allowed here"),
        (["{\"type\":9,\"components\":[\(text(1))]}"], "accessory: is missing"),
        (["{\"type\":12,\"items\":[{\"media\":{\"url\":\"attachment://none.png\"}}]}"], "no such attachment"),
        (["{\"type\":99}"], "99 is not allowed"), (["{}"], "type: is missing"), (["7"], "type: is missing"),
        (["{\"type\":17,\"accent_color\":-1,\"components\":[\(text(1))]}"], "accent_color"),
    ]

    @Test(arguments: broken)
    func whatDiscordRefusesIsNamed(_ components: [String], _ rule: String) {
        #expect(objection(components)?.contains(rule) == true, "\(objection(components) ?? "nothing")")
    }

    @Test func notEvenJSON() {
        for json in ["", "{}", "[", "null", "\"x\""] {
            let reply = PluginReply(componentsJSON: json)
            #expect(MessageBuilder.objection(to: reply, plugin: "p") == "components_json: is not a JSON array")
        }
    }

    @Test func filesHavePlainDifferentNamesAndBounds() {
        func check(_ files: [PluginAttachment]) -> String? { objection([Self.text(1)], files: files) }
        func named(_ name: String, _ size: Int = 1) -> PluginAttachment {
            PluginAttachment(name: name, type: "text/plain", bytes: [UInt8](repeating: 0, count: size))
        }
        #expect(check([Self.file]) == nil)
        #expect(check([Self.file, Self.file])?.contains("same name") == true)
        #expect(check([named("cover.png")])?.contains("cover") == true)
        #expect(check([named("a b.txt")])?.contains("letters") == true)
        #expect(check([named("../x")])?.contains("letters") == true)
        #expect(check((0..<10).map { named("f\($0)") })?.contains("more than 9") == true)
        #expect(check((0..<3).map { named("f\($0)", 8 << 20) })?.contains("20 MiB") == true)
        let shown = "{\"type\":13,\"file\":{\"url\":\"attachment://a.txt\"}}"
        #expect(objection([shown], files: [Self.file]) == nil)
        #expect(objection([shown])?.contains("no such attachment") == true)
    }

    @Test func aCoverThatIsNotToBeHadLeavesAWholeMessage() async throws {
        let cover = "{\"url\":\"attachment://cover.png\"}"
        let json = """
            [{"type":17,"components":[{"type":9,"components":[\(Self.text(2))],"accessory":{"type":11,"media":\(cover)}},\
            {"type":12,"items":[{"media":\(cover)}]}]},{"type":13,"file":\(cover)}]
            """
        let reply = PluginReply(componentsJSON: json)
        let bare = try await MessageBuilder.message(reply, plugin: "p") { nil }
        #expect(bare.body["components"] == [["type": 17, "components": [["type": 10, "content": "xx"]]]])
        #expect(bare.attachments.isEmpty)
        let alone = PluginReply(componentsJSON: "[{\"type\":13,\"file\":\(cover)}]")
        let only = try await MessageBuilder.message(alone, plugin: "p") { nil }
        #expect(ComponentRules.objection(message: only.body["components"]?.array ?? [], files: []) == nil)
        let dressed = try await MessageBuilder.message(reply, plugin: "p") { ("image/png", [1]) }
        #expect(dressed.attachments.map(\.name) == ["cover.png"])
    }

    @Test func customIDsFindTheirWayBack() {
        #expect(MessageBuilder.split("p:a.b:c:d")?.plugin == "a.b")
        #expect(MessageBuilder.split("p:a.b:c:d")?.rest == "c:d")
        #expect(MessageBuilder.split("x:a:b") == nil && MessageBuilder.split("p:a") == nil)
    }

    // MARK: Modals

    private static func modal(_ part: String) -> String {
        "{\"title\":\"T\",\"custom_id\":\"m\",\"components\":[\(part)]}"
    }
    private static let input = "{\"type\":4,\"custom_id\":\"w\",\"style\":1}"

    private static let modals: [(String, String?)] = [
        (modal("{\"type\":18,\"label\":\"L\",\"component\":\(input)}"), nil),
        (modal("{\"type\":1,\"components\":[{\"type\":4,\"custom_id\":\"w\",\"style\":2,\"label\":\"L\"}]}"), nil),
        (modal("{\"type\":18,\"label\":\"L\",\"component\":\(select(3))}"), nil),
        (modal("{\"type\":18,\"label\":\"\(String(repeating: "x", count: 46))\",\"component\":\(input)}"), "46"),
        (modal("{\"type\":18,\"label\":\"L\",\"component\":{\"type\":4,\"custom_id\":\"w\",\"style\":3}}"), "style"),
        (modal("{\"type\":18,\"label\":\"L\",\"component\":\(button())}"), "2 is not allowed"),
        (modal("{\"type\":10,\"content\":\"x\"}"), "needs a field"), (modal(button()), "2 is not allowed"),
        (modal("{\"type\":18,\"label\":\"L\",\"component\":\(input)}").replacing("\"T\"", with: "\"\""), "title"),
    ]

    @Test(arguments: modals)
    func modalsFollowTheRules(_ json: String, _ rule: String?) throws {
        let (objection, body) = MessageBuilder.modal(json, plugin: "test.plugin")
        #expect(rule.map { objection?.contains($0) == true } ?? (objection == nil), "\(objection ?? "nothing")")
        guard rule == nil, let validator = OpenAPIDocument.validator else { return }
        let callback = try JSONEncoder().encode(["type": 9, "data": body] as JSONValue)
        #expect(try validator.problems(method: "POST", path: "/interactions/1/t/callback", body: callback) == [])
    }

    /// What the rules let through fits Discord's own description too.
    @Test(.enabled(if: OpenAPIDocument.present, "Discord's OpenAPI document is not beside this checkout"))
    func whatIsSentFitsDiscordsDescription() async throws {
        let validator = try #require(OpenAPIDocument.validator)
        for components in [[Self.text(4_000)], [Self.row(Self.select(25))], [Self.buttons(5)]] {
            let reply = PluginReply(componentsJSON: "[\(components.joined(separator: ","))]", isEphemeral: true)
            let message = try await MessageBuilder.message(reply, plugin: "test.plugin") { nil }
            let data = try JSONEncoder().encode(["type": 4, "data": message.body] as JSONValue)
            #expect(try validator.problems(method: "POST", path: "/interactions/1/t/callback", body: data) == [])
        }
    }
}

/// The host's own command, and who may use it.
@Suite("Who runs the bot")
struct OwnerTests {
    @Test func ownersAreReadAsDiscordSendsThem() {
        #expect(OwnerBook.owners(["owner": ["id": "7"], "team": nil]) == [7])
        func member(_ id: String, _ state: Int64, _ role: String) -> JSONValue {
            ["user": ["id": .string(id)], "membership_state": .int(state), "role": .string(role)]
        }
        let team: JSONValue = [
            "owner_user_id": "1",
            "members": [
                member("1", 2, "admin"), member("2", 2, "developer"), member("3", 1, "admin"),
                member("4", 2, "read_only"), member("5", 2, "admin"),
            ],
        ]
        // With a team, the application's owner is a user that stands for the team.
        #expect(OwnerBook.owners(["owner": ["id": "99"], "team": team]) == [1, 2, 5])
        #expect(OwnerBook.owners([:]) == [])
    }

    @Test func aListOfPluginsIsBoundedAndPlain() {
        var counters = PluginCounters()
        counters.calls = 12
        counters.failures = 3
        counters.timeouts = 1
        counters.lastFailure = "line\n**bold** @everyone <@1>"
        let condition = PluginCondition(
            id: "a.b", version: "1.2.3", state: .running, failures: 5, allFailures: 5, lastFailure: nil, queueDepth: 0,
            openCalls: 2, lanes: 1, stuckLanes: 1, lateAnswers: 4, draining: 0, isOnTrial: false, file: "/x/good.so",
            digest: "00")
        let status = PluginStatus(condition: condition, counters: counters)
        let refused = PluginReport(file: "/x/bad.so", manifest: nil, refusal: "it is not an ELF file")
        let message = PluginsCommand.message([status], refused: [refused], ailing: ["a.b": "no key *today*"])
        let shown = text(of: message.body)
        for part in [
            "a.b", "1.2.3", "12 calls", "2 open", "3 failed", "1 of them by time", "4 late", "1 of 1 threads stuck",
            "not well: no key \\*today\\*",
            "bad.so", "refused", "ELF",
        ] {
            #expect(shown.contains(part), "\(part) in \(shown)")
        }
        #expect(message.isEphemeral && !shown.contains("**bold**") && !shown.contains(" @everyone"))
        let many = PluginsCommand.message(Array(repeating: status, count: 100), refused: [], ailing: [:])
        #expect(text(of: many.body).contains("more"))
        #expect(ComponentRules.objection(message: many.body["components"]?.array ?? [], files: []) == nil)
    }
}
