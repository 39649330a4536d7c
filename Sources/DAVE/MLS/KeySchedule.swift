/// Secrets of one epoch (RFC 9420, section 8).
struct EpochSecrets: Sendable {
    let initSecret, confirmationKey, membershipKey, exporterSecret, epochAuthenticator: [UInt8]

    init(epochSecret: [UInt8]) {
        initSecret = Suite.deriveSecret(epochSecret, "init")
        confirmationKey = Suite.deriveSecret(epochSecret, "confirm")
        membershipKey = Suite.deriveSecret(epochSecret, "membership")
        exporterSecret = Suite.deriveSecret(epochSecret, "exporter")
        epochAuthenticator = Suite.deriveSecret(epochSecret, "authentication")
    }

    /// RFC 9420, section 8.5.
    func export(_ label: String, context: [UInt8], length: Int) -> [UInt8] {
        Suite.expandWithLabel(Suite.deriveSecret(exporterSecret, label), "exported", Suite.hash(context), length)
    }
}

/// The way from one epoch to the next.
enum KeySchedule {
    static func joinerSecret(initSecret: [UInt8], commitSecret: [UInt8], context: GroupContext) -> [UInt8] {
        let extracted = Suite.extract(salt: initSecret, commitSecret)
        return Suite.expandWithLabel(extracted, "joiner", context.encoded, Suite.hashLength)
    }

    /// psk_secret where there is no pre-shared key, as always in DAVE.
    static let noPSK = [UInt8](repeating: 0, count: Suite.hashLength)

    static func welcomeSecret(_ joinerSecret: [UInt8], psk: [UInt8] = noPSK) -> [UInt8] {
        Suite.deriveSecret(Suite.extract(salt: joinerSecret, psk), "welcome")
    }

    static func epoch(_ joinerSecret: [UInt8], context: GroupContext, psk: [UInt8] = noPSK) -> EpochSecrets {
        let member = Suite.extract(salt: joinerSecret, psk)
        return EpochSecrets(
            epochSecret: Suite.expandWithLabel(member, "epoch", context.encoded, Suite.hashLength))
    }

    static func welcomeKey(_ joinerSecret: [UInt8]) -> (key: [UInt8], nonce: [UInt8]) {
        let secret = welcomeSecret(joinerSecret)
        return (
            Suite.expandWithLabel(secret, "key", [], Suite.keyLength),
            Suite.expandWithLabel(secret, "nonce", [], Suite.nonceLength)
        )
    }
}

/// RFC 9420, section 8.2.
enum Transcript {
    static func confirmed(interim: [UInt8], commit: PublicMessage) -> [UInt8] {
        Suite.hash(interim + commit.transcriptInput)
    }

    static func interim(confirmed: [UInt8], confirmationTag: [UInt8]) -> [UInt8] {
        Suite.hash(confirmed + TLSWriter.build { $0.opaque(confirmationTag) })
    }
}
