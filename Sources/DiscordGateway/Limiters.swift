import DiscordModel

/// Gateway sends: 120 in 60 seconds, some of them kept for heartbeats. Pure; time in seconds on any steady clock.
public struct SendLimiter: Sendable {
    private static let reserve = 5
    private var sent: [Double] = []

    public init() {}

    /// Seconds until one more payload may be sent; 0 takes the place at once.
    public mutating func delay(now: Double, heartbeat: Bool = false) -> Double {
        sent.removeAll { now - $0 >= Limits.gatewaySendWindow }
        let allowed = heartbeat ? Limits.gatewaySends : Limits.gatewaySends - Self.reserve
        guard sent.count >= allowed else {
            sent.append(now)
            return 0
        }
        return sent[sent.count - allowed] + Limits.gatewaySendWindow - now
    }
}

/// `GET /gateway/bot`. Source: Discord, "Get Gateway Bot".
public struct GatewayInformation: Sendable, Equatable {
    public let url: String
    public let shards: Int
    /// Identifies left, of how many, and after how many milliseconds the count starts again.
    public let remaining: Int
    public let resetAfter: Int
    public let maxConcurrency: Int

    public init?(_ data: JSONValue) {
        guard let url = data["url"]?.string, let shards = data["shards"]?.int, (1...100_000).contains(shards) else {
            return nil
        }
        self.url = url
        self.shards = Int(shards)
        let limit = data["session_start_limit"]
        remaining = Int(limit?["remaining"]?.int ?? 1)
        resetAfter = Int(limit?["reset_after"]?.int ?? 0)
        maxConcurrency = max(1, Int(limit?["max_concurrency"]?.int ?? 1))
    }
}

/// When a shard may identify: one per bucket (shard id modulo max_concurrency) in five seconds, and never past the daily
/// count, whose overrun resets the token. Pure; time in seconds on any steady clock.
public struct IdentifyLimiter: Sendable {
    private var remaining: Int
    private var resetsAt: Double
    private let maxConcurrency: Int
    private var nextByBucket: [Int: Double] = [:]

    public init(_ information: GatewayInformation, now: Double) {
        remaining = information.remaining
        resetsAt = now + Double(information.resetAfter) / 1_000
        maxConcurrency = information.maxConcurrency
    }

    /// Seconds until `shard` may identify; 0 is now. Takes nothing: who identifies says so with `take`.
    public mutating func delay(shard: Int, now: Double) -> Double {
        if remaining <= 0 {
            guard now >= resetsAt else { return resetsAt - now }
            remaining = 1_000
            resetsAt = now + 86_400
        }
        return max(0, (nextByBucket[shard % maxConcurrency] ?? now) - now)
    }

    /// `shard` identifies now.
    public mutating func take(shard: Int, now: Double) {
        nextByBucket[shard % maxConcurrency] = now + 5.5
        remaining -= 1
    }
}
