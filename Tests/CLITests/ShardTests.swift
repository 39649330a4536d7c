import Sandbox
import Testing

extension TheProgram {
    /// One process of several.
    @Suite("Shards", .serialized)
    struct ShardTests {
        @Test func itIdentifiesAsItsShardAndSaysWhereThereShouldBeMore() async throws {
            let town = try await Town { $0.recommendedShards = 3 }
            let own = town.guild.rawValue >> 22 & 1
            let program = try await town.bot(["TIMMYBOT_SHARD_ID": "\(own)", "TIMMYBOT_SHARD_COUNT": "2"])
            #expect(await town.world.shards(of: town.bot) == [[Int(own), 2]])
            #expect(
                await program.prints("Discord recommends 3 shards for this bot and 2 is configured"),
                "\(program.output)")
            _ = try await town.listen()
            let typed = try await town.type("play", ["query": "morning train"])
            let answer = await town.world.answer(to: typed, within: .seconds(60))
            #expect("\(String(describing: answer))".contains("Morning Train"))
            program.terminate()
            #expect(await program.end(within: .seconds(60)) == 0)
            await town.server.stop()
        }

        @Test func enoughShardsAreNoNews() async throws {
            let town = try await Town()
            let program = try await town.bot()
            #expect(await town.world.shards(of: town.bot) == [[0, 1]])
            program.terminate()
            #expect(await program.end(within: .seconds(60)) == 0)
            #expect(!program.output.contains("recommends"))
            await town.server.stop()
        }
    }
}
