import Crypto
import Testing

@testable import DAVE

/// Whole groups from the working group's vectors: TreeKEM, joining by Welcome, following commits, decoding messages.
@Suite(.enabled(if: Specs.present, Specs.absence))
struct MLSGroupVectorTests {
    /// `header`: bytes of the MLSMessage around the structure.
    private func member(_ vector: JSON, header: Int = 4) throws -> MemberKeys {
        MemberKeys(
            signatureKey: try P256.Signing.PrivateKey(rawRepresentation: vector["signature_priv"].bytes),
            leafKey: try P256.KeyAgreement.PrivateKey(rawRepresentation: vector["encryption_priv"].bytes),
            initKey: try P256.KeyAgreement.PrivateKey(rawRepresentation: vector["init_priv"].bytes),
            keyPackage: try KeyPackage(whole: vector["key_package"].bytes.dropFirst(header)))
    }

    @Test(arguments: [
        "passive-client-welcome", "passive-interop-external_proposals", "passive-interop-commit",
        "passive-interop-welcome_join",
    ])
    func passiveClients(_ name: String) throws {
        let subset = try Specs.json("mls/dave-subset.json")["\(name).json"].list.map(\.int)
        let vectors = try Specs.json("mls/\(name).json").list
        #expect(!subset.isEmpty)
        for index in subset {
            let vector = vectors[index]
            var group = try Group(
                joining: try Welcome(whole: vector["welcome"].bytes.dropFirst(4)), as: try member(vector),
                outsideTree: vector["ratchet_tree"].optionalString.map { hex($0) })
            #expect(hex(group.secrets.epochAuthenticator) == vector["initial_epoch_authenticator"].string)
            for epoch in vector["epochs"].list {
                var known: [[UInt8]: Proposal] = [:]
                for bytes in epoch["proposals"].list {
                    let message = try PublicMessage(whole: bytes.bytes)
                    try group.authenticate(message)
                    guard case .proposal(let proposal) = message.content.body else { continue }
                    known[message.proposalReference] = proposal
                }
                group = try group.processing(try PublicMessage(whole: epoch["commit"].bytes), proposals: known)
                #expect(hex(group.secrets.epochAuthenticator) == epoch["epoch_authenticator"].string, "\(index)")
            }
        }
    }

    @Test func treeKEM() throws {
        for vector in try Specs.json("mls/treekem.json").list where vector["cipher_suite"].int == 2 {
            for owner in vector["leaves_private"].list {
                let group = try member(of: vector, owner)
                for update in vector["update_paths"].list where update["sender"].int != group.ownLeaf {
                    var tree = group.tree
                    var keys = group.privateKeys
                    let path = try UpdatePath(whole: update["update_path"].bytes)
                    try group.apply(path, from: update["sender"].int, to: &tree)
                    #expect(hex(tree.treeHash) == update["tree_hash_after"].string)
                    let secret = try group.openPath(path, from: update["sender"].int, in: tree, added: [], keys: &keys)
                    #expect(hex(secret) == update["commit_secret"].string)
                }
            }
        }
    }

    private func member(of vector: JSON, _ owner: JSON) throws -> Group {
        let tree = try RatchetTree(extensionData: vector["ratchet_tree"].bytes)
        let index = owner["index"].int
        var keys = [
            2 * index: try P256.KeyAgreement.PrivateKey(rawRepresentation: owner["encryption_priv"].bytes)
        ]
        for entry in owner["path_secrets"].list {
            _ = try Group.derive(entry["path_secret"].bytes, along: [entry["node"].int], in: tree, keys: &keys)
        }
        // The vector's epoch is the one after the path.
        let context = GroupContext(
            groupID: vector["group_id"].bytes, epoch: vector["epoch"].uint64 - 1, treeHash: tree.treeHash,
            confirmedTranscriptHash: vector["confirmed_transcript_hash"].bytes, extensions: [])
        return Group(
            signatureKey: try P256.Signing.PrivateKey(rawRepresentation: owner["signature_priv"].bytes),
            ownLeaf: index, context: context, tree: tree, secrets: EpochSecrets(epochSecret: [0]),
            interimTranscriptHash: [], privateKeys: keys)
    }

    private func roundTrip<Value: TLSCodable>(_ type: Value.Type, _ bytes: [UInt8]) throws {
        #expect(try Value(whole: bytes).encoded == bytes, "\(type)")
        for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 300)) {
            #expect(throws: MLSError.self) { try Value(whole: bytes.prefix(length)) }
        }
    }

    /// What DAVE uses comes back as it was; what DAVE does not use is refused by name.
    @Test func messagesDecode() throws {
        var whole = 0, refused = 0
        for vector in try Specs.json("mls/messages.json").list {
            try roundTrip(KeyPackage.self, Array(vector["mls_key_package"].bytes.dropFirst(4)))
            try roundTrip(Proposal.self, [0, 1] + vector["add_proposal"].bytes)
            try roundTrip(Proposal.self, [0, 2] + vector["update_proposal"].bytes)
            try roundTrip(Proposal.self, [0, 3] + vector["remove_proposal"].bytes)
            let tree = try RatchetTree(extensionData: vector["ratchet_tree"].bytes)
            #expect(tree.extensionData == vector["ratchet_tree"].bytes)
            for kind in ["public_message_application", "public_message_proposal", "public_message_commit"] {
                do {
                    #expect(try PublicMessage(whole: vector[kind].bytes).encoded == vector[kind].bytes)
                    whole += 1
                } catch MLSError.refused {
                    refused += 1
                }
            }
            #expect(throws: MLSError.self) { try PublicMessage(whole: vector["private_message"].bytes) }
        }
        #expect(whole >= 60 && whole + refused == 180)
    }

    @Test func hpkeBase() throws {
        for vector in try Specs.json("crypto/hpke-p256-sha256-aes128gcm.json").list where vector["mode"].int == 0 {
            let key = try Suite.deriveKeyPair(vector["ikmR"].bytes)
            #expect(hex(Array(key.rawRepresentation)) == vector["skRm"].string)
            #expect(hex(Array(key.publicKey.x963Representation)) == vector["pkRm"].string)
            #expect(
                hex(Array(try Suite.deriveKeyPair(vector["ikmE"].bytes).rawRepresentation)) == vector["skEm"].string)
            var recipient = try HPKE.Recipient(
                privateKey: key, ciphersuite: Suite.hpke, info: .init(vector["info"].bytes),
                encapsulatedKey: .init(vector["enc"].bytes))
            // The list skips sequence numbers after the first ones; those in between cannot be opened out of order.
            for (sequence, entry) in vector["encryptions"].list.enumerated() where entry["seq"].int == sequence {
                let opened = try recipient.open(entry["ct"].bytes, authenticating: entry["aad"].bytes)
                #expect(hex(Array(opened)) == entry["pt"].string)
            }
            for entry in vector["exports"].list {
                let secret = try recipient.exportSecret(
                    context: entry["exporter_context"].bytes, outputByteCount: entry["L"].int)
                #expect(hex(secret.withUnsafeBytes { Array($0) }) == entry["exported_value"].string)
            }
        }
    }
}
