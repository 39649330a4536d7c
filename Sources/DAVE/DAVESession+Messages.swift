extension DAVESession {
    mutating func binary(_ opcode: UInt8, _ payload: [UInt8]) -> [DAVEAction] {
        guard payload.count <= Self.maximumPayload else { return [.note("op \(opcode) of \(payload.count) bytes")] }
        do {
            switch opcode {
            case DAVEOpcode.externalSender: return try setExternalSender(payload)
            case DAVEOpcode.proposals: return try takeProposals(payload)
            case DAVEOpcode.announceCommitTransition: return takeTransition(payload, isWelcome: false)
            case DAVEOpcode.welcome: return takeTransition(payload, isWelcome: true)
            default: return [.note("unexpected DAVE opcode \(opcode)")]
            }
        } catch {
            return [.note("op \(opcode) \(error)")]
        }
    }

    private mutating func setExternalSender(_ payload: [UInt8]) throws(MLSError) -> [DAVEAction] {
        externalSender = try ExternalSender(whole: payload)
        if group == nil { makePendingGroup() }
        return []
    }

    // MARK: Op 27

    private mutating func takeProposals(_ payload: [UInt8]) throws(MLSError) -> [DAVEAction] {
        guard let base = group ?? pending else { return [.note("proposals without a group")] }
        var reader = TLSReader(payload)
        switch try reader.uint8() {
        case 0:
            let messages = try reader.vector { (inner: inout TLSReader) throws(MLSError) in
                try PublicMessage(from: &inner)
            }
            try reader.finish()
            guard proposals.count + messages.count <= Self.maximumPending else { throw .refused("too many proposals") }
            proposals += try checked(messages, in: base)
        case 1:
            let references = try reader.vector { (inner: inout TLSReader) throws(MLSError) in try inner.opaque() }
            try reader.finish()
            for reference in references {
                guard proposals.contains(where: { $0.reference == reference }) else {
                    throw .refused("revocation of an unknown proposal")
                }
            }
            proposals.removeAll { references.contains($0.reference) }
        default: throw .malformed("proposals operation")
        }
        return try commit(from: base)
    }

    private func checked(
        _ messages: [PublicMessage], in base: Group
    ) throws(MLSError) -> [(reference: [UInt8], proposal: Proposal)] {
        var checked: [(reference: [UInt8], proposal: Proposal)] = []
        for message in messages {
            guard case .external = message.content.sender else {
                throw .refused("proposal not from the external sender")
            }
            try base.authenticate(message)
            guard case .proposal(let proposal) = message.content.body else { throw .refused("not a proposal") }
            if case .add(let package) = proposal {
                guard let user = package.leaf.credential.userID, recognized.contains(user) else {
                    throw .refused("add of a user that is not in the call")
                }
            }
            try base.validate(proposal)
            checked.append((message.proposalReference, proposal))
        }
        return checked
    }

    /// Every member answers every op 27 with a commit to all that is proposed; the gateway takes the first.
    private mutating func commit(from base: Group) throws(MLSError) -> [DAVEAction] {
        let removesUs = proposals.contains { $0.proposal == .remove(leaf: base.ownLeaf) }
        guard !proposals.isEmpty, !removesUs else { return [] }
        let own = try base.committing(proposals)
        let bytes = own.message.encoded
        ownCommits.append((bytes, own.group))
        if ownCommits.count > 16 { ownCommits.removeFirst() }
        return [.sendBinary(opcode: DAVEOpcode.commitWelcome, payload: bytes + (own.welcome?.encoded ?? []))]
    }

    // MARK: Ops 29 and 30

    private mutating func takeTransition(_ payload: [UInt8], isWelcome: Bool) -> [DAVEAction] {
        guard payload.count >= 2 else { return [.note("transition without an id")] }
        let id = UInt16(payload[0]) << 8 | UInt16(payload[1])
        let body = Array(payload.dropFirst(2))
        do {
            return isWelcome ? try takeWelcome(id, body) : try takeCommit(id, body)
        } catch {
            return recover(id, from: error)
        }
    }

    /// DAVE, "Recovery from Invalid Commit or Welcome": say so, forget the group, offer to be added again.
    private mutating func recover(_ id: UInt16, from error: MLSError) -> [DAVEAction] {
        group = nil
        pending = nil
        proposals = []
        ownCommits = []
        return [.note("transition \(id) \(error)"), .invalidCommitWelcome(transitionID: id)] + offerKeyPackage()
    }

    private mutating func takeCommit(_ id: UInt16, _ bytes: [UInt8]) throws(MLSError) -> [DAVEAction] {
        if let own = ownCommits.first(where: { $0.bytes == bytes }) {
            try own.group.checkRoster(own.group.tree)
            return adopt(own.group, transition: id)
        }
        guard let base = group else { return [.note("commit for a group that we are not in")] }
        let message = try PublicMessage(whole: bytes)
        let known = Dictionary(proposals.map { ($0.reference, $0.proposal) }, uniquingKeysWith: { $1 })
        return adopt(try base.processing(message, proposals: known), transition: id)
    }

    private mutating func takeWelcome(_ id: UInt16, _ bytes: [UInt8]) throws(MLSError) -> [DAVEAction] {
        guard group == nil else { throw .refused("welcome while in a group") }
        guard let member else { throw .refused("welcome without a key package") }
        guard let externalSender else { throw .refused("welcome without an external sender") }
        let next = try Group(joining: try Welcome(whole: bytes), as: member)
        guard next.context.groupID == groupID else { throw .refused("welcome to another group") }
        guard try next.externalSenders == [externalSender] else {
            throw .refused("welcome lists other external senders")
        }
        let strangers = next.tree.members.filter { entry in
            entry.leaf.credential.userID.map { !recognized.contains($0) } ?? true
        }
        let notes: [DAVEAction] =
            strangers.isEmpty ? [] : [.note("welcome lists \(strangers.count) users that were not announced")]
        return notes + adopt(next, transition: id)
    }
}
