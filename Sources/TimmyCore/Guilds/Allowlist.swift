import Synchronization

/// The guilds that the operator approved; the others are told so.
public final class Allowlist: Sendable {
    private let approved: Mutex<Set<GuildID>>

    public init(_ approved: Set<GuildID> = []) { self.approved = Mutex(approved) }

    public func check(_ guild: GuildID) throws(PlayerError) {
        guard isApproved(guild) else { throw .notApproved(guild) }
    }

    public func isApproved(_ guild: GuildID) -> Bool { approved.withLock { $0.contains(guild) } }
    public func approve(_ guild: GuildID) { _ = approved.withLock { $0.insert(guild) } }
    /// The guild's session has to be removed as well: see `Player.remove(_:)`.
    public func revoke(_ guild: GuildID) { _ = approved.withLock { $0.remove(guild) } }
    public var guilds: Set<GuildID> { approved.withLock { $0 } }
}

extension PlayerError {
    static func notApproved(_ guild: GuildID) -> PlayerError {
        PlayerError(
            .notApproved, "guild \(guild) is not on the allowlist",
            user:
                "This server is not approved for this bot. Ask the person who runs the bot to approve server \(guild).",
            retry: .afterUserAction)
    }
}
