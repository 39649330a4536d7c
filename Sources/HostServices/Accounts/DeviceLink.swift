import Foundation
import PluginHost

/// The device authorization grant (RFC 8628), from the device's answer to the end. Pure; times in milliseconds on any
/// steady clock.
struct DeviceLink: Sendable {
    enum Step: Sendable, Equatable {
        /// Not before so many milliseconds.
        case wait(UInt64)
        case poll
        case expired
    }

    enum Outcome: Sendable, Equatable {
        case pending
        case granted(TokenSet)
        /// The user said no.
        case denied
        case expired
        /// The operator's registration is wrong, or the platform speaks otherwise: its error code.
        case failed(String)
    }

    static let defaultInterval: UInt64 = 5_000
    static let maximumInterval: UInt64 = 120_000
    static let maximumLifetime: Int64 = 3_600

    let deviceCode: Secret
    let userCode, url, completeURL: String
    let expiresInSeconds: Int
    private let expires: UInt64
    private(set) var interval: UInt64
    private var nextPoll: UInt64
    private var isPolling = false

    /// Nil where the answer is none of RFC 8628, section 3.2. Google says `verification_url`.
    init?(status: Int, body: [UInt8], now: UInt64) {
        guard status == 200, let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            let device = object["device_code"] as? String, (1...2_048).contains(device.utf8.count),
            let user = object["user_code"] as? String, (1...64).contains(user.count),
            user.utf8.allSatisfy({ (32...126).contains($0) }),
            let url = Self.address(object["verification_uri"] ?? object["verification_url"]),
            let lifetime = TokenReply.number(object["expires_in"]), lifetime > 0
        else { return nil }
        deviceCode = Secret(device)
        userCode = user
        self.url = url
        completeURL = Self.address(object["verification_uri_complete"]) ?? ""
        let seconds = min(lifetime, Self.maximumLifetime)
        expiresInSeconds = Int(seconds)
        expires = now + UInt64(seconds) * 1_000
        interval = Self.interval(seconds: TokenReply.number(object["interval"]))
        nextPoll = now + interval
    }

    /// In milliseconds. Whatever a platform asks for: it is bounded before it is multiplied.
    private static func interval(seconds: Int64?) -> UInt64 {
        guard let seconds else { return defaultInterval }
        return UInt64(min(max(seconds, 1), Int64(maximumInterval / 1_000))) * 1_000
    }

    func isOver(now: UInt64) -> Bool { now >= expires }

    /// What to do now. After `.poll`, `answered` or `failedToAsk` must come before the next one.
    mutating func next(now: UInt64) -> Step {
        if isOver(now: now) { return .expired }
        if isPolling { return .wait(interval) }
        if now < nextPoll { return .wait(nextPoll - now) }
        isPolling = true
        return .poll
    }

    mutating func answered(_ reply: TokenReply, now: UInt64) -> Outcome {
        isPolling = false
        nextPoll = now + interval
        switch reply {
        case .granted(let tokens): return .granted(tokens)
        case .refused("authorization_pending"): return .pending
        case .refused("slow_down"):
            // For this and all later polls (section 3.5).
            interval = min(interval + 5_000, Self.maximumInterval)
            nextPoll = now + interval
            return .pending
        case .refused("access_denied"): return .denied
        case .refused("expired_token"), .refused("invalid_grant"): return .expired
        case .refused(let code): return .failed(code)
        case .unclear(let status) where status >= 500 || status == 429:
            failedToAsk(now: now)
            return .pending
        case .unclear(let status): return .failed("status \(status)")
        }
    }

    /// Nobody answered: less often from now on (section 3.5).
    mutating func failedToAsk(now: UInt64) {
        isPolling = false
        interval = min(interval * 2, Self.maximumInterval)
        nextPoll = now + interval
    }

    private static func address(_ value: Any?) -> String? {
        guard let text = value as? String, let url = HTTPURL(text), url.scheme == .https else { return nil }
        return text
    }
}
