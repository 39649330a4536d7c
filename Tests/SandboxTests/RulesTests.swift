import DiscordModel
import Testing

@testable import Sandbox

/// What Discord refuses, the sandbox refuses.
@Suite("Rules of messages and commands")
struct RulesTests {
    private typealias Answer = (status: Int, body: JSONValue, headers: [String: String])

    private func open() async throws -> Town { try await Town.open(adjust: { $0.enforcesRateLimits = false }) }

    private func post(_ body: JSONValue, _ town: Town) async -> Answer {
        await town.rest("POST", "/channels/\(town.text)/messages", body)
    }

    private func isRefused(_ answer: Answer, _ code: String) -> Bool {
        answer.status == 400 && answer.body["code"]?.int == 50035
            && String(decoding: JSONText.encode(answer.body), as: UTF8.self).contains(code)
    }

    private func row(_ button: JSONValue) -> JSONValue { ["components": [["type": 1, "components": [button]]]] }

    private func thumbnail(_ note: String) -> JSONValue {
        [
            "flags": 32768,
            "components": [
                [
                    "type": 9, "components": [["type": 10, "content": "x"]],
                    "accessory": [
                        "type": 11, "media": ["url": "https://example.com/x.png"], "description": .string(note),
                    ],
                ]
            ],
        ]
    }

    @Test func anEditMayNotEmptyAMessage() async throws {
        let town = try await open()
        let id = try #require(await post(["content": "x"], town).body["id"]?.string)
        let path = "/channels/\(town.text)/messages/\(id)"
        let emptied = await town.rest("PATCH", path, ["content": ""])
        #expect(emptied.status == 400 && emptied.body["code"]?.int == 50006)
        #expect(await town.rest("PATCH", path, ["content": nil]).status == 400)
        #expect(await town.rest("PATCH", path, ["embeds": []]).status == 200, "the text stays")
        await town.close()
    }

    @Test func anAttachmentThatIsDroppedCannotBeNamed() async throws {
        let town = try await open()
        var draft = MessageDraft(body: ["content": "x"])
        draft.files = [("0", MultipartPart(name: "files[0]", filename: "cover.png", body: [1]))]
        let origin = SandboxWorld.Origin(channel: town.text, guild: town.guild, application: town.bot)
        let made = await town.world.createMessage(draft, from: origin)
        let file = try #require(made.body["attachments"]?[0]?["id"])
        let path = "/channels/\(town.text)/messages/\(made.id)"
        func edit(_ attachments: JSONValue) -> JSONValue {
            [
                "flags": 32768, "content": nil, "attachments": attachments,
                "components": [["type": 12, "items": [["media": ["url": "attachment://cover.png"]]]]],
            ]
        }
        #expect(isRefused(await town.rest("PATCH", path, edit([])), "ATTACHMENT_NOT_FOUND"))
        #expect(await town.rest("PATCH", path, edit([["id": file]])).status == 200)
        await town.close()
    }

    @Test(arguments: [
        ("javascript:alert(1)", false), ("data:text/html,x", false), ("//example.com", false), ("x", false),
        ("https://example.com", true), ("HTTP://example.com", true), ("discord://-/x", true),
    ])
    func linksLeadToTheWeb(_ url: String, _ isGood: Bool) async throws {
        let town = try await open()
        let answer = await post(row(["type": 2, "style": 5, "label": "x", "url": .string(url)]), town)
        #expect(isGood ? answer.status == 200 : isRefused(answer, "URL_TYPE_INVALID_SCHEME"), "\(answer.body)")
        await town.close()
    }

    @Test func descriptionsOfPicturesAreBounded() async throws {
        let town = try await open()
        #expect(await post(thumbnail(String(repeating: "x", count: 1024)), town).status == 200)
        let long = await post(thumbnail(String(repeating: "x", count: 1025)), town)
        #expect(isRefused(long, "BASE_TYPE_BAD_LENGTH"), "\(long.body)")
        await town.close()
    }

    @Test func filesNeedAPermission() async throws {
        let town = try await open()
        let form = [
            "--x", "Content-Disposition: form-data; name=\"payload_json\"", "", "{\"content\":\"x\"}", "--x",
            "Content-Disposition: form-data; name=\"files[0]\"; filename=\"a.txt\"", "", "bytes", "--x--", "",
        ].joined(separator: "\r\n")
        func send() async -> Int {
            let request = SandboxRequest(
                method: "POST", path: ["api", "v10", "channels", "\(town.text)", "messages"], query: [:],
                headers: [
                    "authorization": "Bot \(town.token)", "content-type": "multipart/form-data; boundary=x",
                ], body: Array(form.utf8))
            guard case .json(let status, _, _) = await town.world.rest(request) else { return 0 }
            return status
        }
        #expect(await send() == 200)
        await town.world.setPermissions([.viewChannel, .sendMessages], ofRole: town.guild, in: town.guild)
        #expect(await send() == 403)
        #expect(await post(["content": "x"], town).status == 200)
        await town.close()
    }

