import DiscordModel

/// One endpoint as Discord counts it: the template, and the major parameter that splits its bucket.
public struct Route: Hashable, Sendable {
    public let method: String
    /// Path with `{}` for ids that do not split the bucket.
    public let template: String
    /// Channel, guild, or webhook id with token.
    public let major: String
    /// Interaction callbacks do not count against the global limit.
    public let exemptFromGlobal: Bool

    public init(_ method: String, _ template: String, major: String = "", exemptFromGlobal: Bool = false) {
        self.method = method
        self.template = template
        self.major = major
        self.exemptFromGlobal = exemptFromGlobal
    }
}

/// What a response said about limits; nil where a header was missing or unreadable.
public struct RateLimitHeaders: Sendable, Equatable {
    public var bucket: String?
    /// Requests of a whole window.
    public var limit: Int?
    public var remaining: Int?
    /// Seconds.
    public var resetAfter: Double?
    public var retryAfter: Double?
    public var global = false
    /// `user`, `global` or `shared`.
    public var scope: String?
    /// A block of this address by the proxy before Discord, which spares nothing.
    public var wholeAddress = false

    public init() {}

    /// Seconds to hold back after a 429.
    var wait: Double { retryAfter ?? resetAfter ?? 5 }
}

/// Discord's rate limits for one bot: a pure state machine; time in seconds on any steady clock.
/// Source: Discord, "Rate Limits".
public struct RateLimits: Sendable {
    public enum Admission: Equatable, Sendable {
        case go
        case wait(seconds: Double)
        /// So many refused requests that Discord would ban this address: nothing is sent for a while.
        case refused(seconds: Double)
    }

    private struct Bucket {
        var remaining: Int
        var resetsAt: Double
        /// Requests of a whole window, where an answer said so.
        var limit: Int?
        /// Whether the window is one that no answer has told of yet.
        var isAssumed = false
    }

    /// Seconds that the first answer of a new window is waited for.
    private static let assumedWindow = 1.0

    /// Invalid requests after which we stop, well before Discord does.
    static let invalidBudget = Limits.invalidRequests / 2
    static let maximumBuckets = 10_000

    private var bucketNames: [Route: String] = [:]
    private var buckets: [String: Bucket] = [:]
    private var globalUntil = 0.0
    private var addressUntil = 0.0
    private var recent: [Double] = []
    private var invalid: [Double] = []

    public init() {}

    private func key(_ route: Route) -> String {
        let name = bucketNames[Route(route.method, route.template)] ?? "\(route.method) \(route.template)"
        return "\(name)|\(route.major)"
    }

    /// Asks for one request; `.go` takes its place in the bucket.
    public mutating func admit(_ route: Route, now: Double) -> Admission {
        invalid.removeAll { now - $0 >= 600 }
        if invalid.count >= Self.invalidBudget { return .refused(seconds: 600 - (now - invalid[0])) }
        if addressUntil > now { return .wait(seconds: addressUntil - now) }
        if !route.exemptFromGlobal {
            if globalUntil > now { return .wait(seconds: globalUntil - now) }
            recent.removeAll { now - $0 >= 1 }
            if recent.count >= Limits.globalRequestsPerSecond { return .wait(seconds: recent[0] + 1 - now) }
        }
        let key = key(route)
        if var bucket = buckets[key] {
            if bucket.resetsAt <= now { Self.renew(&bucket, now) }
            if bucket.remaining <= 0 { return .wait(seconds: bucket.resetsAt - now) }
            bucket.remaining -= 1
            buckets[key] = bucket
        }
        if !route.exemptFromGlobal { recent.append(now) }
        return .go
    }

    /// After a reset everybody who waited comes at once. So many go as a window has, one where that is not known; the
    /// first answer tells about the others.
    private static func renew(_ bucket: inout Bucket, _ now: Double) {
        bucket.remaining = max(1, bucket.limit ?? 1)
        bucket.resetsAt = now + assumedWindow
        bucket.isAssumed = true
    }

    /// Takes in a response.
    public mutating func update(_ route: Route, status: Int, headers: RateLimitHeaders, now: Double) {
        if let name = headers.bucket {
            if bucketNames.count >= Self.maximumBuckets { bucketNames.removeAll() }
            bucketNames[Route(route.method, route.template)] = name
        }
        if let remaining = headers.remaining, let resetAfter = headers.resetAfter {
            if buckets.count >= Self.maximumBuckets { buckets = buckets.filter { $0.value.resetsAt > now } }
            let key = key(route)
            let resetsAt = now + resetAfter
            let known = buckets[key]
            var bucket = Bucket(remaining: remaining, resetsAt: resetsAt, limit: headers.limit ?? known?.limit)
            // Answers may overtake each other: within one window the lowest count is the truth. What an assumed one has let
            // through is not in the first answer's count.
            if let known, known.isAssumed ? known.limit != nil : abs(known.resetsAt - resetsAt) < 0.5 {
                bucket.remaining = min(known.remaining, remaining)
                if !known.isAssumed { bucket.resetsAt = known.resetsAt }
            }
            buckets[key] = bucket
        }
        if status == 429 { limited(route, headers, now) }
        if [401, 403].contains(status) || status == 429 && headers.scope != "shared" {
            invalid.append(now)
        }
    }

    private mutating func limited(_ route: Route, _ headers: RateLimitHeaders, _ now: Double) {
        let wait = headers.wait
        if headers.wholeAddress {
            addressUntil = max(addressUntil, now + wait)
        } else if headers.global || headers.scope == "global" {
            globalUntil = max(globalUntil, now + wait)
        } else {
            let key = key(route)
            buckets[key] = Bucket(remaining: 0, resetsAt: now + wait, limit: headers.limit ?? buckets[key]?.limit)
        }
    }
}

/// Whether and when to try again after a failure that is not a rate limit. Pure.
public struct RetryPolicy: Sendable {
    public var attempts = 4

    public init() {}

    /// Seconds until attempt number `attempt` (the first retry is 1); nil where it is time to give up.
    public func delay(attempt: Int, random: Double) -> Double? {
        guard attempt < attempts else { return nil }
        let ceiling = min(8.0, 0.25 * Double(1 << attempt))
        return ceiling / 2 + random * ceiling / 2
    }

    /// A server error may be retried where doing the thing twice does no harm.
    public static func isRetryable(status: Int) -> Bool { [500, 502, 503, 504].contains(status) }
}
