/// RFC 9420, section 5.3. DAVE uses basic credentials whose identity is the user id as 8 bytes, big-endian.
struct Credential: TLSCodable, Equatable, Sendable {
    static let basic: UInt16 = 1
    var type: UInt16
    var identity: [UInt8]

    init(userID: UInt64) {
        type = Self.basic
        identity = TLSWriter.build { $0.uint64(userID) }
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        type = try reader.uint16()
        identity = try reader.opaque()
    }

    func encode(to writer: inout TLSWriter) {
        writer.uint16(type)
        writer.opaque(identity)
    }

    /// Nil where the credential is not one of DAVE's.
    var userID: UInt64? {
        guard type == Self.basic, identity.count == 8 else { return nil }
        return identity.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// RFC 9420, section 7.2.
struct Capabilities: TLSCodable, Equatable, Sendable {
    var versions, cipherSuites, extensions, proposals, credentials: [UInt16]

    /// What DAVE clients announce.
    static let dave = Capabilities(
        versions: [1], cipherSuites: [Suite.id], extensions: [], proposals: [], credentials: [Credential.basic])

    init(versions: [UInt16], cipherSuites: [UInt16], extensions: [UInt16], proposals: [UInt16], credentials: [UInt16]) {
        self.versions = versions
        self.cipherSuites = cipherSuites
        self.extensions = extensions
        self.proposals = proposals
        self.credentials = credentials
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        versions = try Self.list(&reader)
        cipherSuites = try Self.list(&reader)
        extensions = try Self.list(&reader)
        proposals = try Self.list(&reader)
        credentials = try Self.list(&reader)
    }

    private static func list(_ reader: inout TLSReader) throws(MLSError) -> [UInt16] {
        try reader.vector { (inner: inout TLSReader) throws(MLSError) in try inner.uint16() }
    }

    func encode(to writer: inout TLSWriter) {
        for list in [versions, cipherSuites, extensions, proposals, credentials] {
            writer.vector(list) { $0.uint16($1) }
        }
    }
}

/// RFC 9420, section 17.3: an extension that we keep as bytes until somebody asks.
struct Extension: TLSCodable, Equatable, Sendable {
    static let ratchetTree: UInt16 = 2
    static let externalSenders: UInt16 = 5
    var type: UInt16
    var data: [UInt8]

    init(type: UInt16, data: [UInt8]) {
        self.type = type
        self.data = data
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        type = try reader.uint16()
        data = try reader.opaque()
    }

    func encode(to writer: inout TLSWriter) {
        writer.uint16(type)
        writer.opaque(data)
    }
}

extension TLSReader {
    mutating func extensions() throws(MLSError) -> [Extension] {
        try vector { (inner: inout TLSReader) throws(MLSError) in try Extension(from: &inner) }
    }
}

extension TLSWriter {
    mutating func extensions(_ list: [Extension]) { vector(list) { $1.encode(to: &$0) } }
}

/// RFC 9420, section 7.2.
struct LeafNode: TLSCodable, Equatable, Sendable {
    enum Source: Equatable, Sendable {
        case keyPackage(notBefore: UInt64, notAfter: UInt64)
        case update
        case commit(parentHash: [UInt8])
    }

    var encryptionKey, signatureKey: [UInt8]
    var credential: Credential
    var capabilities: Capabilities
    var source: Source
    var extensions: [Extension]
    var signature: [UInt8]

    init(encryptionKey: [UInt8], signatureKey: [UInt8], credential: Credential, source: Source) {
        self.encryptionKey = encryptionKey
        self.signatureKey = signatureKey
        self.credential = credential
        self.source = source
        capabilities = .dave
        extensions = []
        signature = []
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        encryptionKey = try reader.opaque()
        signatureKey = try reader.opaque()
        credential = try Credential(from: &reader)
        capabilities = try Capabilities(from: &reader)
        switch try reader.uint8() {
        case 1: source = .keyPackage(notBefore: try reader.uint64(), notAfter: try reader.uint64())
        case 2: source = .update
        case 3: source = .commit(parentHash: try reader.opaque())
        default: throw .malformed("leaf node source")
        }
        extensions = try reader.extensions()
        signature = try reader.opaque()
    }

    private func encodeUnsigned(to writer: inout TLSWriter) {
        writer.opaque(encryptionKey)
        writer.opaque(signatureKey)
        credential.encode(to: &writer)
        capabilities.encode(to: &writer)
        switch source {
        case .keyPackage(let notBefore, let notAfter):
            writer.uint8(1)
            writer.uint64(notBefore)
            writer.uint64(notAfter)
        case .update: writer.uint8(2)
        case .commit(let parentHash):
            writer.uint8(3)
            writer.opaque(parentHash)
        }
        writer.extensions(extensions)
    }

    func encode(to writer: inout TLSWriter) {
        encodeUnsigned(to: &writer)
        writer.opaque(signature)
    }

    /// LeafNodeTBS; group and leaf index count unless the leaf comes from a key package.
    func toBeSigned(groupID: [UInt8], leaf: Int) -> [UInt8] {
        TLSWriter.build {
            encodeUnsigned(to: &$0)
            if case .keyPackage = source { return }
            $0.opaque(groupID)
            $0.uint32(UInt32(leaf))
        }
    }

    func isSignatureValid(groupID: [UInt8], leaf: Int) -> Bool {
        Suite.verify(signatureKey, "LeafNodeTBS", toBeSigned(groupID: groupID, leaf: leaf), signature)
    }
}

/// RFC 9420, section 10.
struct KeyPackage: TLSCodable, Equatable, Sendable {
    var version, cipherSuite: UInt16
    var initKey: [UInt8]
    var leaf: LeafNode
    var extensions: [Extension]
    var signature: [UInt8]

    init(initKey: [UInt8], leaf: LeafNode) {
        version = 1
        cipherSuite = Suite.id
        self.initKey = initKey
        self.leaf = leaf
        extensions = []
        signature = []
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        version = try reader.uint16()
        cipherSuite = try reader.uint16()
        initKey = try reader.opaque()
        leaf = try LeafNode(from: &reader)
        extensions = try reader.extensions()
        signature = try reader.opaque()
    }

    var toBeSigned: [UInt8] {
        TLSWriter.build {
            $0.uint16(version)
            $0.uint16(cipherSuite)
            $0.opaque(initKey)
            leaf.encode(to: &$0)
            $0.extensions(extensions)
        }
    }

    func encode(to writer: inout TLSWriter) {
        writer.raw(toBeSigned)
        writer.opaque(signature)
    }

    var reference: [UInt8] { Suite.reference("KeyPackage", encoded) }

    /// RFC 9420, section 10.1, without the lifetime, which DAVE members do not check.
    func validate() throws(MLSError) {
        guard version == 1, cipherSuite == Suite.id else { throw .refused("key package of another version or suite") }
        guard case .keyPackage = leaf.source else { throw .refused("leaf of a key package has another source") }
        guard initKey != leaf.encryptionKey else { throw .refused("init key equals encryption key") }
        guard leaf.isSignatureValid(groupID: [], leaf: 0) else { throw .unauthentic("leaf signature") }
        guard Suite.verify(leaf.signatureKey, "KeyPackageTBS", toBeSigned, signature) else {
            throw .unauthentic("key package signature")
        }
    }
}
