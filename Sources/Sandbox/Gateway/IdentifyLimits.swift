import DiscordModel

/// How often an application may identify. Source: Discord, "Session Start Limit Object" and "Rate Limiting". Pure.
struct IdentifyLimits: Sendable {
    /// In 24 hours; a sandbox does not last that long.
    static let total = 1000
    /// Shards of different buckets (shard id modulo this) may identify at the same time.
    static let maxConcurrency = 1

    private struct Bucket: Hashable { let application: Snowflake, number: Int }

    private var used: [Snowflake: Int] = [:]
    private var last: [Bucket: Double] = [:]

    func remaining(of application: Snowflake) -> Int { max(0, Self.total - used[application, default: 0]) }

    /// - Parameter spacing: seconds between two identifies of a bucket.
    /// - Returns: false where this one comes too early. It counts all the same.
    mutating func take(_ application: Snowflake, shard: Int, now: Double, spacing: Double) -> Bool {
        used[application, default: 0] += 1
        let bucket = Bucket(application: application, number: shard % Self.maxConcurrency)
        if let last = last[bucket], now - last < spacing { return false }
        last[bucket] = now
        return true
    }
}
