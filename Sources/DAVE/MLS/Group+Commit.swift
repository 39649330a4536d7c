import Crypto

extension Group {
    /// A commit of our own, and the group as it will be if the gateway picks it.
    struct OwnCommit: Sendable {
        let message: PublicMessage
        let welcome: Welcome?
        let group: Group
    }

    /// Commits to `proposals`, all by reference (RFC 9420, section 12.4.1).
    func committing(_ proposals: [(reference: [UInt8], proposal: Proposal)]) throws(MLSError) -> OwnCommit {
        let list = proposals.map(\.proposal)
        var (next, added) = try applying(list, committer: ownLeaf)
        var keys = privateKeys.filter { next.nodes.indices.contains($0.key) && next.nodes[$0.key] != nil }
        let path = Self.needsPath(list) ? try makePath(in: &next, added: added, keys: &keys) : nil
        let commit = Commit(proposals: proposals.map { .reference($0.reference) }, path: path?.path)
        var message = PublicMessage(
            content: FramedContent(
                groupID: context.groupID, epoch: context.epoch, sender: .member(leaf: ownLeaf), body: .commit(commit)))
        message.signature = try Suite.sign(signatureKey, "FramedContentTBS", message.toBeSigned(context))
        let transition = transition(
            commit: message, tree: next,
            commitSecret: path?.commitSecret ?? [UInt8](repeating: 0, count: Suite.hashLength))
        let tag = Suite.mac(transition.secrets.confirmationKey, transition.context.confirmedTranscriptHash)
        message.confirmationTag = tag
        message.membershipTag = Suite.mac(secrets.membershipKey, message.toBeAuthenticated(context))
        let packages = list.compactMap { proposal -> KeyPackage? in
            if case .add(let package) = proposal { package } else { nil }
        }
        let welcome = try makeWelcome(
            for: Array(zip(packages, added)), tree: next, transition: transition, tag: tag, path: path)
        return OwnCommit(
            message: message, welcome: welcome,
            group: advanced(transition, tree: next, confirmationTag: tag, privateKeys: keys))
    }

    private struct FreshPath {
        let path: UpdatePath
        let commitSecret: [UInt8]
        /// Path secret of each node on the filtered direct path.
        let secrets: [Int: [UInt8]]
    }

    private func makePath(
        in tree: inout RatchetTree, added: [Int], keys: inout [Int: P256.KeyAgreement.PrivateKey]
    ) throws(MLSError) -> FreshPath {
        let filtered = tree.filteredDirectPath(ownLeaf)
        var secret = Suite.random(Suite.hashLength)
        var secrets: [Int: [UInt8]] = [:]
        var publicKeys: [[UInt8]] = []
        for step in filtered {
            let key = try Suite.deriveKeyPair(Suite.deriveSecret(secret, "node"))
            secrets[step.node] = secret
            keys[step.node] = key
            publicKeys.append(Array(key.publicKey.x963Representation))
            secret = Suite.deriveSecret(secret, "path")
        }
        let leafKey = P256.KeyAgreement.PrivateKey()
        let parentHash = try tree.merge(publicKeys, from: ownLeaf)
        let leaf = try freshLeaf(leafKey, parentHash: parentHash)
        tree.setLeaf(ownLeaf, leaf)
        keys[2 * ownLeaf] = leafKey

        let provisional = provisionalContext(tree).encoded
        let fresh = Set(added.map { 2 * $0 })
        var nodes: [UpdatePathNode] = []
        for (step, publicKey) in zip(filtered, publicKeys) {
            var sealed: [HPKECiphertext] = []
            for receiver in tree.resolution(step.copath) where !fresh.contains(receiver) {
                guard let key = tree.publicKey(receiver), let secret = secrets[step.node] else { continue }
                sealed.append(try Suite.encrypt(key, "UpdatePathNode", context: provisional, secret))
            }
            nodes.append(UpdatePathNode(encryptionKey: publicKey, encryptedPathSecrets: sealed))
        }
        return FreshPath(path: UpdatePath(leaf: leaf, nodes: nodes), commitSecret: secret, secrets: secrets)
    }

    private func freshLeaf(
        _ key: P256.KeyAgreement.PrivateKey, parentHash: [UInt8]
    ) throws(MLSError) -> LeafNode {
        guard var leaf = tree.leaf(ownLeaf) else { throw .refused("we are not a member") }
        leaf.encryptionKey = Array(key.publicKey.x963Representation)
        leaf.source = .commit(parentHash: parentHash)
        leaf.signature = try Suite.sign(
            signatureKey, "LeafNodeTBS", leaf.toBeSigned(groupID: context.groupID, leaf: ownLeaf))
        return leaf
    }

    /// RFC 9420, section 12.4.3.1, with the ratchet tree inside, as DAVE asks.
    private func makeWelcome(
        for newMembers: [(package: KeyPackage, leaf: Int)], tree: RatchetTree, transition: Transition, tag: [UInt8],
        path: FreshPath?
    ) throws(MLSError) -> Welcome? {
        guard !newMembers.isEmpty else { return nil }
        var info = GroupInfo(
            context: transition.context,
            extensions: [Extension(type: Extension.ratchetTree, data: tree.extensionData)], confirmationTag: tag,
            signer: ownLeaf)
        info.signature = try Suite.sign(signatureKey, "GroupInfoTBS", info.toBeSigned)
        let (key, nonce) = KeySchedule.welcomeKey(transition.joinerSecret)
        let sealedInfo = try Suite.seal(key, nonce: nonce, info.encoded)
        let filtered = path == nil ? [] : tree.filteredDirectPath(ownLeaf)
        var secrets: [Welcome.EncryptedGroupSecrets] = []
        for (package, leaf) in newMembers {
            let common = filtered.first { TreeMath.contains($0.copath, 2 * leaf) }
            let content = GroupSecrets(
                joinerSecret: transition.joinerSecret, pathSecret: common.flatMap { path?.secrets[$0.node] })
            secrets.append(
                Welcome.EncryptedGroupSecrets(
                    newMember: package.reference,
                    secrets: try Suite.encrypt(package.initKey, "Welcome", context: sealedInfo, content.encoded)))
        }
        return Welcome(secrets: secrets, encryptedGroupInfo: sealedInfo)
    }
}
