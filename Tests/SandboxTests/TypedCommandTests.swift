import DiscordModel
import Testing

@testable import Sandbox

@Suite("What is typed and read")
struct TypedCommandTests {
    private static let commands: [JSONValue] = [
        [
            "name": "roll", "type": 1,
            "options": [
                ["name": "sides", "type": 4, "required": true], ["name": "text", "type": 3],
                ["name": "loud", "type": 5], ["name": "factor", "type": 10], ["name": "who", "type": 6],
            ],
        ],
        ["name": "play", "options": [["name": "query", "type": 3, "required": true]]], ["name": "stop"],
    ]

    private func typed(_ text: String) throws -> TypedCommand { try TypedCommand(text, among: Self.commands) }

    @Test func optionsAreNamedAndHaveTheirTypes() throws {
        let command = try typed("/roll sides:6  text:two words: yes loud:TRUE factor:1.5 who:123456789012345678")
        #expect(command.name == "roll")
        #expect(
            command.options == [
                ["name": "sides", "type": 4, "value": 6], ["name": "text", "type": 3, "value": "two words: yes"],
                ["name": "loud", "type": 5, "value": true], ["name": "factor", "type": 10, "value": 1.5],
                ["name": "who", "type": 6, "value": "123456789012345678"],
            ])
    }

    @Test(arguments: ["/play tune: C4 E4", "/play query:tune: C4 E4", "play  tune:  C4 E4 "])
    func theFirstOptionNeedsNoName(_ text: String) throws {
        #expect(try typed(text).options == [["name": "query", "type": 3, "value": "tune: C4 E4"]])
    }

    @Test func withoutOptions() throws {
        #expect(try typed("/stop").options.isEmpty)
    }

    @Test(arguments: [
        ("/", "no command"), ("/nobody", "no command /nobody"), ("/roll", "needs sides"),
        ("/roll sides:many", "sides: 'many' does not fit"), ("/roll sides:6 loud:maybe", "loud"),
        ("/roll sides:6 factor:nan", "factor"), ("/roll sides:6 sides:7", "twice"), ("/stop now", "no options"),
        ("/roll sides:9223372036854775808", "does not fit"), ("/roll sides:6 who:@me", "who"),
    ])
    func whatDoesNotFit(_ text: String, _ reason: String) {
        let error = #expect(throws: SandboxError.self) { try typed(text) }
        #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func textsAreReadInOrder() {
        let message: JSONValue = [
            "content": "Hello\nthere",
            "components": [
                [
                    "type": 17,
                    "components": [
                        [
                            "type": 9, "components": [["type": 10, "content": "A song"]],
                            "accessory": ["type": 2, "label": "More"],
                        ],
                        ["type": 1, "components": [["type": 2, "label": "Again"], ["type": 2, "label": "Stop"]]],
                    ],
                ]
            ],
            "attachments": [["filename": "cover.png"]],
        ]
        #expect(
            MessageText.lines(message) == [
                "Hello", "there", "A song", "[More]", "[Again] [Stop]", "(file cover.png)",
            ])
    }

    /// However deep a plugin nests, it ends.
    @Test func nestingHasAnEnd() {
        var inner: JSONValue = ["type": 10, "content": "deep"]
        for _ in 0..<50 { inner = ["type": 17, "components": [inner]] }
        #expect(MessageText.lines(["components": [inner]]).isEmpty)
    }

    @Test func loudnessIsInDecibelsBelowFullScale() {
        #expect(Loudness.decibels([]) == -.infinity && Loudness.decibels([0, 0]) == -.infinity)
        #expect(Loudness.decibels([.min, .min]) == 0)
        #expect(abs(Loudness.decibels([3_277, -3_277]) + 20) < 0.01)
    }
}
