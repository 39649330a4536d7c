import DiscordModel
import DiscordREST

/// Whether the bot is in an approved server, and may do there what it is for.
struct GuildExamination: Sendable {
    /// What a music bot cannot do without, by Discord's names.
    private static let needed: [(permission: Permissions, name: String)] = [
        (.viewChannel, "VIEW_CHANNEL"), (.connect, "CONNECT"), (.speak, "SPEAK"), (.sendMessages, "SEND_MESSAGES"),
    ]
    private static let voice: Permissions = [.viewChannel, .connect, .speak]

    let guild: Snowflake
    let bot: Snowflake
    let discord: any DiscordProbe

    private var subject: String { "server \(guild)" }
    /// The application's id is its bot user's, but for applications older than 2016.
    private var invitation: String {
        "https://discord.com/oauth2/authorize?client_id=\(bot)&scope=bot%20applications.commands&permissions=4331785216"
    }

    func finding() async -> Finding {
        do {
            let body = try await discord.guild(guild)
            let member = try await discord.member(bot, of: guild)
            return verdict(body, member, try await discord.channels(of: guild))
        } catch let error as RESTError where error.status == 404 || error.status == 403 {
            return .bad(
                subject, "the bot is not in it",
                "invite it: \(invitation), or take the id out of TIMMYBOT_ALLOWED_GUILDS")
        } catch {
            return .warning(subject, "could not be looked at: \(error)", "try again")
        }
    }

    private func verdict(_ body: JSONValue, _ member: JSONValue, _ channels: JSONValue) -> Finding {
        var record = GuildRecordCache(guild: body, own: nil)
        record.takeOwnMember(member)
        for channel in channels.array ?? [] { record.takeChannel(channel) }
        let missing = Self.needed.filter { !permissions(record, []).contains($0.permission) }.map(\.name)
        let rooms = record.channels.values.filter { $0.type == ChannelType.voice || $0.type == ChannelType.stage }
        let open = rooms.count { permissions(record, $0.overwrites).isSuperset(of: Self.voice) }
        let seen = "\(record.name.prefix(60)): may play in \(open) of \(rooms.count) voice channels"
        if missing.isEmpty && (open > 0 || rooms.isEmpty) { return .good(subject, seen) }
        let lack = missing.isEmpty ? "" : ", lacks \(missing.joined(separator: ", "))"
        let what =
            missing.isEmpty ? "VIEW_CHANNEL, CONNECT and SPEAK in a voice channel" : missing.joined(separator: ", ")
        let remedy = "give its role \(what) (server settings, Roles; or the channel's permissions)"
        // A channel may grant what the roles do not.
        return open > 0 ? .warning(subject, seen + lack, remedy) : .bad(subject, seen + lack, remedy)
    }

    private func permissions(_ record: GuildRecordCache, _ overwrites: [PermissionOverwrite]) -> Permissions {
        Permissions.effective(
            guild: guild, owner: record.owner, member: bot, roles: record.ownRoles, rolePermissions: record.roles,
            overwrites: overwrites)
    }
}
