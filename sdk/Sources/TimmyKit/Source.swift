import CTimmyBot

/// How the host gets at a track's sound.
public enum Media: Sendable {
    /// An open, read-only descriptor; the host takes it over.
    case file(descriptor: Int32)
    case url(String)
}

/// One music platform.
public protocol Source: Sendable {
    /// 0 for not mine to 100 for surely mine; within a millisecond and without I/O.
    func match(_ input: String) -> Int
    /// Tracks for a search or an address.
    func resolve(_ input: String, limit: Int) async throws -> [Track]
    func open(_ key: String, startMilliseconds: UInt64) async throws -> Media
    /// A PNG or JPEG, or nil.
    func artwork(_ key: String) async throws -> (type: String, bytes: [UInt8])?
}

extension Source {
    public func artwork(_ key: String) async throws -> (type: String, bytes: [UInt8])? { nil }
}
