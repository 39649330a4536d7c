import DiscordModel
import Foundation
import TestSupport
import Testing

@testable import Sandbox

/// discord.py 2.7 with voice, unchanged but for the addresses, uses the sandbox as Discord.
@Suite(.serialized, .enabled(if: Python.isPresent, "no Python peer: set TIMMYBOT_PYTHON or run scripts/setup"))
struct DiscordPyTests {
    private func start(_ town: Town, pcm: String = "/dev/null") throws -> Peer {
        try Peer(
            "discordpy_bot.py",
            arguments: ProcessInfo.processInfo.environment["SANDBOX_LOG"] == nil ? [] : ["--debug"],
            environment: [
                "SANDBOX_API": town.server.apiBase, "SANDBOX_TOKEN": town.token, "SANDBOX_PCM": pcm,
                "SSL_CERT_FILE": town.server.caFile,
            ])
    }

    @Test func itLogsInSyncsAndAnswers() async throws {
        let town = try await Town.open()
        let peer = try start(town)
        let synced = try #require(await peer.wait(for: "synced"))
        #expect(synced["names"]?.array?.count == 5)
        let ready = try #require(await peer.wait(for: "ready"))
        #expect(ready["guilds"] == ["Test town"])

        let id = try await town.world.command(
            "hello", options: [["name": "name", "type": 3, "value": "Ada"]], by: town.you)
        let answer = try #require(await town.world.answer(to: id))
        #expect(answer["content"] == "Hello Ada")
        #expect(await peer.wait(for: "answered")?["content"] == "Hello Ada")

        let sent = try await town.world.command("file", by: town.you)
        let file = try #require(await town.world.answer(to: sent))
        #expect((file["flags"]?.int ?? 0) & 64 != 0, "ephemeral")
        #expect(file["attachments"]?[0]?["filename"] == "notes.txt")
        #expect(await peer.wait(for: "filed")?["bytes"] == "some bytes", "read back from the CDN")
        peer.stop()
        await town.close()
    }

    @Test func itShowsCardsAndTakesPresses() async throws {
        let town = try await Town.open()
        let peer = try start(town)
        _ = try #require(await peer.wait(for: "ready"))
        let id = try await town.world.command("card", by: town.you)
        let card = try #require(await town.world.answer(to: id))
        #expect((card["flags"]?.int ?? 0) & 1 << 15 != 0)
        #expect(card["components"]?[0]?["components"]?[0]?["content"] == "**A card**")
        let message = try #require(card["id"]?.snowflake)
        // discord.py listens for presses once its own request has returned.
        _ = try #require(await peer.wait(for: "shown"))
        let pressed = try await town.world.press("panel:press", message: message, by: town.you)
        let changed = try #require(await town.world.answer(to: pressed))
        #expect(changed["components"]?[0]?["content"] == "It was pressed")
        peer.stop()
        await town.close()
    }

    @Test func itResumesAfterADrop() async throws {
        let town = try await Town.open()
        let peer = try start(town)
        _ = try #require(await peer.wait(for: "ready"))
        await town.world.inject(GatewayFault.reconnect, into: town.bot)
        #expect(await peer.wait(for: "resumed") != nil)
        peer.stop()
        await town.close()
    }

    @Test func aListenerHearsItPlay() async throws {
        let town = try await Town.open()
        let melody = Melody.pcm(seconds: 4)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).pcm").path
        try Melody.write(melody, to: file)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let peer = try start(town, pcm: file)
        _ = try #require(await peer.wait(for: "ready"))
        let listener = try await town.world.listen(town.human, in: town.voice)
        _ = try await town.world.command("play", by: town.you)
        #expect(await peer.wait(for: "connected")?["mode"] == "aead_xchacha20_poly1305_rtpsize")
        #expect(await peer.wait(for: "encrypted")?["ready"] == true)
        #expect(await town.world.encryptedMembers(of: town.voice) == [town.human, town.bot].sorted())
        let played = try #require(await peer.wait(for: "played"))
        #expect(played["error"] == .null)
        #expect(await eventually { listener.report(of: town.bot).packets >= 200 })

        let report = listener.report(of: town.bot)
        #expect(report.undecryptable == 0, "\(report)")
        #expect(report.clear == 0, "\(report)")
        #expect(report.lost == 0, "\(report)")
        let heard = Correlation.mono(listener.pcm(of: town.bot))
        let found = try #require(
            Correlation.find(heard, in: Correlation.mono(melody), maximumOffset: 24000))
        #expect(found.value > 0.98, "\(found)")
        #expect(found.overlap > 3 * 48000)

        let left = try await town.world.command("leave", by: town.you)
        #expect(await town.world.answer(to: left)?["content"] == "Bye")
        #expect(await town.world.voiceState(of: town.bot, in: town.guild) == nil)
        #expect(await eventually { await town.world.encryptedMembers(of: town.voice).isEmpty })
        peer.stop()
        await town.close()
    }
}
