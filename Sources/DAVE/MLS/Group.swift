import Crypto

/// One member's view of a group at one epoch (RFC 9420). A value: processing a commit makes the next one and leaves
/// this one as it was, so a refused commit costs nothing.
struct Group: Sendable {
    let signatureKey: P256.Signing.PrivateKey
    let ownLeaf: Int
    var context: GroupContext
    var tree: RatchetTree
    var secrets: EpochSecrets
    var interimTranscriptHash: [UInt8]
    /// Private keys of our leaf and of the nodes above it that we know, by node index.
    var privateKeys: [Int: P256.KeyAgreement.PrivateKey]

    /// A group of one at epoch 0 (RFC 9420, section 11).
    init(
        creating groupID: [UInt8], member: MemberKeys, extensions: [Extension],
        epochSecret: [UInt8] = Suite.random(Suite.hashLength)
    ) {
        signatureKey = member.signatureKey
        ownLeaf = 0
        tree = RatchetTree(leaf: member.keyPackage.leaf)
        context = GroupContext(
            groupID: groupID, epoch: 0, treeHash: tree.treeHash, confirmedTranscriptHash: [], extensions: extensions)
        secrets = EpochSecrets(epochSecret: epochSecret)
        interimTranscriptHash = Transcript.interim(
            confirmed: [], confirmationTag: Suite.mac(secrets.confirmationKey, []))
        privateKeys = [0: member.leafKey]
    }

    init(
        signatureKey: P256.Signing.PrivateKey, ownLeaf: Int, context: GroupContext, tree: RatchetTree,
        secrets: EpochSecrets, interimTranscriptHash: [UInt8], privateKeys: [Int: P256.KeyAgreement.PrivateKey]
    ) {
        self.signatureKey = signatureKey
        self.ownLeaf = ownLeaf
        self.context = context
        self.tree = tree
        self.secrets = secrets
        self.interimTranscriptHash = interimTranscriptHash
        self.privateKeys = privateKeys
    }

    var externalSenders: [ExternalSender] {
        get throws(MLSError) {
            guard let found = context.extensions.first(where: { $0.type == Extension.externalSenders }) else {
                return []
            }
            var reader = TLSReader(found.data)
            return try reader.vector { (inner: inout TLSReader) throws(MLSError) in try ExternalSender(from: &inner) }
        }
    }

    // MARK: Messages from outside

    /// Group, epoch, sender and signature of a message; for members also the membership tag.
    func authenticate(_ message: PublicMessage) throws(MLSError) {
        guard message.content.groupID == context.groupID else { throw .refused("message is not for this group") }
        guard message.content.epoch == context.epoch else { throw .refused("message is not for this epoch") }
        let key: [UInt8]
        switch message.content.sender {
        case .member(let index):
            guard let leaf = tree.leaf(index) else { throw .refused("sender is not a member") }
            key = leaf.signatureKey
            let expected = Suite.mac(secrets.membershipKey, message.toBeAuthenticated(context))
            guard let tag = message.membershipTag, Suite.same(tag, expected) else {
                throw .unauthentic("membership tag")
            }
        case .external(let index):
            let senders = try externalSenders
            guard senders.indices.contains(index) else { throw .refused("no such external sender") }
            key = senders[index].signatureKey
        case .newMemberProposal, .newMemberCommit: throw .refused("sender type")
        }
        guard Suite.verify(key, "FramedContentTBS", message.toBeSigned(context), message.signature) else {
            throw .unauthentic("message signature")
        }
    }

    /// A proposal on its own (RFC 9420, section 12.1).
    func validate(_ proposal: Proposal) throws(MLSError) {
        switch proposal {
        case .add(let package): try package.validate()
        case .remove(let leaf):
            guard tree.leaf(leaf) != nil else { throw .refused("proposal removes nobody") }
        case .update, .groupContextExtensions, .unsupported: throw .refused("proposal type")
        }
    }

    // MARK: Proposals

    /// The tree after `proposals`, and the leaves that were added (RFC 9420, section 12.3).
    func applying(_ proposals: [Proposal], committer: Int) throws(MLSError) -> (tree: RatchetTree, added: [Int]) {
        var next = tree
        var removed: Set<Int> = []
        for case .remove(let leaf) in proposals {
            guard leaf != committer else { throw .refused("committer removes itself") }
            guard removed.insert(leaf).inserted, tree.leaf(leaf) != nil else {
                throw .refused("proposal removes nobody")
            }
            next.remove(leaf)
        }
        var added: [Int] = []
        for proposal in proposals {
            switch proposal {
            case .add(let package):
                try package.validate()
                added.append(try next.add(package.leaf))
            case .remove: break
            case .update, .groupContextExtensions, .unsupported: throw .refused("proposal type")
            }
        }
        return (next, added)
    }

