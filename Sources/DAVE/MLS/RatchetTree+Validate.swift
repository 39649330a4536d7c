extension RatchetTree {
    /// Checks of a tree that came from outside (RFC 9420, section 12.4.3.1): leaves, parent hashes, unmerged leaves,
    /// and that no key occurs twice.
    func validate(groupID: [UInt8]) throws(MLSError) {
        var keys: Set<[UInt8]> = []
        for (index, leaf) in members {
            guard leaf.isSignatureValid(groupID: groupID, leaf: index) else {
                throw .unauthentic("signature of leaf \(index)")
            }
            guard keys.insert(leaf.encryptionKey).inserted else { throw .refused("encryption key occurs twice") }
        }
        // All lists of unmerged leaves first: resolutions, which parent hashes need, follow them.
        for node in stride(from: 1, to: nodes.count, by: 2) {
            guard let parent = parent(node) else { continue }
            guard keys.insert(parent.encryptionKey).inserted else { throw .refused("encryption key occurs twice") }
            try checkUnmerged(parent, at: node)
        }
        for node in stride(from: 1, to: nodes.count, by: 2) where parent(node) != nil {
            guard isParentHashValid(node) else { throw .refused("parent hash of node \(node) does not verify") }
        }
    }

    private func checkUnmerged(_ parent: ParentNode, at node: Int) throws(MLSError) {
        for index in parent.unmergedLeaves {
            guard leaf(index) != nil, TreeMath.contains(node, 2 * index) else {
                throw .refused("unmerged leaf \(index) is not below node \(node)")
            }
            for between in TreeMath.directPath(2 * index, leaves: leafCount).prefix(while: { $0 != node }) {
                if let parent = self.parent(between), !parent.unmergedLeaves.contains(index) {
                    throw .refused("unmerged leaf \(index) is missing at node \(between)")
                }
            }
        }
    }

    /// RFC 9420, section 7.9.2: some node in the resolution of one child carries this node's parent hash.
    private func isParentHashValid(_ node: Int) -> Bool {
        let left = TreeMath.left(node), right = TreeMath.right(node)
        return isLinked(node, child: left, sibling: right) || isLinked(node, child: right, sibling: left)
    }

    private func isLinked(_ node: Int, child: Int, sibling: Int) -> Bool {
        guard let parent = parent(node) else { return false }
        let expected = parentHash(node, sibling: sibling)
        let candidates = resolution(child)
        let unmergedBelow = Set(parent.unmergedLeaves.map { 2 * $0 }.filter { TreeMath.contains(child, $0) })
        return candidates.contains { candidate in
            parentHashCarried(by: candidate) == expected && Set(candidates.filter { $0 != candidate }) == unmergedBelow
        }
    }

    private func parentHashCarried(by node: Int) -> [UInt8]? {
        switch nodes[node] {
        case .parent(let parent): parent.parentHash
        case .leaf(let leaf):
            if case .commit(let hash) = leaf.source { hash } else { nil }
        case nil: nil
        }
    }
}
