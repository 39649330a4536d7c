import CTimmyBot

/// Something went wrong, in words for the user and for the operator.
public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the host should make of it: the `TB_E_*` of the ABI.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// The caller broke the contract; with a text for the user: a person asked for what cannot be done.
        public static let invalid = Code(rawValue: TB_E_INVALID)
        public static let notFound = Code(rawValue: TB_E_NOT_FOUND)
        public static let unsupported = Code(rawValue: TB_E_UNSUPPORTED)
        /// Private, removed or restricted; the host tries the next source.
        public static let unavailable = Code(rawValue: TB_E_UNAVAILABLE)
        public static let auth = Code(rawValue: TB_E_AUTH)
        public static let rateLimit = Code(rawValue: TB_E_RATE_LIMIT)
        public static let cancelled = Code(rawValue: TB_E_CANCELLED)
        /// The task is over: it was answered, or it ran out of time.
        public static let stale = Code(rawValue: TB_E_STALE)
        public static let timeout = Code(rawValue: TB_E_TIMEOUT)
        public static let io = Code(rawValue: TB_E_IO)
        /// A fault of the plugin: five in a row, and the host lets it rest.
        public static let `internal` = Code(rawValue: TB_E_INTERNAL)
    }

    public let code: Code
    /// Shown to the user; empty for a general apology.
    public let userText: String
    /// For the operator's log.
    public let detail: String
    /// When to try again; 0 for no advice.
    public let retryAfterMilliseconds: UInt32

    /// - Parameter code: where it is left out, `.invalid` with a text for the user and else `.internal`: what a person is
    ///   told about is their mistake, and the rest is the plugin's.
    public init(
        code: Code? = nil, userText: String = "", detail: String = "", retryAfterMilliseconds: UInt32 = 0
    ) {
        self.code = code ?? (userText.isEmpty ? .internal : .invalid)
        self.userText = userText
        self.detail = detail
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }

    public var description: String {
        [detail, userText].first { !$0.isEmpty } ?? "status \(code.rawValue)"
    }
}

extension Failure {
    init(_ error: tb_error_v1) {
        self.init(
            code: Code(rawValue: error.code), userText: error.user_text.string, detail: error.detail.string,
            retryAfterMilliseconds: error.retry_after_ms)
    }

    init(status: tb_status, _ what: String) {
        self.init(code: Code(rawValue: status), detail: "\(what): status \(status)")
    }

    /// What an author's code threw, as the host takes it.
    init(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case is CancellationError: self.init(code: .cancelled, detail: "cancelled")
        default: self.init(detail: String(describing: error))
        }
    }

    static func missing(_ what: String) -> Failure {
        Failure(code: .unsupported, detail: "the host does not offer \(what)")
    }

    /// A `TB_E_*`: never 0 or positive, which would read as success.
    var status: tb_status { code.rawValue < 0 ? code.rawValue : TB_E_INTERNAL }
}