    /// DAVE: no two leaves of one user; RFC 9420, section 7.3: no key twice.
    func checkRoster(_ tree: RatchetTree) throws(MLSError) {
        var identities: Set<[UInt8]> = []
        var keys: Set<[UInt8]> = []
        for (_, leaf) in tree.members {
            guard identities.insert(leaf.credential.identity).inserted else {
                throw .refused("duplicate identity in roster")
            }
            guard keys.insert(leaf.encryptionKey).inserted, keys.insert(leaf.signatureKey).inserted else {
                throw .refused("duplicate key in roster")
            }
        }
    }

    static func needsPath(_ proposals: [Proposal]) -> Bool {
        proposals.isEmpty
            || proposals.contains { if case .add = $0 { false } else { true } }
    }

    // MARK: Next epoch

    struct Transition {
        var context: GroupContext
        var secrets: EpochSecrets
        var joinerSecret: [UInt8]
    }

    /// Key schedule of the epoch that `commit` starts (its confirmation tag plays no part yet).
    func transition(commit: PublicMessage, tree: RatchetTree, commitSecret: [UInt8]) -> Transition {
        var next = context
        next.epoch += 1
        next.treeHash = tree.treeHash
        next.confirmedTranscriptHash = Transcript.confirmed(interim: interimTranscriptHash, commit: commit)
        let joiner = KeySchedule.joinerSecret(
            initSecret: secrets.initSecret, commitSecret: commitSecret, context: next)
        return Transition(context: next, secrets: KeySchedule.epoch(joiner, context: next), joinerSecret: joiner)
    }

    func advanced(
        _ transition: Transition, tree: RatchetTree, confirmationTag: [UInt8],
        privateKeys: [Int: P256.KeyAgreement.PrivateKey]
    ) -> Group {
        Group(
            signatureKey: signatureKey, ownLeaf: ownLeaf, context: transition.context, tree: tree,
            secrets: transition.secrets,
            interimTranscriptHash: Transcript.interim(
                confirmed: transition.context.confirmedTranscriptHash, confirmationTag: confirmationTag),
            privateKeys: privateKeys)
    }

    /// Context under which path secrets travel (RFC 9420, section 12.4.1): the new tree, the old transcript.
    func provisionalContext(_ tree: RatchetTree) -> GroupContext {
        var provisional = context
        provisional.epoch += 1
        provisional.treeHash = tree.treeHash
        return provisional
    }
}

/// Keys behind one key package.
struct MemberKeys: Sendable {
    let signatureKey: P256.Signing.PrivateKey
    let leafKey: P256.KeyAgreement.PrivateKey
    let initKey: P256.KeyAgreement.PrivateKey
    let keyPackage: KeyPackage

    /// Fresh keys, and the key package that announces them.
    init(userID: UInt64, signatureKey: P256.Signing.PrivateKey) throws(MLSError) {
        self.signatureKey = signatureKey
        leafKey = P256.KeyAgreement.PrivateKey()
        initKey = P256.KeyAgreement.PrivateKey()
        var leaf = LeafNode(
            encryptionKey: Array(leafKey.publicKey.x963Representation),
            signatureKey: Array(signatureKey.publicKey.x963Representation), credential: Credential(userID: userID),
            source: .keyPackage(notBefore: 0, notAfter: .max))
        leaf.signature = try Suite.sign(signatureKey, "LeafNodeTBS", leaf.toBeSigned(groupID: [], leaf: 0))
        var package = KeyPackage(initKey: Array(initKey.publicKey.x963Representation), leaf: leaf)
        package.signature = try Suite.sign(signatureKey, "KeyPackageTBS", package.toBeSigned)
        keyPackage = package
    }

    /// Known keys, for test vectors.
    init(
        signatureKey: P256.Signing.PrivateKey, leafKey: P256.KeyAgreement.PrivateKey,
        initKey: P256.KeyAgreement.PrivateKey, keyPackage: KeyPackage
    ) {
        self.signatureKey = signatureKey
        self.leafKey = leafKey
        self.initKey = initKey
        self.keyPackage = keyPackage
    }
}
