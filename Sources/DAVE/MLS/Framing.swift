/// RFC 9420, section 12.1, as far as DAVE needs the contents; the others survive as their type.
enum Proposal: TLSCodable, Equatable, Sendable {
    case add(KeyPackage)
    case update(LeafNode)
    case remove(leaf: Int)
    case groupContextExtensions([Extension])
    case unsupported(type: UInt16)

    init(from reader: inout TLSReader) throws(MLSError) {
        switch try reader.uint16() {
        case 1: self = .add(try KeyPackage(from: &reader))
        case 2: self = .update(try LeafNode(from: &reader))
        case 3: self = .remove(leaf: Int(try reader.uint32()))
        case 7: self = .groupContextExtensions(try reader.extensions())
        case let type: throw .refused("proposal type \(type)")
        }
    }

    func encode(to writer: inout TLSWriter) {
        switch self {
        case .add(let package):
            writer.uint16(1)
            package.encode(to: &writer)
        case .update(let leaf):
            writer.uint16(2)
            leaf.encode(to: &writer)
        case .remove(let leaf):
            writer.uint16(3)
            writer.uint32(UInt32(leaf))
        case .groupContextExtensions(let extensions):
            writer.uint16(7)
            writer.extensions(extensions)
        case .unsupported(let type): writer.uint16(type)
        }
    }
}

/// RFC 9420, section 12.4.
enum ProposalOrReference: TLSCodable, Equatable, Sendable {
    case proposal(Proposal)
    case reference([UInt8])

    init(from reader: inout TLSReader) throws(MLSError) {
        switch try reader.uint8() {
        case 1: self = .proposal(try Proposal(from: &reader))
        case 2: self = .reference(try reader.opaque())
        default: throw .malformed("proposal or reference")
        }
    }

    func encode(to writer: inout TLSWriter) {
        switch self {
        case .proposal(let proposal):
            writer.uint8(1)
            proposal.encode(to: &writer)
        case .reference(let reference):
            writer.uint8(2)
            writer.opaque(reference)
        }
    }
}

/// RFC 9420, section 7.6.
struct UpdatePathNode: TLSCodable, Equatable, Sendable {
    var encryptionKey: [UInt8]
    var encryptedPathSecrets: [HPKECiphertext]

    init(encryptionKey: [UInt8], encryptedPathSecrets: [HPKECiphertext]) {
        self.encryptionKey = encryptionKey
        self.encryptedPathSecrets = encryptedPathSecrets
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        encryptionKey = try reader.opaque()
        encryptedPathSecrets = try reader.vector { (inner: inout TLSReader) throws(MLSError) in
            try HPKECiphertext(from: &inner)
        }
    }

    func encode(to writer: inout TLSWriter) {
        writer.opaque(encryptionKey)
        writer.vector(encryptedPathSecrets) { $1.encode(to: &$0) }
    }
}

/// RFC 9420, section 7.6.
struct UpdatePath: TLSCodable, Equatable, Sendable {
    var leaf: LeafNode
    var nodes: [UpdatePathNode]

    init(leaf: LeafNode, nodes: [UpdatePathNode]) {
        self.leaf = leaf
        self.nodes = nodes
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        leaf = try LeafNode(from: &reader)
        nodes = try reader.vector { (inner: inout TLSReader) throws(MLSError) in try UpdatePathNode(from: &inner) }
    }

    func encode(to writer: inout TLSWriter) {
        leaf.encode(to: &writer)
        writer.vector(nodes) { $1.encode(to: &$0) }
    }
}

/// RFC 9420, section 12.4.
struct Commit: TLSCodable, Equatable, Sendable {
    var proposals: [ProposalOrReference]
    var path: UpdatePath?

    init(proposals: [ProposalOrReference], path: UpdatePath?) {
        self.proposals = proposals
        self.path = path
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        proposals = try reader.vector { (inner: inout TLSReader) throws(MLSError) in
            try ProposalOrReference(from: &inner)
        }
        path = try reader.optional { (inner: inout TLSReader) throws(MLSError) in try UpdatePath(from: &inner) }
    }

    func encode(to writer: inout TLSWriter) {
        writer.vector(proposals) { $1.encode(to: &$0) }
        writer.optional(path) { $1.encode(to: &$0) }
    }
}

/// RFC 9420, section 6.
enum Sender: TLSCodable, Equatable, Sendable {
    case member(leaf: Int)
    case external(index: Int)
    case newMemberProposal
    case newMemberCommit

    init(from reader: inout TLSReader) throws(MLSError) {
        switch try reader.uint8() {
        case 1: self = .member(leaf: Int(try reader.uint32()))
        case 2: self = .external(index: Int(try reader.uint32()))
        case 3: self = .newMemberProposal
        case 4: self = .newMemberCommit
        default: throw .malformed("sender type")
        }
    }

    func encode(to writer: inout TLSWriter) {
        switch self {
        case .member(let leaf):
            writer.uint8(1)
            writer.uint32(UInt32(leaf))
        case .external(let index):
            writer.uint8(2)
            writer.uint32(UInt32(index))
        case .newMemberProposal: writer.uint8(3)
        case .newMemberCommit: writer.uint8(4)
        }
    }
}

