/// Keys of one sender in one epoch (DAVE, "Sender Key Derivation"): a hash ratchet over generations of 2^24 frames.
public struct KeyRatchet: Sendable, Equatable {
    private var secret: [UInt8]
    private var generation: UInt32 = 0
    private var known: [UInt32: [UInt8]] = [:]

    /// Generations that one call may skip; further ones are refused, so a hostile nonce cannot make us hash for long.
    static let maximumGap: UInt32 = 250

    /// - Parameter baseSecret: 16 bytes from the MLS exporter.
    init(baseSecret: [UInt8]) { secret = baseSecret }

    /// The AES-128-GCM key of `generation`; nil where it is too far ahead or was passed and forgotten.
    mutating func key(_ wanted: UInt32) -> [UInt8]? {
        if let key = known[wanted] { return key }
        guard wanted >= generation, wanted - generation <= Self.maximumGap else { return nil }
        while generation <= wanted {
            known[generation] = Suite.deriveTreeSecret(secret, "key", generation, Suite.keyLength)
            secret = Suite.deriveTreeSecret(secret, "secret", generation, Suite.hashLength)
            generation += 1
        }
        known = known.filter { wanted - min($0.key, wanted) <= 8 }
        return known[wanted]
    }

    /// Label of the exporter that yields base secrets; its context is the user id as 8 bytes, little-endian.
    static func baseSecret(of userID: UInt64, in secrets: EpochSecrets) -> [UInt8] {
        let context = (0..<8).map { UInt8(truncatingIfNeeded: userID >> (8 * UInt64($0))) }
        return secrets.export("Discord Secure Frames v0", context: context, length: Suite.keyLength)
    }
}
