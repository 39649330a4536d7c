import DiscordModel
import Logging
import Testing
import TimmyCore

@testable import Bot

/// Guilds that come and go beside the gateway's events.
@Suite("Guilds that come and go", .timeLimit(.minutes(5)))
struct ResidenceTests {
    @Test func workOfAGuildIsInOrderAndBesideThatOfOthers() async {
        let (work, done, gate) = (GuildWork(limit: 2), Texts(), Gate())
        gate.close()
        let isFirstTaken = work.add(GuildID(1)) {
            await gate.pass()
            done.add("1")
        }
        let areTaken = (2...4).map { number in work.add(GuildID(1)) { done.add("\(number)") } }
        #expect(isFirstTaken && areTaken == [true, true, false])
        work.add(GuildID(2)) { done.add("5") }
        #expect(await eventually { done.all == ["5"] })
        gate.open()
        #expect(await eventually { done.all == ["5", "1", "2", "3"] })
        work.add(GuildID(1)) { done.add("6") }
        #expect(await eventually { done.all.last == "6" })
    }

    /// A command may make a new session while the old one is removed.
    @Test func anOldPortIsForgottenAndANewOneStays() throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let voices = VoiceDirectory(
            VoiceParts(cache: GuildCache(), gateway: NoGateway(), pump: .init(), trustedCAFile: nil, logger: logger))
        let guild = GuildID(1)
        _ = voices.port(for: guild) { _ in }
        let old = try #require(voices.existing(guild))
        let new = try #require(voices.port(for: guild) { _ in } as? GuildVoice)
        voices.forget(guild, old)
        #expect(voices.existing(guild) === new)
        voices.forget(guild, try #require(voices.existing(guild)))
        #expect(voices.existing(guild) == nil)
    }
}
