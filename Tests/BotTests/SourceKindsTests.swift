import CTimmyBot
import DiscordModel
import Foundation
import HostServices
import PluginHost
import Sandbox
import TestSupport
import Testing

@testable import Bot

extension WholeBot {
    /// Tracks that are no files, from a plugin to an ear.
    @Suite("Kinds of sources", .serialized)
    struct SourceKindsTests {
        private struct Loopback: NameResolving {
            func addresses(of name: String) async throws(PluginFailure) -> [IPAddress] {
                [IPAddress("127.0.0.1")].compactMap { $0 }
            }
        }

        private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path

        private static func build(_ arguments: [String]) async throws {
            let (status, output) = try await ChildProcess.run(arguments)
            try #require(status == 0, "\(output)")
        }

        /// A bot with `reader.c`, whose addresses are those of `server`.
        private static func rig(_ folder: PluginFolder, _ server: LoopbackServer) async throws -> Rig {
            try await folder.compile(
                "reader", ["-DHOSTS=\"\\\"http://music.test.example:\(server.port)\\\"\""])
            let web = HTTPService(
                resolver: Loopback(), addresses: AddressGuard(loopbackPorts: [server.port], own: { [] }))
            return try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": folder.path], web: web)
        }

        private static func song(_ name: String) async throws -> [UInt8] {
            try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(try await Songs.shared.folder())/\(name)")))
        }

