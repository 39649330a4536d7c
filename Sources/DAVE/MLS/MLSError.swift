/// Why an MLS message or state was refused. Carries no secret.
public enum MLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes do not follow the TLS presentation language of RFC 9420.
    case malformed(String)
    /// Well-formed but against a rule of RFC 9420 or DAVE.
    case refused(String)
    /// A signature, tag or ciphertext failed to verify.
    case unauthentic(String)

    public var description: String {
        switch self {
        case .malformed(let what): "malformed: \(what)"
        case .refused(let why): "refused: \(why)"
        case .unauthentic(let what): "not authentic: \(what)"
        }
    }
}
