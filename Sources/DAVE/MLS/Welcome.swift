/// RFC 9420, section 12.4.3.1.
struct Welcome: TLSCodable, Equatable, Sendable {
    struct EncryptedGroupSecrets: TLSCodable, Equatable, Sendable {
        var newMember: [UInt8]
        var secrets: HPKECiphertext

        init(newMember: [UInt8], secrets: HPKECiphertext) {
            self.newMember = newMember
            self.secrets = secrets
        }

        init(from reader: inout TLSReader) throws(MLSError) {
            newMember = try reader.opaque()
            secrets = try HPKECiphertext(from: &reader)
        }

        func encode(to writer: inout TLSWriter) {
            writer.opaque(newMember)
            secrets.encode(to: &writer)
        }
    }

    var secrets: [EncryptedGroupSecrets]
    var encryptedGroupInfo: [UInt8]

    init(secrets: [EncryptedGroupSecrets], encryptedGroupInfo: [UInt8]) {
        self.secrets = secrets
        self.encryptedGroupInfo = encryptedGroupInfo
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        guard try reader.uint16() == Suite.id else { throw .refused("welcome of another suite") }
        secrets = try reader.vector { (inner: inout TLSReader) throws(MLSError) in
            try EncryptedGroupSecrets(from: &inner)
        }
        encryptedGroupInfo = try reader.opaque()
    }

    func encode(to writer: inout TLSWriter) {
        writer.uint16(Suite.id)
        writer.vector(secrets) { $1.encode(to: &$0) }
        writer.opaque(encryptedGroupInfo)
    }

    /// The part of the welcome that one new member needs.
    func trimmed(to reference: [UInt8]) -> Welcome {
        Welcome(secrets: secrets.filter { $0.newMember == reference }, encryptedGroupInfo: encryptedGroupInfo)
    }
}

/// RFC 9420, section 12.4.3.1. DAVE has no pre-shared keys.
struct GroupSecrets: TLSCodable {
    var joinerSecret: [UInt8]
    var pathSecret: [UInt8]?

    init(joinerSecret: [UInt8], pathSecret: [UInt8]?) {
        self.joinerSecret = joinerSecret
        self.pathSecret = pathSecret
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        joinerSecret = try reader.opaque()
        pathSecret = try reader.optional { (inner: inout TLSReader) throws(MLSError) in try inner.opaque() }
        guard try reader.opaque().isEmpty else { throw .refused("welcome with pre-shared keys") }
    }

    func encode(to writer: inout TLSWriter) {
        writer.opaque(joinerSecret)
        writer.optional(pathSecret) { $0.opaque($1) }
        writer.opaque([])
    }
}

/// RFC 9420, section 12.4.3.
struct GroupInfo: TLSCodable {
    var context: GroupContext
    var extensions: [Extension]
    var confirmationTag: [UInt8]
    var signer: Int
    var signature: [UInt8] = []

    init(context: GroupContext, extensions: [Extension], confirmationTag: [UInt8], signer: Int) {
        self.context = context
        self.extensions = extensions
        self.confirmationTag = confirmationTag
        self.signer = signer
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        context = try GroupContext(from: &reader)
        extensions = try reader.extensions()
        confirmationTag = try reader.opaque()
        signer = Int(try reader.uint32())
        signature = try reader.opaque()
    }

    var toBeSigned: [UInt8] {
        TLSWriter.build {
            context.encode(to: &$0)
            $0.extensions(extensions)
            $0.opaque(confirmationTag)
            $0.uint32(UInt32(signer))
        }
    }

    func encode(to writer: inout TLSWriter) {
        writer.raw(toBeSigned)
        writer.opaque(signature)
    }
}

/// RFC 9420, section 12.1.8.1: the entry of the external_senders extension, and DAVE's op 25.
struct ExternalSender: TLSCodable, Equatable, Sendable {
    var signatureKey: [UInt8]
    var credential: Credential

    init(signatureKey: [UInt8], credential: Credential) {
        self.signatureKey = signatureKey
        self.credential = credential
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        signatureKey = try reader.opaque()
        credential = try Credential(from: &reader)
    }

    func encode(to writer: inout TLSWriter) {
        writer.opaque(signatureKey)
        credential.encode(to: &writer)
    }

    var groupExtension: Extension {
        Extension(type: Extension.externalSenders, data: TLSWriter.build { $0.vector([self]) { $1.encode(to: &$0) } })
    }
}