/// RFC 9420, section 6.
struct FramedContent: TLSCodable, Equatable, Sendable {
    enum Body: Equatable, Sendable {
        case application([UInt8])
        case proposal(Proposal)
        case commit(Commit)
    }

    var groupID: [UInt8]
    var epoch: UInt64
    var sender: Sender
    var authenticatedData: [UInt8]
    var body: Body

    init(groupID: [UInt8], epoch: UInt64, sender: Sender, body: Body) {
        self.groupID = groupID
        self.epoch = epoch
        self.sender = sender
        self.body = body
        authenticatedData = []
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        groupID = try reader.opaque()
        epoch = try reader.uint64()
        sender = try Sender(from: &reader)
        authenticatedData = try reader.opaque()
        switch try reader.uint8() {
        case 1: body = .application(try reader.opaque())
        case 2: body = .proposal(try Proposal(from: &reader))
        case 3: body = .commit(try Commit(from: &reader))
        default: throw .malformed("content type")
        }
    }

    func encode(to writer: inout TLSWriter) {
        writer.opaque(groupID)
        writer.uint64(epoch)
        sender.encode(to: &writer)
        writer.opaque(authenticatedData)
        switch body {
        case .application(let data):
            writer.uint8(1)
            writer.opaque(data)
        case .proposal(let proposal):
            writer.uint8(2)
            proposal.encode(to: &writer)
        case .commit(let commit):
            writer.uint8(3)
            commit.encode(to: &writer)
        }
    }
}

/// MLSMessage with a PublicMessage inside (RFC 9420, sections 6 and 6.2): the only framing that DAVE uses.
struct PublicMessage: TLSCodable, Equatable, Sendable {
    private static let wireFormat: UInt16 = 1
    var content: FramedContent
    var signature: [UInt8]
    var confirmationTag: [UInt8]?
    var membershipTag: [UInt8]?

    init(content: FramedContent) {
        self.content = content
        signature = []
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        guard try reader.uint16() == 1 else { throw .malformed("MLS version") }
        guard try reader.uint16() == Self.wireFormat else { throw .malformed("wire format is not PublicMessage") }
        content = try FramedContent(from: &reader)
        signature = try reader.opaque()
        if case .commit = content.body { confirmationTag = try reader.opaque() }
        if case .member = content.sender { membershipTag = try reader.opaque() }
    }

    private func encodeAuthentication(to writer: inout TLSWriter) {
        writer.opaque(signature)
        if case .commit = content.body { writer.opaque(confirmationTag ?? []) }
    }

    func encode(to writer: inout TLSWriter) {
        writer.uint16(1)
        writer.uint16(Self.wireFormat)
        content.encode(to: &writer)
        encodeAuthentication(to: &writer)
        if case .member = content.sender { writer.opaque(membershipTag ?? []) }
    }

    /// FramedContentTBS.
    func toBeSigned(_ context: GroupContext) -> [UInt8] {
        TLSWriter.build {
            $0.uint16(1)
            $0.uint16(Self.wireFormat)
            content.encode(to: &$0)
            switch content.sender {
            case .member, .newMemberCommit: context.encode(to: &$0)
            case .external, .newMemberProposal: break
            }
        }
    }

    /// AuthenticatedContentTBM.
    func toBeAuthenticated(_ context: GroupContext) -> [UInt8] {
        TLSWriter.build {
            $0.raw(toBeSigned(context))
            encodeAuthentication(to: &$0)
        }
    }

    /// ConfirmedTranscriptHashInput.
    var transcriptInput: [UInt8] {
        TLSWriter.build {
            $0.uint16(Self.wireFormat)
            content.encode(to: &$0)
            $0.opaque(signature)
        }
    }

    /// ProposalRef: over AuthenticatedContent.
    var proposalReference: [UInt8] {
        Suite.reference(
            "Proposal",
            TLSWriter.build {
                $0.uint16(Self.wireFormat)
                content.encode(to: &$0)
                encodeAuthentication(to: &$0)
            })
    }
}

/// RFC 9420, section 8.1.
struct GroupContext: TLSCodable, Equatable, Sendable {
    var groupID: [UInt8]
    var epoch: UInt64
    var treeHash, confirmedTranscriptHash: [UInt8]
    var extensions: [Extension]

    init(groupID: [UInt8], epoch: UInt64, treeHash: [UInt8], confirmedTranscriptHash: [UInt8], extensions: [Extension])
    {
        self.groupID = groupID
        self.epoch = epoch
        self.treeHash = treeHash
        self.confirmedTranscriptHash = confirmedTranscriptHash
        self.extensions = extensions
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        guard try reader.uint16() == 1, try reader.uint16() == Suite.id else {
            throw .refused("group of another version or suite")
        }
        groupID = try reader.opaque()
        epoch = try reader.uint64()
        treeHash = try reader.opaque()
        confirmedTranscriptHash = try reader.opaque()
        extensions = try reader.extensions()
    }

    func encode(to writer: inout TLSWriter) {
        writer.uint16(1)
        writer.uint16(Suite.id)
        writer.opaque(groupID)
        writer.uint64(epoch)
        writer.opaque(treeHash)
        writer.opaque(confirmedTranscriptHash)
        writer.extensions(extensions)
    }
}
