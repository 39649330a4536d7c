import Crypto
import Testing

@testable import DAVE

/// Bytes that nobody honest sends. The verdict is an error, never a trap.
@Suite struct HostileTests {
    private func leaf(_ user: UInt64) throws -> LeafNode {
        try MemberKeys(userID: user, signatureKey: P256.Signing.PrivateKey()).keyPackage.leaf
    }

    private func parent(unmerged: [Int]) -> ParentNode {
        ParentNode(
            encryptionKey: Array(P256.KeyAgreement.PrivateKey().publicKey.x963Representation), parentHash: [],
            unmergedLeaves: unmerged)
    }

    /// The root is checked by way of its right child, whose own list of unmerged leaves must have been checked before.
    @Test func unmergedLeavesOutsideTheTree() throws {
        var tree = RatchetTree(leaf: try leaf(1))
        for user in UInt64(2)...4 { try tree.add(try leaf(user)) }
        tree.set(3, parent(unmerged: []))
        tree.set(5, parent(unmerged: [1_000_000]))
        let received = try RatchetTree(extensionData: tree.extensionData)
        #expect(throws: MLSError.self) { try received.validate(groupID: [0]) }
    }

    @Test func treesOfTooManyBlanks() {
        let data = TLSWriter.build { $0.opaque([UInt8](repeating: 0, count: 1 << 20)) }
        #expect(throws: MLSError.self) { try RatchetTree(extensionData: data) }
    }

    @Test func payloadsBeyondTheLimit() {
        var session = DAVESession(userID: 1, channelID: 2)
        _ = session.handle(.sessionDescription(protocolVersion: 1))
        for opcode in UInt8(0)...255 {
            let actions = session.handle(
                .binary(opcode: opcode, payload: [UInt8](repeating: 0, count: DAVESession.maximumPayload + 1)))
            #expect(actions.allSatisfy { if case .note = $0 { true } else { false } })
        }
    }

    /// The next epoch would be a number that does not exist.
    @Test(arguments: [UInt64.max - 1, UInt64.max / 2]) func welcomesToTheLastEpochs(_ epoch: UInt64) throws {
        let founder = try MemberKeys(userID: 1, signatureKey: P256.Signing.PrivateKey())
        let guest = try MemberKeys(userID: 2, signatureKey: P256.Signing.PrivateKey())
        var group = Group(creating: [0, 7], member: founder, extensions: [])
        let honest = try #require(try group.committing([([1], .add(guest.keyPackage))]).welcome)
        #expect(try Group(joining: honest, as: guest).context.epoch == 1)
        group.context.epoch = epoch
        let welcome = try #require(try group.committing([([1], .add(guest.keyPackage))]).welcome)
        #expect(throws: MLSError.self) { try Group(joining: welcome, as: guest) }
    }

    /// A commit that names one proposal twice and another not at all.
    @Test func commitsThatOnlySeemToNameEveryProposal() throws {
        var service = DAVEDeliveryService(channelID: 7)
        var alice = DAVESession(userID: 1, channelID: 7)
        let offered = alice.handle(.sessionDescription(protocolVersion: 1)).compactMap(\.sent)
        _ = try service.propose(add: [(1, try #require(offered.first).payload)])
        _ = alice.handle(.binary(opcode: DAVEOpcode.externalSender, payload: service.externalSenderPackage))
        var messages: [[UInt8]] = []
        for user in UInt64(2)...3 {
            let package = try MemberKeys(userID: user, signatureKey: P256.Signing.PrivateKey()).keyPackage.encoded
            messages += try service.propose(add: [(user, package)]).map(\.message)
        }
        _ = alice.handle(.clientsConnected([2, 3]))
        let actions = alice.handle(
            .binary(opcode: DAVEOpcode.proposals, payload: DAVEDeliveryService.append(messages)))
        let payload = try #require(actions.compactMap(\.sent).first).payload
        var reader = TLSReader(payload)
        var commit = try PublicMessage(from: &reader)
        guard case .commit(var content) = commit.content.body else { return }
        content.proposals[1] = content.proposals[0]
        commit.content.body = .commit(content)
        let forged = commit.encoded + Array(reader.rest)
        #expect(throws: DAVEDeliveryService.Refusal.self) { try service.accept(commitWelcome: forged, from: 1) }
        #expect(throws: DAVEDeliveryService.Refusal.self) { try service.accept(commitWelcome: payload, from: 9) }
        #expect(try service.accept(commitWelcome: payload, from: 1).welcomes.count == 2)
        #expect(service.members == [1, 2, 3])
    }
}
