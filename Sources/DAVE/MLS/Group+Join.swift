import Crypto

extension Group {
    /// Joins by a Welcome (RFC 9420, section 12.4.3.1).
    ///
    /// - Parameter outsideTree: ratchet_tree extension data where the Welcome does not carry it (DAVE's always does).
    init(joining welcome: Welcome, as member: MemberKeys, outsideTree: [UInt8]? = nil) throws(MLSError) {
        let reference = member.keyPackage.reference
        guard let sealed = welcome.secrets.first(where: { $0.newMember == reference }) else {
            throw .refused("welcome is not intended for our key package")
        }
        let secrets = try GroupSecrets(
            whole: try Suite.decrypt(
                member.initKey, "Welcome", context: welcome.encryptedGroupInfo, sealed.secrets))
        let (key, nonce) = KeySchedule.welcomeKey(secrets.joinerSecret)
        let info = try GroupInfo(whole: try Suite.open(key, nonce: nonce, welcome.encryptedGroupInfo))
        let inlineTree = info.extensions.first { $0.type == Extension.ratchetTree }?.data
        guard let treeData = inlineTree ?? outsideTree else { throw .refused("welcome without a ratchet tree") }
        let tree = try RatchetTree(extensionData: treeData)
        try Self.check(info, tree)
        // Epochs are counted up from here, and no honest group comes anywhere near the end of the numbers.
        guard info.context.epoch < 1 << 63 else { throw .refused("welcome to an epoch without successors") }

        guard let own = tree.members.first(where: { $0.leaf == member.keyPackage.leaf })?.index else {
            throw .refused("our leaf is not in the tree")
        }
        var keys = [2 * own: member.leafKey]
        if let pathSecret = secrets.pathSecret {
            let path = tree.filteredDirectPath(info.signer)
            guard let place = path.firstIndex(where: { TreeMath.contains($0.copath, 2 * own) }) else {
                throw .refused("path secret without a common ancestor")
            }
            _ = try Self.derive(pathSecret, along: path[place...].map(\.node), in: tree, keys: &keys)
        }
        let epoch = KeySchedule.epoch(secrets.joinerSecret, context: info.context)
        guard
            Suite.same(Suite.mac(epoch.confirmationKey, info.context.confirmedTranscriptHash), info.confirmationTag)
        else { throw .unauthentic("confirmation tag") }
        self.init(
            signatureKey: member.signatureKey, ownLeaf: own, context: info.context, tree: tree, secrets: epoch,
            interimTranscriptHash: Transcript.interim(
                confirmed: info.context.confirmedTranscriptHash, confirmationTag: info.confirmationTag),
            privateKeys: keys)
        try checkRoster(tree)
    }

    private static func check(_ info: GroupInfo, _ tree: RatchetTree) throws(MLSError) {
        guard tree.treeHash == info.context.treeHash else { throw .refused("tree does not match the group") }
        guard let signer = tree.leaf(info.signer) else { throw .refused("group info is signed by nobody") }
        guard Suite.verify(signer.signatureKey, "GroupInfoTBS", info.toBeSigned, info.signature) else {
            throw .unauthentic("group info signature")
        }
        try tree.validate(groupID: info.context.groupID)
    }
}