        @Test func aMelodyIsHeardAsTheSDKsOwnToolWritesIt() async throws {
            let folder = try await PluginFolder()
            let sdk = "\(Self.repository)/sdk", example = "\(sdk)/examples/c-tune", query = "tune: C4 E4 G4 C5"
            try await Self.build(
                [
                    "cc", "-std=c11", "-O1", "-fPIC", "-shared", "-I", "\(sdk)/include", "\(example)/tune.c",
                    "\(example)/notation.c", "-o", "\(folder.path)/tune.so", "-lm", "-Wl,-z,nodelete",
                ])
            let tool = "\(folder.path)/tb-run", wave = "\(folder.path)/tune.wav"
            try await Self.build(
                [
                    "cc", "-std=c11", "-O1", "-I", "\(sdk)/include", "\(sdk)/testing/tb_run.c",
                    "\(sdk)/testing/tb_mock.c", "-o", tool, "-pthread", "-ldl", "-lm",
                ])
            try await Self.build([tool, "\(folder.path)/tune.so", "--out", wave, "play", query])
            let data = try Data(contentsOf: URL(fileURLWithPath: wave)).dropFirst(44)
            let written = Correlation.mono([UInt8](data).withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) })
            try #require(written.count > 100_000)
            let rig = try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": folder.path])
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let card = try await rig.type("play", ["query": .string(query)])
            #expect(text(of: card).contains("Tune C4 E4 G4 C5"))
            #expect(await rig.hear(120, by: ear))
            let heard = Array(Correlation.mono(ear.pcm(of: rig.bot)).prefix(100_000))
            let match = Correlation.find(heard, in: written, maximumOffset: 4_800)
            let found = try #require(match)
            #expect(found.value > 0.98, "\(found)")
            #expect(abs(found.offset) < 2_400, "\(found)")
            await rig.stop()
        }

        @Test func anAddressIsFetchedAndSoughtByRange() async throws {
            let song = try await Self.song("long-way-home.m4a")
            let server = try LoopbackServer { _, headers, _ in LoopbackServer.ranged(song, headers) }
            let folder = try await PluginFolder()
            let rig = try await Self.rig(folder, server)
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let query = "read:url:http://music.test.example:\(server.port)/song.m4a"
            let card = try await rig.type("play", ["query": .string(query)])
            #expect(text(of: card).contains("Something"), "\(text(of: card))")
            #expect(await rig.hear(150, by: ear))
            let (value, start) = try await rig.compare(ear, with: "long-way-home.m4a")
            #expect(value > 0.98 && abs(start) < 0.1, "\(value) at \(start)")
            #expect(server.requests.first?["x-key"] == "of the plugin")
            #expect(server.requests.first?["range"] == "bytes=0-")
            _ = try await rig.type("seek", ["position": "0:30"])
            ear.clear()
            #expect(await rig.hear(150, by: ear))
            let (again, place) = try await rig.compare(ear, with: "long-way-home.m4a", last: 2)
            #expect(again > 0.98 && (30...32.5).contains(place), "\(again) at \(place)")
            let far = server.requests.compactMap { $0["range"] }.contains { range in
                (Int(range.dropFirst(6).dropLast()) ?? 0) > 100_000
            }
            #expect(far, "\(server.requests.compactMap { $0["range"] })")
            await rig.stop()
            server.stop()
        }

        @Test func aConnectionThatBreaksIsMadeAgainAtItsPlace() async throws {
            let song = try await Self.song("paper-lanterns.mp3")
            let server = try LoopbackServer { _, headers, number in
                LoopbackServer.ranged(song, headers, breaksAfter: number == 1 ? 30_000 : nil)
            }
            let folder = try await PluginFolder()
            let rig = try await Self.rig(folder, server)
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let query = "read:url:http://music.test.example:\(server.port)/song.mp3"
            _ = try await rig.type("play", ["query": .string(query)])
            #expect(await rig.hear(250, by: ear))
            #expect(server.requests.contains { $0["range"] == "bytes=30000-" })
            let (value, start) = try await rig.compare(ear, with: "paper-lanterns.mp3", last: 2)
            #expect(value > 0.98 && start < 6, "\(value) at \(start)")
            await rig.stop()
            server.stop()
        }

        /// A server that has trouble for a moment costs nobody a track.
        @Test func aServerInTroubleIsAskedAgain() async throws {
            let song = try await Self.song("paper-lanterns.mp3")
            let server = try LoopbackServer { _, headers, number in
                number <= 2
                    ? LoopbackServer.Answer(status: "500 Internal Server Error", headers: ["Content-Length: 0"])
                    : LoopbackServer.ranged(song, headers)
            }
            let folder = try await PluginFolder()
            let rig = try await Self.rig(folder, server)
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let query = "read:url:http://music.test.example:\(server.port)/song.mp3"
            _ = try await rig.type("play", ["query": .string(query)])
            #expect(await rig.hear(100, by: ear))
            #expect(try await rig.compare(ear, with: "paper-lanterns.mp3").value > 0.98)
            #expect(server.requests.count >= 3)
            await rig.stop()
            server.stop()
        }

        @Test func aStationPlaysAndIsConnectedAgain() async throws {
            let song = Array(try await Self.song("paper-lanterns.mp3").prefix(120_000))
            let server = try LoopbackServer { _, _, _ in
                LoopbackServer.Answer(headers: ["icy-name: Test", "Content-Type: audio/mpeg"], body: song)
            }
            let folder = try await PluginFolder()
            let rig = try await Self.rig(folder, server)
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let query = "read:station:http://music.test.example:\(server.port)/live"
            _ = try await rig.type("play", ["query": .string(query)])
            #expect(await rig.hear(100, by: ear))
            let (value, _) = try await rig.compare(ear, with: "paper-lanterns.mp3")
            #expect(value > 0.98, "\(value)")
            #expect(await eventually { server.requests.count >= 2 })
            #expect(server.requests.allSatisfy { $0["range"] == "bytes=0-" && $0["icy-metadata"] == nil })
            await rig.stop()
            server.stop()
        }

        /// Sound that a plugin pushes from a thread of its own, to its end and on to the next track.
        @Test func whatIsPushedIntoAPipeIsHeard() async throws {
            let folder = try await PluginFolder("reader")
            let rig = try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": folder.path])
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let card = try await rig.type("play", ["query": "read:pipe:melody"])
            #expect(text(of: card).contains("Something"))
            _ = try await rig.type("play", ["query": "paper lanterns"])
            #expect(await rig.hear(380, by: ear))
            let heard = Array(Correlation.mono(ear.pcm(of: rig.bot)).prefix(48_000 * 7))
            let match = Correlation.find(
                heard, in: Self.melody + [Float](repeating: 0, count: 48_000), maximumOffset: 9_600)
            let found = try #require(match)
            #expect(found.value > 0.98 && found.offset < 2_400, "\(found)")
            #expect(ear.report(of: rig.bot).lost == 0)
            ear.clear()
            #expect(await rig.hear(200, by: ear))
            let (next, _) = try await rig.compare(ear, with: "paper-lanterns.mp3", last: 2)
            #expect(next > 0.98, "the song after it: \(next)")
            await rig.stop()
        }

        /// What `reader.c` pushes: sixteen tones of half a second, mono.
        private static let melody: [Float] = (0..<16).flatMap { tone -> [Float] in
            let factor = [1.99668363322, 1.99473645570, 1.99255757285, 1.98674553120][tone % 4]
            var (before, now) = (0.0, 600.0)
            return (0..<24_000).map { _ in
                defer { (before, now) = (now, factor * now - before) }
                return Float(Int16(now)) / 32_768
            }
        }

        /// The card of a track whose picture is at an address shows it, fetched through the host.
        @Test(.enabled(if: Python.isPresent, "no Python: run scripts/setup peers"))
        func aCoverAtAnAddressIsOnTheCard() async throws {
            let folder = try await PluginFolder()
            let (certificate, key) = ("\(folder.path)/cert.pem", "\(folder.path)/key.pem")
            try await Self.build([
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                "/CN=art.test.example",
                "-addext", "subjectAltName=DNS:art.test.example", "-keyout", key, "-out", certificate,
            ])
            let picture = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + (0..<200).map { UInt8($0) })
            try picture.write(to: URL(fileURLWithPath: "\(folder.path)/cover.png"))
            let server = try ChildProcess(Python.command("https_files.py", [folder.path, certificate, key]))
            defer { server.stop() }
            let line = try #require(server.readLine())
            let port = try #require(Int(String(decoding: line, as: UTF8.self)))
            let address = "https://art.test.example:\(port)"
            try await folder.compile(
                "reader", ["-DHOSTS=\"\\\"\(address)\\\"\"", "-DARTWORK=\"\(address)/cover.png\""])
            let web = HTTPService(
                resolver: Loopback(), addresses: AddressGuard(loopbackPorts: [port], own: { [] }),
                trustedCAFile: certificate)
            let rig = try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": folder.path], web: web)
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            let card = try await rig.type("play", ["query": "read:pipe:melody"])
            let file = try #require(card["attachments"]?[0], "\(card)")
            #expect(file["filename"]?.string == "cover.png" && file["size"]?.int == Int64(picture.count))
            await rig.stop()
        }

        @Test(arguments: [("403 Forbidden", "does not let me have"), ("404 Not Found", "not at its address any more")])
        func whatAServerRefusesIsSaidInPlainWords(_ status: String, _ words: String) async throws {
            let server = try LoopbackServer { _, _, _ in
                LoopbackServer.Answer(status: status, headers: ["Content-Length: 0"])
            }
            let folder = try await PluginFolder()
            let rig = try await Self.rig(folder, server)
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            let query = "read:url:http://music.test.example:\(server.port)/song.mp3"
            let who = SandboxInvocation(user: rig.human, guild: rig.home.guild, channel: rig.home.text)
            _ = try await rig.world.command(
                "play", options: [["name": "query", "type": 3, "value": .string(query)]], by: who)
            #expect(
                await eventually {
                    await rig.world.recordedRequests().contains { request in
                        guard let body = request.body, let data = try? JSONEncoder().encode(body) else { return false }
                        return String(decoding: data, as: UTF8.self).contains(words)
                    }
                })
            await rig.stop()
            server.stop()
        }
    }
}
