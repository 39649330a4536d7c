/// A Discord snowflake with a type of its own, so that a channel can never be passed for a guild.
public protocol Snowflake: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible
where RawValue == UInt64 {
    init(rawValue: UInt64)
}

extension Snowflake {
    public init(_ value: UInt64) { self.init(rawValue: value) }
    public var description: String { String(rawValue) }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

public struct GuildID: Snowflake {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

public struct ChannelID: Snowflake {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

public struct UserID: Snowflake {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// Names one entry of one guild's queue for as long as it exists. The same track added twice has two ids.
public struct EntryID: Snowflake {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// Names one opened (or opening) audio stream inside one guild session.
public struct StreamID: Snowflake {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// Names one command that waits for its reply inside one guild session.
public struct CommandID: Snowflake {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}
