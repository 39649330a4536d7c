import Crypto

extension Group {
    /// The group after somebody else's commit (RFC 9420, section 12.4.2).
    ///
    /// - Parameter proposals: what was proposed in this epoch, by reference.
    func processing(
        _ message: PublicMessage, proposals: [[UInt8]: Proposal]
    ) throws(MLSError) -> Group {
        try authenticate(message)
        guard case .commit(let commit) = message.content.body, case .member(let committer) = message.content.sender,
            committer != ownLeaf, let confirmationTag = message.confirmationTag
        else { throw .refused("not a commit of another member") }
        let resolved = try resolve(commit.proposals, in: proposals)
        guard commit.path != nil || !Self.needsPath(resolved) else { throw .refused("commit lacks a path") }
        var (next, added) = try applying(resolved, committer: committer)
        guard next.leaf(ownLeaf) == tree.leaf(ownLeaf) else { throw .refused("commit removes us") }

        var keys = privateKeys.filter { next.nodes.indices.contains($0.key) && next.nodes[$0.key] != nil }
        var commitSecret = [UInt8](repeating: 0, count: Suite.hashLength)
        if let path = commit.path {
            try apply(path, from: committer, to: &next)
            commitSecret = try openPath(path, from: committer, in: next, added: added, keys: &keys)
        }
        try checkRoster(next)
        let transition = transition(commit: message, tree: next, commitSecret: commitSecret)
        let expected = Suite.mac(
            transition.secrets.confirmationKey, transition.context.confirmedTranscriptHash)
        guard Suite.same(expected, confirmationTag) else { throw .unauthentic("confirmation tag") }
        return advanced(transition, tree: next, confirmationTag: confirmationTag, privateKeys: keys)
    }

    private func resolve(
        _ list: [ProposalOrReference], in proposals: [[UInt8]: Proposal]
    ) throws(MLSError) -> [Proposal] {
        var resolved: [Proposal] = []
        for entry in list {
            guard case .reference(let reference) = entry else { throw .refused("commit carries a proposal by value") }
            guard let proposal = proposals[reference] else { throw .refused("commit names an unknown proposal") }
            resolved.append(proposal)
        }
        return resolved
    }

    /// Puts the public part of an update path into `tree` and checks it (RFC 9420, sections 7.5 and 7.9.2).
    func apply(_ path: UpdatePath, from committer: Int, to tree: inout RatchetTree) throws(MLSError) {
        guard case .commit(let parentHash) = path.leaf.source else {
            throw .refused("leaf of a path has another source")
        }
        guard path.leaf.isSignatureValid(groupID: context.groupID, leaf: committer) else {
            throw .unauthentic("signature of a path's leaf")
        }
        let known = Set(tree.nodes.indices.compactMap { tree.publicKey($0) })
        let fresh = [path.leaf.encryptionKey] + path.nodes.map(\.encryptionKey)
        guard Set(fresh).count == fresh.count, known.isDisjoint(with: fresh) else {
            throw .refused("path reuses a key")
        }
        let expected = try tree.merge(path.nodes.map(\.encryptionKey), from: committer)
        guard parentHash == expected else { throw .refused("commit path has an invalid parent hash") }
        tree.setLeaf(committer, path.leaf)
    }

    /// Finds the path secret that is meant for us, derives the keys above, and returns the commit secret.
    func openPath(
        _ path: UpdatePath, from committer: Int, in tree: RatchetTree, added: [Int],
        keys: inout [Int: P256.KeyAgreement.PrivateKey]
    ) throws(MLSError) -> [UInt8] {
        let filtered = tree.filteredDirectPath(committer)
        guard let place = filtered.firstIndex(where: { TreeMath.contains($0.copath, 2 * ownLeaf) }) else {
            throw .refused("path does not reach us")
        }
        let fresh = Set(added.map { 2 * $0 })
        let receivers = tree.resolution(filtered[place].copath).filter { !fresh.contains($0) }
        let sealed = path.nodes[place].encryptedPathSecrets
        guard sealed.count == receivers.count else { throw .refused("path has a wrong number of secrets") }
        guard let mine = receivers.firstIndex(where: { keys[$0] != nil }), let key = keys[receivers[mine]] else {
            throw .refused("path has no secret for us")
        }
        let secret = try Suite.decrypt(
            key, "UpdatePathNode", context: provisionalContext(tree).encoded, sealed[mine])
        return try Self.derive(secret, along: filtered[place...].map(\.node), in: tree, keys: &keys)
    }

    /// Keys of `nodes` from a path secret, checked against the tree; returns the secret after the last one.
    static func derive(
        _ pathSecret: [UInt8], along nodes: [Int], in tree: RatchetTree,
        keys: inout [Int: P256.KeyAgreement.PrivateKey]
    ) throws(MLSError) -> [UInt8] {
        var secret = pathSecret
        for node in nodes {
            let key = try Suite.deriveKeyPair(Suite.deriveSecret(secret, "node"))
            guard tree.publicKey(node) == Array(key.publicKey.x963Representation) else {
                throw .refused("path secret does not match node \(node)")
            }
            keys[node] = key
            secret = Suite.deriveSecret(secret, "path")
        }
        return secret
    }
}

extension RatchetTree {
    /// Sets fresh public keys along the filtered direct path of `leaf`, blanks the rest of its direct path, and returns
    /// the parent hash that the leaf must carry.
    mutating func merge(_ keys: [[UInt8]], from leaf: Int) throws(MLSError) -> [UInt8] {
        let path = filteredDirectPath(leaf)
        guard path.count == keys.count else { throw .refused("path has a wrong number of nodes") }
        blankDirectPath(leaf)
        var hash: [UInt8] = []
        for (step, key) in zip(path, keys).reversed() {
            set(step.node, ParentNode(encryptionKey: key, parentHash: hash, unmergedLeaves: []))
            hash = parentHash(step.node, sibling: step.copath)
        }
        return hash
    }
}