    // MARK: Modals

    private static let input: JSONValue = ["type": 4, "custom_id": "a", "style": 1]

    private func modal(_ components: JSONValue) -> SandboxResponse? {
        ModalRules.check(["custom_id": "form", "title": "Form", "components": components])
    }

    @Test func modalsHoldFields() {
        #expect(modal([["type": 18, "label": "Name", "component": Self.input], ["type": 10, "content": "x"]]) == nil)
        #expect(modal([["type": 1, "components": [Self.input.merging(["label": "Name"])]]]) == nil)
    }

    @Test(
        arguments: [
            [], [["type": 2, "style": 1, "label": "x", "custom_id": "b"]], [["type": 17, "components": []]],
            [["type": 18, "label": "Name", "component": ["type": 2, "custom_id": "a"]]],
            [["type": 18, "component": input]], [["type": 18, "label": "Name", "component": ["type": 4, "style": 1]]],
            [["type": 18, "label": "Name", "component": ["type": 4, "custom_id": "a", "style": 3]]],
            [["type": 18, "label": "A", "component": input], ["type": 18, "label": "B", "component": input]],
            [["type": 1, "components": [["type": 3, "custom_id": "a"]]]],
        ] as [JSONValue])
    func andNothingElse(_ components: JSONValue) {
        #expect(modal(components) != nil)
    }

    // MARK: Options

    private static let command: JSONValue = [
        "name": "volume",
        "options": [
            ["name": "level", "type": 4, "required": true, "min_value": 0, "max_value": 200],
            ["name": "text", "type": 3, "min_length": 2, "max_length": 3], ["name": "factor", "type": 10],
            ["name": "mode", "type": 3, "choices": [["name": "On", "value": "on"]]],
        ],
    ]

    private func refusal(_ options: [JSONValue], isTyping: Bool = false) -> String? {
        do throws(SandboxError) {
            try OptionRules.check(options, of: Self.command, isTyping: isTyping)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func optionsThatFit() {
        let level: JSONValue = ["name": "level", "type": 4, "value": 200]
        #expect(refusal([level]) == nil)
        #expect(
            refusal([
                level, ["name": "text", "type": 3, "value": "abc"], ["name": "factor", "type": 10, "value": 2],
                ["name": "mode", "type": 3, "value": "on"],
            ]) == nil)
        #expect(refusal([["name": "text", "type": 3, "value": "", "focused": true]], isTyping: true) == nil)
    }

    @Test(
        arguments: [
            ["name": "level", "type": 4, "value": nil], ["name": "level", "type": 4, "value": 201],
            ["name": "level", "type": 4, "value": -1], ["name": "level", "type": 4, "value": "50"],
            ["name": "level", "type": 3, "value": "50"], ["name": "level", "type": 4, "value": 1.5],
            ["name": "text", "type": 3, "value": "a"], ["name": "text", "type": 3, "value": "abcd"],
            ["name": "mode", "type": 3, "value": "off"], ["name": "nobody", "type": 3, "value": "x"],
        ] as [JSONValue])
    func optionsThatDoNot(_ option: JSONValue) {
        #expect(refusal([option], isTyping: true) == "invalid_option")
    }

    @Test func whatIsRequiredIsThereOnce() async throws {
        #expect(refusal([]) == "missing_option")
        let level: JSONValue = ["name": "level", "type": 4, "value": 1]
        #expect(refusal([level, level]) == "invalid_option")
        let town = try await open()
        var command = Self.command.members
        command["description"] = "x"
        command["options"] = .array((command["options"]?.array ?? []).map { $0.merging(["description": "x"]) })
        let put = await town.rest("PUT", "/applications/\(town.bot)/commands", [.object(command)])
        #expect(put.status == 200, "\(put.body)")
        let error = await #expect(throws: SandboxError.self) {
            try await town.world.command(
                "volume", options: [["name": "level", "type": 4, "value": nil]], by: town.you)
        }
        #expect(error?.code == "invalid_option")
        await town.close()
    }

    // MARK: Headers

    /// The bot's buckets count these as all others.
    @Test func anAnswerWithoutABodyHasTheHeaders() async throws {
        let town = try await open()
        let id = try #require(await post(["content": "x"], town).body["id"]?.string)
        let deleted = await town.rest("DELETE", "/channels/\(town.text)/messages/\(id)")
        #expect(deleted.status == 204)
        #expect(deleted.headers["Date"] != nil && deleted.headers["X-RateLimit-Bucket"] != nil, "\(deleted.headers)")
        await town.close()
    }
}
