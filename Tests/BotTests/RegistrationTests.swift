import DiscordModel
import Foundation
import Logging
import PluginHost
import TestSupport
import Testing

@testable import Bot

/// Commands of plugins as Discord is told of them.
@Suite("Registration")
struct RegistrationTests {
    private struct Nobody: PlayerService, ProbeService {
        private var none: PluginFailure { PluginFailure(detail: "not in this test") }
        func play(_ query: String, _ mode: PlayMode, for call: PluginInvocation) async throws(PluginFailure)
            -> PlayerAddition
        { throw none }
        func search(_ query: String, limit: Int, for call: PluginInvocation) async throws(PluginFailure)
            -> [PluginFound]
        { throw none }
        func perform(_ action: PlayerAction, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
            throw none
        }
        func setFilter(_ name: String, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot {
            throw none
        }
        func snapshot(first: Int, count: Int, for call: PluginInvocation) async throws(PluginFailure) -> PlayerSnapshot
        { throw none }
        func probe(descriptor: Int32) async throws(PluginFailure) -> PluginProbe { throw none }
    }

    private static let parameters = [
        "PARAM(\"word\", TB_T_STR, TB_PARAM_BOUNDED, 2, 20)", "PARAM(\"user\", TB_T_ID, TB_PARAM_USER, 0, 0)",
        "PARAM(\"role\", TB_T_ID, TB_PARAM_ROLE, 0, 0)", "PARAM(\"where\", TB_T_ID, TB_PARAM_CHANNEL, 0, 0)",
        "PARAM(\"either\", TB_T_ID | TB_T_OPT, TB_PARAM_USER | TB_PARAM_ROLE, 0, 0)",
        "CHOOSE(\"size\", TB_T_NUM, 0, CHOICE(\"half\", \"0.5\"))",
        "CHOOSE(\"whole\", TB_T_INT, 0, CHOICE(\"minus\", \"-7\"))",
        "CHOOSE(\"style\", TB_T_STR, 0, CHOICE(\"None\", \"\"))", "PARAM(\"sure\", TB_T_BOOL, 0, 0, 0)",
        "PARAM(\"level\", TB_T_INT, TB_PARAM_BOUNDED | TB_PARAM_AUTOCOMPLETE, 0, 9)",
    ].joined(separator: ",")

    /// Every kind of option in one command.
    private func everything() async throws -> JSONValue {
        let folder = try await PluginFolder()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
        }
        try await folder.compile("params", ["-DPARAMS=\(Self.parameters)", "-DPERMISSIONS=32"])
        let host = PluginHost(
            PluginHost.Configuration(directory: folder.path, cacheDirectory: "\(folder.path)/cache"),
            services: PluginServices(player: Nobody(), probe: Nobody()), logger: Logger(label: "registration"))
        #expect(host.loadAll().map(\.refusal) == [nil])
        defer { host.shutdown() }
        return try #require(host.commands.first).registration
    }

    @Test func everyKindOfOptionHasDiscordsType() async throws {
        let command = try await everything()
        let options = Dictionary(
            (command["options"]?.array ?? []).map { ($0["name"]?.string ?? "", $0) }, uniquingKeysWith: { $1 })
        let types: [String: Int64] = [
            "word": 3, "user": 6, "where": 7, "role": 8, "either": 9, "size": 10, "whole": 4, "style": 3, "sure": 5,
            "level": 4,
        ]
        for (name, type) in types { #expect(options[name]?["type"]?.int == type, "\(name)") }
        #expect(options["word"]?["min_length"] == 2 && options["word"]?["max_length"] == 20)
        #expect(options["word"]?["min_value"] == nil && options["level"]?["max_value"] == 9)
        #expect(options["size"]?["choices"]?[0]?["value"] == 0.5 && options["whole"]?["choices"]?[0]?["value"] == -7)
        #expect(options["style"]?["choices"]?[0]?["value"] == "-", "Discord takes no empty values")
        #expect(command["default_member_permissions"] == 32)
        #expect(command["options"]?.array?.last?["name"] == "either", "what is optional comes last")
    }

    @Test(.enabled(if: OpenAPIDocument.present, "Discord's OpenAPI document is not beside this checkout"))
    func itFitsDiscordsDescription() async throws {
        let list = try JSONEncoder().encode([try await everything(), PluginsCommand.registration])
        let validator = try #require(OpenAPIDocument.validator)
        #expect(try validator.problems(method: "PUT", path: "/applications/1/commands", body: list) == [])
    }
}
