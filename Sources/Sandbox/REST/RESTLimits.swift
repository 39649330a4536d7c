import DiscordModel
import Foundation

/// Faults of REST, for tests. Each is used up by `times` requests that match.
public struct RESTFault: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// 429 with Retry-After in seconds; scope `user`, `global` or `shared`.
        case rateLimited(retryAfter: Double, scope: String)
        /// A 5xx with a body that is no JSON, as from a proxy.
        case status(Int)
        /// Connection reset before any answer.
        case reset
        /// The answer comes so many seconds late.
        case slow(Double)
        /// 200 with a body that is no JSON.
        case malformed
        /// 200 with so many bytes.
        case oversized(Int)
    }

    public var kind: Kind
    /// "GET" and so on; nil matches all.
    public var method: String?
    /// Part of the path; empty matches all.
    public var path: String
    public var times: Int

    public init(_ kind: Kind, method: String? = nil, path: String = "", times: Int = 1) {
        self.kind = kind
        self.method = method
        self.path = path
        self.times = times
    }
}

/// Buckets of REST: fixed windows per route and major parameter.
struct RESTLimits: Sendable {
    private struct Window: Sendable {
        var start: Double
        var used: Int
    }

    private var windows: [String: Window] = [:]
    private var global = Window(start: -1, used: 0)

    struct Verdict {
        let headers: [String: String]
        /// Seconds to wait, where the request is over the limit.
        let retryAfter: Double?
        let isGlobal: Bool
    }

    mutating func count(bucket: String, key: String, limit: Int, window: Double, now: Double, global counted: Bool)
        -> Verdict
    {
        if counted {
            if now - global.start >= 1 { global = Window(start: now, used: 0) }
            global.used += 1
            if global.used > Limits.globalRequestsPerSecond {
                return Verdict(headers: [:], retryAfter: max(0.001, global.start + 1 - now), isGlobal: true)
            }
        }
        var current = windows[key] ?? Window(start: now, used: 0)
        if now - current.start >= window { current = Window(start: now, used: 0) }
        current.used += 1
        windows[key] = current
        let left = max(0.001, current.start + window - now)
        let headers = [
            "X-RateLimit-Limit": String(limit), "X-RateLimit-Remaining": String(max(0, limit - current.used)),
            "X-RateLimit-Reset-After": String((left * 1000).rounded() / 1000), "X-RateLimit-Bucket": bucket,
            "X-RateLimit-Reset": Self.wallClock(in: left),
        ]
        return Verdict(headers: headers, retryAfter: current.used > limit ? left : nil, isGlobal: false)
    }

    mutating func forget(before time: Double) {
        windows = windows.filter { $0.value.start >= time }
    }
}

extension RESTLimits {
    private static func wallClock(in seconds: Double) -> String {
        String(((Date().timeIntervalSince1970 + seconds) * 1000).rounded() / 1000)
    }
}
