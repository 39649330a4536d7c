import Crypto

/// The server's side of DAVE for one call: delivery service and external sender. Pure; used by the sandbox's voice
/// gateway. It sees public messages only and can decrypt nothing.
public struct DAVEDeliveryService: Sendable {
    /// Why a client's message was not taken.
    public enum Refusal: Error, Equatable, Sendable {
        case malformed(String)
        /// Another commit came first, or the epoch is over.
        case late
        case notAMember
        case wrong(String)
    }

    /// The winning commit of an epoch.
    public struct AcceptedCommit: Sendable {
        /// Op 29 without the transition id, for members that were in the group before.
        public let commit: [UInt8]
        /// Op 30 without the transition id, for each user that was added.
        public let welcomes: [UInt64: [UInt8]]
        /// Users in the group before and after, the committer among them.
        public let staying: Set<UInt64>
    }

    private struct Pending {
        let proposal: Proposal
        let reference: [UInt8]
        let user: UInt64
        let packageReference: [UInt8]?
    }

    private let groupID: [UInt8]
    private let key = P256.Signing.PrivateKey()
    private let sender: ExternalSender
    /// Leaves of the established group; empty before the first commit.
    private var leaves: [UInt64?] = []
    private var epoch: UInt64 = 0
    private var pending: [Pending] = []
    /// Signature keys of users that were proposed, by their newest key package.
    private var signatureKeys: [UInt64: [UInt8]] = [:]

    public init(channelID: UInt64) {
        groupID = TLSWriter.build { $0.uint64(channelID) }
        sender = ExternalSender(
            signatureKey: Array(key.publicKey.x963Representation), credential: Credential(userID: 0))
    }

    /// Op 25.
    public var externalSenderPackage: [UInt8] { sender.encoded }
    public var isEstablished: Bool { !leaves.isEmpty }
    public var members: Set<UInt64> { Set(leaves.compactMap(\.self)) }
    public var hasProposals: Bool { !pending.isEmpty }

    /// Forgets the group: the next commit starts a new one at epoch 0.
    public mutating func reset() {
        leaves = []
        epoch = 0
        pending = []
        signatureKeys = [:]
    }

    // MARK: Proposals (op 27, operation "append")

    /// Checks an op 26 payload.
    public static func check(keyPackage bytes: [UInt8], of userID: UInt64) throws(Refusal) {
        do {
            let package = try KeyPackage(whole: bytes)
            try package.validate()
            guard package.leaf.credential.userID == userID else { throw Refusal.wrong("key package of another user") }
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw .malformed("\(error)")
        }
    }

    /// Op 27 payloads that propose to add `users`, for each receiver without its own package.
    public mutating func propose(
        add users: [(user: UInt64, keyPackage: [UInt8])], remove: [UInt64] = []
    ) throws(Refusal) -> [(user: UInt64?, message: [UInt8])] {
        do {
            var made: [(user: UInt64?, message: [UInt8])] = []
            for user in remove {
                guard let leaf = leaves.firstIndex(of: user) else { continue }
                made.append((nil, try sign(.remove(leaf: leaf), user: user, package: nil)))
            }
            for (user, bytes) in users {
                let package = try KeyPackage(whole: bytes)
                made.append((user, try sign(.add(package), user: user, package: package.reference)))
                signatureKeys[user] = package.leaf.signatureKey
            }
            return made
        } catch {
            throw .malformed("\(error)")
        }
    }

    /// Op 27 payload that revokes what was proposed to add `user` in this epoch (it left before it was added); nil
    /// where nothing was.
    public mutating func revoke(addOf user: UInt64) -> [UInt8]? {
        let revoked = pending.filter { $0.user == user && $0.packageReference != nil }
        guard !revoked.isEmpty else { return nil }
        pending.removeAll { $0.user == user && $0.packageReference != nil }
        return TLSWriter.build {
            $0.uint8(1)
            $0.vector(revoked) { $0.opaque($1.reference) }
        }
    }

    /// The op 27 payload with `messages`.
    public static func append(_ messages: [[UInt8]]) -> [UInt8] {
        TLSWriter.build {
            $0.uint8(0)
            $0.vector(messages) { $0.raw($1) }
        }
    }

