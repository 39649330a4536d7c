/// So many at once, and then so many per time. Pure: the time comes in with each call.
public struct TokenBucket: Sendable, Hashable {
    public let capacity: Double
    public let perSecond: Double
    private var level: Double
    private var last: Duration

    public init(capacity: Int, perSecond: Double, at now: Duration) {
        self.capacity = Double(max(1, capacity))
        self.perSecond = max(0.001, perSecond)
        level = self.capacity
        last = now
    }

    /// Takes one token, or says how long to wait for the next.
    public mutating func take(at now: Duration) -> Duration? {
        if now > last {
            level = min(capacity, level + (now - last) / .seconds(1) * perSecond)
            last = now
        }
        guard level < 1 else {
            level -= 1
            return nil
        }
        return .seconds((1 - level) / perSecond)
    }
}

/// Token buckets for people, each guild apart. Bounded: who has been quiet longest is forgotten first. Pure.
public struct RateLimiter: Sendable {
    private struct Key: Hashable, Sendable {
        let guild: GuildID
        let user: UserID
    }

    public let burst: Int
    public let perSecond: Double
    private var buckets: ExpiringCache<Key, TokenBucket>

    public init(burst: Int = 10, perSecond: Double = 1) {
        self.burst = burst
        self.perSecond = perSecond
        // After this long a bucket is full again, so forgetting it changes nothing.
        let refill = Duration.seconds(Double(max(1, burst)) / max(0.001, perSecond)) + .seconds(1)
        buckets = ExpiringCache(capacity: 20_000, lifetime: refill)
    }

    public mutating func take(guild: GuildID, user: UserID, at now: Duration) throws(PlayerError) {
        let key = Key(guild: guild, user: user)
        var bucket = buckets.value(for: key, at: now) ?? TokenBucket(capacity: burst, perSecond: perSecond, at: now)
        let wait = bucket.take(at: now)
        buckets.insert(bucket, for: key, at: now)
        if let wait {
            throw PlayerError(
                .rateLimited, "user \(user) is too fast", user: "Slow down a little, please. Try again in a moment.",
                retry: .after(wait))
        }
    }
}
