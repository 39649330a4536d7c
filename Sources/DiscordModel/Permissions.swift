/// Discord's permission bits, as far as a music bot meets them. Source: Discord, "Permissions".
public struct Permissions: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let administrator = Permissions(rawValue: 1 << 3)
    public static let manageChannels = Permissions(rawValue: 1 << 4)
    public static let manageGuild = Permissions(rawValue: 1 << 5)
    public static let viewChannel = Permissions(rawValue: 1 << 10)
    public static let sendMessages = Permissions(rawValue: 1 << 11)
    public static let embedLinks = Permissions(rawValue: 1 << 14)
    public static let attachFiles = Permissions(rawValue: 1 << 15)
    public static let readMessageHistory = Permissions(rawValue: 1 << 16)
    public static let connect = Permissions(rawValue: 1 << 20)
    public static let speak = Permissions(rawValue: 1 << 21)
    public static let muteMembers = Permissions(rawValue: 1 << 22)
    public static let moveMembers = Permissions(rawValue: 1 << 24)
    public static let useVAD = Permissions(rawValue: 1 << 25)
    public static let requestToSpeak = Permissions(rawValue: 1 << 32)
    public static let setVoiceChannelStatus = Permissions(rawValue: 1 << 48)
    public static let all = Permissions(rawValue: (1 << 53) - 1)

    /// Discord writes permissions as decimal strings.
    public init?(_ text: String?) {
        guard let text, let value = UInt64(text) else { return nil }
        rawValue = value
    }
}

/// A channel's change to what a role or a member may.
public struct PermissionOverwrite: Sendable, Equatable {
    /// Id of a role or a member.
    public let id: Snowflake
    public let allow, deny: Permissions

    public init(id: Snowflake, allow: Permissions, deny: Permissions) {
        self.id = id
        self.allow = allow
        self.deny = deny
    }
}

extension Permissions {
    /// Effective permissions of a member in a channel.
    /// Source: Discord, "Permission Overwrites" (role base, then everyone, roles together, member).
    public static func effective(
        guild: Snowflake, owner: Snowflake?, member: Snowflake, roles: Set<Snowflake>,
        rolePermissions: [Snowflake: Permissions], overwrites: [PermissionOverwrite]
    ) -> Permissions {
        if member == owner { return .all }
        var result = rolePermissions[guild] ?? []
        for role in roles { result.formUnion(rolePermissions[role] ?? []) }
        if result.contains(.administrator) { return .all }
        func apply(_ matching: [PermissionOverwrite]) {
            for overwrite in matching { result.subtract(overwrite.deny) }
            for overwrite in matching { result.formUnion(overwrite.allow) }
        }
        apply(overwrites.filter { $0.id == guild })
        apply(overwrites.filter { roles.contains($0.id) && $0.id != guild })
        apply(overwrites.filter { $0.id == member })
        return result
    }
}