    private mutating func sign(_ proposal: Proposal, user: UInt64, package: [UInt8]?) throws(MLSError) -> [UInt8] {
        var message = PublicMessage(
            content: FramedContent(
                groupID: groupID, epoch: epoch, sender: .external(index: 0), body: .proposal(proposal)))
        let context = GroupContext(
            groupID: groupID, epoch: epoch, treeHash: [], confirmedTranscriptHash: [], extensions: [])
        message.signature = try Suite.sign(key, "FramedContentTBS", message.toBeSigned(context))
        pending.append(
            Pending(
                proposal: proposal, reference: message.proposalReference, user: user, packageReference: package))
        return message.encoded
    }

    // MARK: Commits (op 28)

    /// Takes the first good commit of the epoch.
    public mutating func accept(commitWelcome payload: [UInt8], from userID: UInt64) throws(Refusal) -> AcceptedCommit {
        let message: PublicMessage, welcome: Welcome?, commitBytes: [UInt8]
        do {
            var reader = TLSReader(payload)
            message = try PublicMessage(from: &reader)
            commitBytes = Array(payload.prefix(reader.offset))
            welcome = reader.isAtEnd ? nil : try Welcome(from: &reader)
            try reader.finish()
        } catch {
            throw .malformed("\(error)")
        }
        guard message.content.groupID == groupID else { throw .wrong("another group") }
        guard message.content.epoch == epoch else { throw .late }
        guard case .commit(let commit) = message.content.body, case .member(let leaf) = message.content.sender else {
            throw .wrong("not a member's commit")
        }
        // A new call is started by one of those whose key packages were taken.
        let isPending = pending.contains { $0.user == userID && $0.packageReference != nil }
        let roster = isEstablished ? leaves : isPending ? [userID] : []
        guard roster.indices.contains(leaf), roster[leaf] == userID else { throw .notAMember }
        let named = try resolve(commit, from: userID)
        return try take(named, commitBytes, welcome, roster: roster)
    }

    private func resolve(_ commit: Commit, from userID: UInt64) throws(Refusal) -> [Pending] {
        guard !commit.proposals.isEmpty else { throw .wrong("commit without proposals") }
        var named: [Pending] = []
        for entry in commit.proposals {
            guard case .reference(let reference) = entry else { throw .wrong("proposal by value") }
            guard let found = pending.first(where: { $0.reference == reference }) else { throw .late }
            named.append(found)
        }
        let wanted = pending.filter { $0.user != userID || isEstablished }.map(\.reference)
        guard named.count == wanted.count, Set(named.map(\.reference)) == Set(wanted) else { throw .late }
        try checkLeaf(commit.path?.leaf, of: userID)
        return named
    }

    /// DAVE, "Voice Gateway Commit Validity": a path may change neither credential nor signature key of its leaf.
    private func checkLeaf(_ leaf: LeafNode?, of userID: UInt64) throws(Refusal) {
        guard let leaf else { return }
        guard leaf.credential == Credential(userID: userID) else { throw .wrong("path changes the credential") }
        guard let known = signatureKeys[userID] else { return }
        guard leaf.signatureKey == known else { throw .wrong("path changes the signature key") }
    }

    private mutating func take(
        _ named: [Pending], _ commit: [UInt8], _ welcome: Welcome?, roster: [UInt64?]
    ) throws(Refusal) -> AcceptedCommit {
        var next = roster
        for case .remove(let leaf) in named.map(\.proposal) { next[leaf] = nil }
        while next.count > 1, next[(next.count / 2)...].allSatisfy({ $0 == nil }) { next.removeLast(next.count / 2) }
        var welcomes: [UInt64: [UInt8]] = [:]
        for entry in named {
            guard case .add = entry.proposal, let reference = entry.packageReference else { continue }
            guard let welcome, welcome.secrets.contains(where: { $0.newMember == reference }) else {
                throw .wrong("welcome lacks a new member")
            }
            welcomes[entry.user] = welcome.trimmed(to: reference).encoded
            if let free = next.firstIndex(of: nil) {
                next[free] = entry.user
            } else {
                next.append(entry.user)
                next += Array(repeating: nil, count: next.count - 2)
            }
        }
        let before = Set(roster.compactMap(\.self))
        leaves = next
        epoch += 1
        pending = []
        return AcceptedCommit(
            commit: commit, welcomes: welcomes, staying: before.intersection(members).subtracting(welcomes.keys))
    }
}
