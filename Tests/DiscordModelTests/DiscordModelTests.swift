import DiscordModel
import Foundation
import Testing

@Suite struct DiscordModelTests {
    @Test(arguments: ["", "-1", "1.5", "abc", "18446744073709551616", "１"]) func noSnowflake(text: String) {
        #expect(Snowflake(text) == nil)
    }

    @Test func snowflakesAreStringsOnTheWire() throws {
        let ids = try JSONDecoder().decode([Snowflake].self, from: Data("[\"18446744073709551615\", 7]".utf8))
        #expect(ids.map(\.rawValue) == [.max, 7])
        #expect(String(decoding: try JSONEncoder().encode(ids), as: UTF8.self) == "[\"18446744073709551615\",\"7\"]")
    }

    @Test func jsonKeepsWhatItIs() throws {
        let text = "{\"a\":[1,2.5,true,null,\"x\"],\"b\":9007199254740993}"
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        #expect(value["a"] == [1, 2.5, true, nil, "x"])
        #expect(value["b"]?.int == 9_007_199_254_740_993)
        #expect(try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value)) == value)
    }

    private func effective(_ overwrites: [PermissionOverwrite], roles: Set<Snowflake> = [10], owner: Snowflake = 99)
        -> Permissions
    {
        Permissions.effective(
            guild: 1, owner: owner, member: 5, roles: roles,
            rolePermissions: [1: [.viewChannel, .connect], 10: [.speak], 11: [.administrator]], overwrites: overwrites)
    }

    @Test func permissionsFollowDiscordsOrder() {
        #expect(effective([]) == [.viewChannel, .connect, .speak])
        #expect(effective([PermissionOverwrite(id: 1, allow: [], deny: .connect)]) == [.viewChannel, .speak])
        #expect(
            effective([
                PermissionOverwrite(id: 1, allow: [], deny: .connect),
                PermissionOverwrite(id: 10, allow: .connect, deny: []),
            ]) == [.viewChannel, .connect, .speak], "a role wins over everyone")
        #expect(
            effective([
                PermissionOverwrite(id: 10, allow: .connect, deny: []),
                PermissionOverwrite(id: 5, allow: [], deny: .connect),
            ]) == [.viewChannel, .speak], "the member wins over its roles")
        #expect(effective([PermissionOverwrite(id: 1, allow: [], deny: .all)], roles: [11]) == .all)
        #expect(effective([PermissionOverwrite(id: 1, allow: [], deny: .all)], owner: 5) == .all)
    }

    @Test func interactionsAreReadAndBounded() throws {
        let interaction = try #require(
            Interaction([
                "id": "1", "application_id": "2", "type": 4, "token": "t", "guild_id": "3", "channel_id": "4",
                "member": ["user": ["id": "5"]], "locale": "de",
                "data": [
                    "name": "play",
                    "options": [["name": "query", "type": 3, "value": "mor", "focused": true], ["bad": 1]],
                ],
            ]))
        #expect(interaction.userID == 5)
        #expect(interaction.options.count == 1)
        #expect(interaction.options[0].focused)
    }

    @Test(
        arguments: [
            [:], ["id": "1"], ["id": "x", "application_id": "2", "type": 2, "token": "t", "user": ["id": "5"]],
        ] as [JSONValue])
    func brokenInteractionsAreNone(data: JSONValue) { #expect(Interaction(data) == nil) }

    @Test func closeCodesAskForTheRightThing() {
        #expect(GatewayCloseReaction.of(nil) == .resume)
        #expect(VoiceCloseReaction.of(4006) == .newSession)
        #expect(VoiceCloseReaction.of(4015) == .resume)
        for code: UInt16 in [4017, 4021] {
            guard case .stop = VoiceCloseReaction.of(code) else { Issue.record("\(code) must stop"); continue }
        }
        for code: UInt16 in [4014, 4022] {
            guard case .disconnected = VoiceCloseReaction.of(code) else {
                Issue.record("\(code): our voice state says what is next")
                continue
            }
        }
    }

    @Test func modalsAreReadInTheirOrder() throws {
        let long = String(repeating: "x", count: 5_000)
        let interaction = try #require(
            Interaction([
                "id": "1", "application_id": "2", "type": 5, "token": "t", "guild_id": "3", "channel_id": "4",
                "member": ["user": ["id": "5"], "permissions": "2251799813685247"],
                "data": [
                    "custom_id": "p:a:form",
                    "components": [
                        ["type": 18, "component": ["type": 4, "custom_id": "b", "value": .string(long)]],
                        ["type": 18, "component": ["type": 3, "custom_id": "a", "values": ["one", "two"]]],
                        ["type": 18, "component": ["type": 23, "custom_id": "c", "value": true]],
                        ["type": 1, "components": [["type": 4, "custom_id": "d", "value": "old"]]],
                        ["type": 10, "id": 5], ["type": 18, "component": ["type": 4, "value": "nameless"]],
                    ],
                ],
            ]))
        #expect(interaction.fields.map(\.customID) == ["b", "a", "c", "d"])
        #expect(interaction.fields.dropFirst().map(\.value) == ["one\ntwo", "true", "old"])
        #expect(interaction.fields.first?.value.count == 4_000)
        #expect(interaction.permissions.rawValue == 2_251_799_813_685_247)
    }
}
