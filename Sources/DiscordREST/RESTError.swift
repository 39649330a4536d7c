/// A request that Discord did not fulfil. Holds neither the bot's token nor an interaction's.
public struct RESTError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// Discord answered with this status and, where it named one, its own error code.
        case status(Int, code: Int?)
        /// No answer: connection, TLS or time.
        case unreachable
        /// The answer is not what the endpoint promises.
        case unreadable
        /// Still limited after as long as a request may wait; `retryAfter` in seconds.
        case rateLimited(retryAfter: Double)
        /// Too many refused requests: nothing is sent for a while.
        case invalidRequestBudget
    }

    public let kind: Kind
    /// Route template, without ids and tokens.
    public let route: String
    /// For the operator.
    public let message: String

    public init(kind: Kind, route: String, message: String) {
        self.kind = kind
        self.route = route
        self.message = message
    }

    public var description: String { "\(route): \(message)" }
    public var status: Int? { if case .status(let status, _) = kind { status } else { nil } }
    public var discordCode: Int? { if case .status(_, let code) = kind { code } else { nil } }
}
