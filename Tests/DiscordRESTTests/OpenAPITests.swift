import DiscordModel
import Foundation
import TestSupport
import Testing

@testable import DiscordREST

/// Bodies that we send, held against Discord's own OpenAPI document.
@Suite(.enabled(if: OpenAPIDocument.present, Comment(rawValue: SharedSpecs.absence)))
struct OpenAPITests {
    private func check(_ body: JSONValue, _ path: String, _ method: String) throws -> [String] {
        let validator = try #require(OpenAPIDocument.validator)
        let schema = try #require(validator.body(path, method), "\(method) \(path) is in the document")
        let value = try JSONSerialization.jsonObject(with: JSONEncoder().encode(body), options: .fragmentsAllowed)
        return validator.problems(value, schema)
    }

    private static let card: JSONValue = [
        "flags": 32768, "allowed_mentions": ["parse": []], "attachments": [["id": "0", "filename": "cover.png"]],
        "components": [
            [
                "type": 17, "accent_color": 5_793_266,
                "components": [
                    [
                        "type": 9, "components": [["type": 10, "content": "### Song"]],
                        "accessory": ["type": 11, "media": ["url": "attachment://cover.png"]],
                    ],
                    ["type": 14, "divider": true, "spacing": 1],
                    [
                        "type": 1,
                        "components": [
                            [
                                "type": 2, "style": 1, "custom_id": "p:timmy.playback:pause", "label": "Pause",
                                "disabled": false,
                                "emoji": ["name": "⏸️"],
                            ]
                        ],
                    ],
                ],
            ]
        ],
    ]

    @Test func interactionCallbacks() throws {
        let path = "/interactions/{interaction_id}/{interaction_token}/callback"
        for body: JSONValue in [
            ["type": 4, "data": Self.card], ["type": 5], ["type": 6], ["type": 7, "data": Self.card],
            ["type": 8, "data": ["choices": [["name": "Morning Train", "value": "tb1:abc"]]]],
        ] {
            #expect(try check(body, path, "post").isEmpty, "\(body)")
        }
    }

    @Test func messagesAndEdits() throws {
        #expect(try check(Self.card, "/channels/{channel_id}/messages", "post") == [])
        #expect(try check(Self.card, "/webhooks/{webhook_id}/{webhook_token}/messages/@original", "patch") == [])
        #expect(try check(Self.card, "/webhooks/{webhook_id}/{webhook_token}", "post") == [])
    }

    @Test func commands() throws {
        let commands: JSONValue = [
            [
                "name": "play", "description": "Play a song", "type": 1, "contexts": [0], "integration_types": [0],
                "options": [
                    ["name": "query", "description": "What", "type": 3, "required": true, "autocomplete": true]
                ],
            ],
            [
                "name": "volume", "description": "Set the volume", "type": 1, "contexts": [0], "integration_types": [0],
                "options": [
                    [
                        "name": "level", "description": "Percent", "type": 4, "required": true, "min_value": 0,
                        "max_value": 200,
                    ]
                ],
            ],
        ]
        #expect(try check(commands, "/applications/{application_id}/commands", "put") == [])
    }

    @Test func stageVoiceState() throws {
        let path = "/guilds/{guild_id}/voice-states/@me"
        #expect(try check(["channel_id": "1", "suppress": false], path, "patch") == [])
        let asking: JSONValue = [
            "channel_id": "1", "suppress": true, "request_to_speak_timestamp": "2026-11-24T10:00:00Z",
        ]
        #expect(try check(asking, path, "patch") == [])
    }

    /// The validator itself: what is wrong must be found.
    @Test(
        arguments: [
            ["type": "four"], ["type": 4, "data": ["components": [["type": 2, "style": 1]]]],
            ["type": 4, "data": ["flags": "many"]], ["type": 99], [:],
        ] as [JSONValue]) func badCallbacksAreFound(body: JSONValue) throws
    {
        #expect(try !check(body, "/interactions/{interaction_id}/{interaction_token}/callback", "post").isEmpty)
    }

    @Test func badCommandsAreFound() throws {
        let long = String(repeating: "x", count: 101)
        let body: JSONValue = [["name": "play", "description": .string(long), "type": 1]]
        #expect(try !check(body, "/applications/{application_id}/commands", "put").isEmpty)
    }
}
