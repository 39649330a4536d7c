import DiscordModel

/// Op 4s that wait to be sent, in order; of one guild at most a leave and the channel after it. Pure.
///
/// With hundreds of guilds they wait for minutes behind the send limit, and guilds change their minds meanwhile: what is
/// no longer wanted must not use up the sends of others.
struct VoiceStateQueue: Sendable {
    struct Item: Sendable {
        let guild: Snowflake
        /// Nil leaves.
        let channel: Snowflake?
        let selfDeaf: Bool
        /// For who waits until it is out.
        let sent: @Sendable () -> Void

        var payload: JSONValue {
            [
                "op": .int(Int64(GatewayOpcode.voiceStateUpdate)),
                "d": [
                    "guild_id": .string(guild.description),
                    "channel_id": channel.map { .string($0.description) } ?? .null,
                    "self_mute": false, "self_deaf": .bool(selfDeaf),
                ],
            ]
        }
    }

    private var items: [Item] = []

    var isEmpty: Bool { items.isEmpty }
    var count: Int { items.count }

    /// A leave outdoes all that waits for its guild, and a channel outdoes another one; the guild keeps its place. A leave
    /// before a channel stays: asked for the channel that we are in already, Discord would name no server.
    mutating func add(_ item: Item) {
        guard let first = items.firstIndex(where: { $0.guild == item.guild }),
            let last = items.lastIndex(where: { $0.guild == item.guild })
        else { return items.append(item) }
        if item.channel == nil {
            items[first] = item
            if last != first { items.remove(at: last) }
        } else if items[last].channel == nil {
            items.insert(item, at: last + 1)
        } else {
            items[last] = item
        }
    }

    mutating func popFirst() -> Item? { items.isEmpty ? nil : items.removeFirst() }

    /// First in line again, where its guild has not changed its mind meanwhile.
    mutating func putBack(_ item: Item) {
        let newer = items.first { $0.guild == item.guild }
        if newer == nil || item.channel == nil && newer?.channel != nil { items.insert(item, at: 0) }
    }
}
