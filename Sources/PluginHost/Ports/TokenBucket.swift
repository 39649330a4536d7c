/// Lets `rate` a second through, and `burst` at once. Pure; time in seconds on any steady clock.
struct TokenBucket: Sendable, Equatable {
    let rate, burst: Double
    private var tokens: Double
    private var last: Double?

    init(rate: Double, burst: Double) {
        (self.rate, self.burst, tokens) = (rate, burst, burst)
    }

    mutating func take(now: Double) -> Bool {
        tokens = min(burst, tokens + max(0, now - (last ?? now)) * rate)
        last = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
