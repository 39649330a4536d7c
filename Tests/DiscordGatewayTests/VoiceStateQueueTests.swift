import DiscordModel
import Testing

@testable import DiscordGateway

@Suite struct VoiceStateQueueTests {
    private var queue = VoiceStateQueue()

    private func item(_ guild: UInt64, _ channel: UInt64?) -> VoiceStateQueue.Item {
        VoiceStateQueue.Item(
            guild: Snowflake(rawValue: guild), channel: channel.map { Snowflake(rawValue: $0) }, selfDeaf: true,
            sent: {})
    }

    private mutating func add(_ guild: UInt64, _ channels: UInt64?...) {
        for channel in channels { queue.add(item(guild, channel)) }
    }

    private mutating func all() -> [String] {
        var found: [String] = []
        while let next = queue.popFirst() { found.append("\(next.guild):\(next.channel?.description ?? "-")") }
        return found
    }

    @Test mutating func guildsKeepTheirOrder() {
        add(1, 10)
        add(2, 20)
        add(3, nil)
        #expect(all() == ["1:10", "2:20", "3:-"])
    }

    /// However often they change their minds, they wait with two op 4s at most, at their old place.
    @Test mutating func whatIsNoLongerWantedGivesWay() {
        add(1, 10)
        add(2, 20)
        add(1, 11, nil, 12, nil, nil, 13, 14)
        #expect(queue.count == 3)
        #expect(all() == ["1:-", "1:14", "2:20"])
        add(1, nil, 10)
        add(2, 20)
        add(1, nil)
        #expect(all() == ["1:-", "2:20"])
    }

    /// What could not be sent after all comes first, unless its guild wants something else by now.
    @Test mutating func puttingBack() {
        add(2, 20)
        queue.putBack(item(1, 10))
        #expect(all() == ["1:10", "2:20"])
        add(1, nil, 11)
        queue.putBack(item(1, 10))
        #expect(all() == ["1:-", "1:11"])
        add(1, 11)
        queue.putBack(item(1, nil))
        #expect(all() == ["1:-", "1:11"])
        add(1, nil)
        queue.putBack(item(1, nil))
        #expect(all() == ["1:-"])
    }
}
