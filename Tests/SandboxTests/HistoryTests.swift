import DiscordModel
import Testing

@testable import Sandbox

/// What a channel remembers.
@Suite("History")
struct HistoryTests {
    private func asked(_ town: Town, by user: Snowflake, quiet: Bool) -> SandboxWorld.Origin {
        let interaction = SandboxInteraction(
            id: 1, token: "token", application: town.bot, type: InteractionType.command, guild: town.guild,
            channel: town.text, user: user, command: "queue", createdAt: 0, source: nil, quiet: quiet)
        return SandboxWorld.Origin(
            channel: town.text, guild: town.guild, application: town.bot, interaction: interaction)
    }

    private func say(_ text: String, _ town: Town, _ origin: SandboxWorld.Origin, times: Int = 1) async {
        for _ in 0..<times {
            _ = await town.world.createMessage(MessageDraft(body: ["content": .string(text)]), from: origin)
        }
    }

    /// Texts that the page is told about when it opens.
    private func page(_ town: Town) async -> [String] {
        let request = SandboxRequest(method: "GET", path: ["sandbox", "state"], query: [:], headers: [:], body: [])
        guard case .json(200, let state, _) = await town.world.page(request) else { return [] }
        return (state["messages"]?.array ?? []).compactMap { $0["content"]?.string }
    }

    @Test func whatThePageAsksForItselfPushesNothingOut() async throws {
        let town = try await Town.open()
        let other = await town.world.addUser("Ada")
        await say("now playing", town, asked(town, by: town.human, quiet: false))
        await say("queue of Ada", town, asked(town, by: other, quiet: true))
        await say("queue", town, asked(town, by: town.human, quiet: true), times: 600)
        #expect(await page(town) == ["now playing"])
        let kept = await town.world.messages[town.text] ?? []
        #expect(kept.compactMap { $0.body["content"]?.string } == ["now playing", "queue of Ada", "queue"])
        await town.close()
    }

    @Test func theRestIsBounded() async throws {
        let town = try await Town.open()
        await say("queue", town, asked(town, by: town.human, quiet: true))
        await say("said", town, asked(town, by: town.human, quiet: false), times: 503)
        let kept = await town.world.messages[town.text] ?? []
        #expect(kept.count == 501 && kept.first?.quiet == true)
        await town.close()
    }
}
