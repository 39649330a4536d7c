import PluginHost

/// One account's life: whether its token can be used, must be refreshed, or is gone. Pure; times in milliseconds since 1970.
struct AccountState: Sendable, Equatable, Codable {
    enum Need: Sendable, Equatable {
        case nothing
        /// Usable still, but not for long.
        case refreshSoon(Secret)
        case refreshNow(Secret)
        /// Over, and nothing to refresh it with.
        case linkAgain
    }

    /// A token with less than this left is refreshed before it is used.
    static let margin: Int64 = 120_000
    /// A token with less than this left is not used any more.
    static let reserve: Int64 = 5_000

    private(set) var tokens: TokenSet

    init(_ tokens: TokenSet) { self.tokens = tokens }

    func need(now: Int64) -> Need {
        if now < tokens.expires - Self.margin { return .nothing }
        let isUsable = now < tokens.expires - Self.reserve
        guard let refresh = tokens.refresh else { return isUsable ? .nothing : .linkAgain }
        return isUsable ? .refreshSoon(refresh) : .refreshNow(refresh)
    }

    /// A platform that does not rotate sends no new refresh token: the old one stays (RFC 6749, section 6).
    mutating func refreshed(_ new: TokenSet) {
        let old = tokens.refresh
        tokens = new
        if tokens.refresh == nil { tokens.refresh = old }
    }
}
