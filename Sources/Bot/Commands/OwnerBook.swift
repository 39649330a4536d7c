import DiscordModel
import Logging
import Synchronization

/// Who runs the bot: the application's owner, or the owner, admins and developers of its team.
/// Source: Discord, "Application Object" and "Team Member Roles"; READY does not say it.
final class OwnerBook: Sendable {
    /// Asked again after so long, because teams change.
    static let lifetime = Duration.seconds(600)

    private struct State {
        var owners: Set<DiscordModel.Snowflake> = []
        var askedAt: ContinuousClock.Instant?
        var asking: Task<Void, Never>?
    }

    private let state = Mutex(State())
    private let ask: @Sendable () async throws -> JSONValue
    private let logger: Logger

    /// - Parameter ask: answers the application object.
    init(logger: Logger, ask: @escaping @Sendable () async throws -> JSONValue) {
        self.logger = logger
        self.ask = ask
    }

    /// What is known without asking.
    var known: Set<DiscordModel.Snowflake> { state.withLock { $0.owners } }

    /// Asks Discord where that was not done lately.
    func isOwner(_ user: DiscordModel.Snowflake) async -> Bool {
        let fresh = state.withLock { $0.askedAt.map { $0 + Self.lifetime > .now } ?? false }
        if !fresh { await refresh() }
        return known.contains(user)
    }

    /// Asks Discord now; who asks meanwhile waits for the same answer. After a failure what was known stays.
    func refresh() async {
        let task = state.withLock { state -> Task<Void, Never> in
            if let asking = state.asking { return asking }
            let task = Task { await self.fetch() }
            state.asking = task
            return task
        }
        await task.value
    }

    private func fetch() async {
        do {
            let owners = Self.owners(try await ask())
            state.withLock { state in
                state.owners = owners
                state.askedAt = .now
                state.asking = nil
            }
        } catch {
            logger.warning("Discord does not say who runs this bot: \(error)")
            state.withLock { $0.asking = nil }
        }
    }

    /// Of a team's application `owner` is a stand-in for the team, not a person.
    static func owners(_ application: JSONValue) -> Set<DiscordModel.Snowflake> {
        guard let team = application["team"], team != .null else {
            return Set([application["owner"]?["id"]?.snowflake].compactMap(\.self))
        }
        let members = (team["members"]?.array ?? []).filter { member in
            member["membership_state"]?.int == 2 && ["admin", "developer"].contains(member["role"]?.string)
        }
        let ids = members.map { $0["user"]?["id"]?.snowflake } + [team["owner_user_id"]?.snowflake]
        return Set(ids.compactMap(\.self))
    }
}
