import Bot
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

extension TheProgram {
    /// Where settings come from.
    @Suite("Settings")
    struct SettingsTests {
        private let scratch: Scratch
        private let installation = Installation(executable: "/nonexistent/bin/timmybot")

        init() throws { scratch = try Scratch() }

        private func load(_ environment: [String: String] = [:]) async throws -> BotConfiguration {
            try await BotConfiguration.load(
                environment: environment, environmentFile: "\(scratch.path)/.env",
                file: "\(scratch.path)/timmybot.yaml", installation: installation)
        }

        @Test func theEnvironmentWinsOverTheFilesAndTheFilesOverTheDefaults() async throws {
            try scratch.write(
                """
                # a comment
                DISCORD_TOKEN=from.file=padded=
                TIMMYBOT_DATA_DIR=/file/data
                TIMMYBOT_LOG_LEVEL=debug

                a line that is none
                """, to: ".env")
            try scratch.write(
                "discord:\n  token: \"from.yaml\"\ntimmybot:\n  library:\n    dir: /yaml/music\n  shard:\n    id: 2\n    count: 3\n",
                to: "timmybot.yaml")
            let loaded = try await load(["TIMMYBOT_LOG_LEVEL": "error"])
            #expect(loaded.token == "from.file=padded=")
            #expect(loaded.dataDirectory == "/file/data")
            #expect(loaded.libraryDirectory == "/yaml/music")
            #expect(loaded.logLevel == .error)
            #expect(loaded.shard == (2, 3))
            #expect(loaded.apiBase == BotConfiguration.discordAPIBase)
        }

        @Test func noFileIsNeeded() async throws {
            let loaded = try await load()
            #expect(loaded.token == nil && loaded.shard == (0, 1))
        }

        @Test func aFileThatCannotBeReadIsSaid() async throws {
            try FileManager.default.createDirectory(
                atPath: "\(scratch.path)/.env", withIntermediateDirectories: false)
            await #expect(throws: ConfigurationError.self) { try await load() }
        }

        @Test(arguments: [("3", "3"), ("-1", "4"), ("0", "0"), ("0", "100001"), ("1", ""), ("x", "2"), ("0x1", "2")])
        func shardsThatCannotBe(_ id: String, _ count: String) async throws {
            await #expect(throws: ConfigurationError.self) {
                try await load(["TIMMYBOT_SHARD_ID": id, "TIMMYBOT_SHARD_COUNT": count])
            }
        }

        /// The binary reads the `.env` of the folder that it is started in, as `.env.example` says.
        @Test func theProgramReadsIt() async throws {
            try scratch.write("DISCORD_TOKEN=some.token\nTIMMYBOT_LOG_LEVEL=loud\n", to: ".env", permissions: 0o644)
            let (status, output) = try await Program.run("run", folder: scratch.path)
            #expect(status == 78)
            #expect(output.contains("TIMMYBOT_LOG_LEVEL: 'loud'"), "\(output)")
            #expect(output.contains(".env can be read by others on this machine: chmod 600 .env"), "\(output)")
            try scratch.write("DISCORD_TOKEN=some.token\nTIMMYBOT_LOG_LEVEL=loud\n", to: ".env")
            let closed = try await Program.run("run", folder: scratch.path)
            #expect(closed.status == 78 && !closed.output.contains("chmod"), "\(closed.output)")
        }

        /// Every setting that the code knows is in `.env.example`, and nothing else.
        @Test func theExampleNamesThemAll() throws {
            func names(_ path: String) throws -> Set<String> {
                let text = try String(contentsOfFile: "\(repositoryRoot)/\(path)", encoding: .utf8)
                return Set(text.matches(of: /\b(?:TIMMYBOT|DISCORD)_[A-Z_]+/).map { String($0.0) })
            }
            let example = try String(contentsOfFile: "\(repositoryRoot)/.env.example", encoding: .utf8)
            let listed = Set(example.matches(of: /(?m)^#?([A-Z_]+)=/).map { String($0.1) })
            let code = try String(
                contentsOfFile: "\(repositoryRoot)/Sources/Bot/Configuration/BotConfiguration+Load.swift",
                encoding: .utf8)
            let read = Set(
                code.matches(of: /"((?:timmybot|discord)\.[a-z.]+)"/).map {
                    $0.1.uppercased().replacing(".", with: "_")
                }
            ).subtracting(["TIMMYBOT_YAML"])
            #expect(listed == read)
            // An image has folders of its own, and `docker run --env-file` would win over them.
            #expect(example.matches(of: /(?m)^[A-Z_]*DIR=/).isEmpty)
            #expect(try names("docs/operators.md").isSuperset(of: read))
        }
    }
}

@Suite("JSON log lines")
struct JSONLogTests {
    private final class Lines: Sendable { let all = Mutex<[String]>([]) }

    private func log(_ body: (inout Logger) -> Void) throws -> [String: String] {
        let lines = Lines()
        var logger = Logger(label: "test") { _ in JSONLogHandler { line in lines.all.withLock { $0.append(line) } } }
        body(&logger)
        let line = try #require(lines.all.withLock { $0.first })
        #expect(line.hasSuffix("\n") && line.dropLast().firstIndex(of: "\n") == nil)
        return try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
    }

    @Test func theMetadataOfTheLineIsThere() throws {
        let fields = try log { logger in
            logger[metadataKey: "guild"] = "1"
            logger[metadataKey: "plugin"] = "of the logger"
            logger.warning("two\nlines", metadata: ["plugin": "of the line", "tries": "3"], source: "Test")
        }
        #expect(fields["guild"] == "1" && fields["plugin"] == "of the line" && fields["tries"] == "3")
        #expect(fields["message"] == "two\nlines" && fields["level"] == "warning" && fields["source"] == "Test")
        #expect(fields["time"]?.hasSuffix("Z") == true)
    }

    @Test func metadataTakesNobodysPlace() throws {
        let fields = try log { $0.error("true", metadata: ["message": "false", "level": "info", "time": "never"]) }
        #expect(fields["message"] == "true" && fields["level"] == "error" && fields["time"] != "never")
    }
}
