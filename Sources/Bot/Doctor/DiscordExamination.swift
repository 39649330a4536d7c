import DiscordGateway
import DiscordModel
import DiscordREST
import Foundation

/// What the doctor asks Discord; `DiscordConnection` asks, tests answer.
protocol DiscordProbe: Sendable {
    /// `GET /users/@me`.
    func currentUser() async throws -> JSONValue
    /// `GET /gateway/bot`.
    func gatewayBot() async throws -> JSONValue
    /// `GET /guilds/{id}`.
    func guild(_ guild: Snowflake) async throws -> JSONValue
    /// `GET /guilds/{id}/members/{user}`.
    func member(_ user: Snowflake, of guild: Snowflake) async throws -> JSONValue
    /// `GET /guilds/{id}/channels`.
    func channels(of guild: Snowflake) async throws -> JSONValue
    /// Connects to a gateway and waits for its hello, without identifying.
    func hello(from url: String) async throws
    /// The Date header of the last answer.
    var serverDate: Date? { get async }
    /// Nothing more will be asked.
    func close() async
}

/// The token, the approved servers, the gateway and the clock.
struct DiscordExamination: Sendable {
    /// Servers that are looked at: three requests each.
    static let maximumGuilds = 20
    /// Seconds. Discord's signatures and our logs want better; voice does not care.
    static let tolerance = 30.0

    private let configuration: BotConfiguration
    private let discord: any DiscordProbe
    private let now: @Sendable () -> Date

    init(
        _ configuration: BotConfiguration, _ discord: any DiscordProbe, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.configuration = configuration
        self.discord = discord
        self.now = now
    }

    func findings() async -> [Finding] {
        let findings = await examine()
        await discord.close()
        return findings
    }

    private func examine() async -> [Finding] {
        guard configuration.token != nil else {
            return [
                .bad(
                    "bot token", "DISCORD_TOKEN is not set",
                    "create a bot at https://discord.com/developers/applications and set DISCORD_TOKEN")
            ] + (configuration.allowedGuilds.isEmpty ? [noGuilds] : [])
        }
        var findings: [Finding] = []
        do {
            let user = try await discord.currentUser()
            findings.append(.good("bot token", "belongs to \(user["username"]?.string ?? "?")"))
            findings += await guilds(as: user["id"]?.snowflake)
            findings += await gateway()
        } catch let error as RESTError where error.status == 401 {
            findings.append(
                .bad("bot token", "Discord refuses it", "copy it again from the developer portal (Bot, Reset Token)"))
        } catch {
            findings.append(unreachable(error))
        }
        if let date = await discord.serverDate { findings.append(clock(date)) }
        return findings
    }

    private func unreachable(_ error: any Error) -> Finding {
        .bad(
            "Discord", "\(error)",
            "check the network, the proxy, TIMMYBOT_DISCORD_API_BASE and TIMMYBOT_DISCORD_CA_FILE")
    }

    private var noGuilds: Finding {
        .warning("approved servers", "none", "set TIMMYBOT_ALLOWED_GUILDS to your server's id")
    }

    private func guilds(as bot: Snowflake?) async -> [Finding] {
        let all = configuration.allowedGuilds.sorted()
        guard !all.isEmpty else { return [noGuilds] }
        guard let bot else {
            return [unreachable(RESTError(kind: .unreadable, route: "GET /users/@me", message: "no id"))]
        }
        var findings: [Finding] = []
        for guild in all.prefix(Self.maximumGuilds) {
            findings.append(await GuildExamination(guild: guild, bot: bot, discord: discord).finding())
        }
        if all.count > Self.maximumGuilds {
            findings.append(
                .good("approved servers", "the first \(Self.maximumGuilds) of \(all.count) were looked at"))
        }
        return findings
    }

    private func gateway() async -> [Finding] {
        do {
            guard let information = GatewayInformation(try await discord.gatewayBot()) else {
                throw RESTError(kind: .unreadable, route: "GET /gateway/bot", message: "no address in the answer")
            }
            try await discord.hello(from: information.url)
            return [starts(information)] + (shards(information).map { [$0] } ?? [])
        } catch let error as RESTError {
            return [unreachable(error)]
        } catch {
            return [
                .bad("gateway", "no hello from it: \(error)", "allow outgoing WebSockets (TCP 443), also in the proxy")
            ]
        }
    }

    private func starts(_ information: GatewayInformation) -> Finding {
        guard information.remaining > 10 else {
            return .warning(
                "gateway", "it answers; only \(information.remaining) starts left today",
                "wait until tomorrow before restarting often")
        }
        return .good("gateway", "it answers; \(information.remaining) starts left today")
    }

    private func shards(_ information: GatewayInformation) -> Finding? {
        guard information.shards > configuration.shard.count else { return nil }
        return .warning(
            "shards", "Discord recommends \(information.shards), \(configuration.shard.count) configured",
            "run one process for each, with TIMMYBOT_SHARD_COUNT and its own TIMMYBOT_SHARD_ID")
    }

    private func clock(_ server: Date) -> Finding {
        let seconds = now().timeIntervalSince(server)
        guard abs(seconds) > Self.tolerance else { return .good("clock", "agrees with Discord's") }
        let off = "\(Int(abs(seconds).rounded())) s \(seconds > 0 ? "ahead of" : "behind") Discord's"
        return .warning("clock", off, "set this machine's clock (timedatectl set-ntp true)")
    }
}
