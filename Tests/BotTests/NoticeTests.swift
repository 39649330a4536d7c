import DiscordModel
import TestSupport
import Testing

@testable import Bot
@testable import TimmyCore

/// What nobody asked for and somebody has to know.
@Suite("Notices", .timeLimit(.minutes(5)))
final class NoticeTests: Sendable {
    private let hub = UpdateHub()
    private let cache = GuildCache()
    private let log = LogLines(.debug)
    private let sent = Texts()
    private let gate = Gate()

    init() {
        cache.botUser = 9
        for guild in 1...2 {
            let channels: JSONValue = [["id": .string("\(guild)0"), "type": 0, "name": "text"]]
            cache.apply(
                "GUILD_CREATE", ["id": .string("\(guild)"), "owner_id": "9", "channels": channels, "roles": []])
        }
    }

    private func update(_ guild: UInt64, _ notices: [Notice]) -> GuildUpdate {
        let record = GuildRecord(queue: Queue(), playback: PlaybackRecord(textChannel: ChannelID(guild * 10)))
        return GuildUpdate(snapshot: GuildMachine(guild: GuildID(guild), record: record).snapshot(), notices: notices)
    }

    private func gaveUp(_ text: String) -> Notice { .gaveUp(PlayerError(.mediaFailed, text, user: text)) }

    /// A poster at work; guild 1's channel takes nothing before the gate is opened.
    private func start() -> Task<Void, Never> {
        let poster = NoticePoster(hub: hub, cache: cache, logger: log.logger) { [gate, sent] channel, body in
            if channel == 10 { await gate.pass() }
            sent.add("\(channel): \(body["content"]?.string ?? "")")
        }
        return Task { await poster.run() }
    }

    @Test func aLimitedChannelHoldsUpNobodyElse() async {
        gate.close()
        let task = start()
        // Published again until the poster listens.
        let isHeld = await eventually {
            hub.publish(update(1, [gaveUp("held")]))
            return gate.waiting == 1
        }
        #expect(isHeld)
        // The ordinary life of everybody would push the news out of any buffer.
        hub.publish(update(2, [gaveUp("two")]))
        for _ in 0..<3_000 { hub.publish(update(1, [])) }
        #expect(await eventually { sent.all == ["20: two"] })
        // What waits is bounded, and in the log in any case.
        for number in 0..<40 { hub.publish(update(1, [gaveUp("late \(number)")])) }
        #expect(await eventually { log.all.contains("guild 1: late 39") })
        #expect((0..<40).allSatisfy { number in log.all.contains("guild 1: late \(number)") })
        gate.open()
        #expect(await eventually { sent.all.count >= 2 })
        #expect(sent.all.count <= NoticePoster.maximumWaiting + 2)
        task.cancel()
    }
}
