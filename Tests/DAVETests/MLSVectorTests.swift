import Crypto
import Foundation
import Testing

@testable import DAVE

/// The working group's vectors (RFC 9420), cipher suite 2, as far as DAVE needs them.
@Suite(.enabled(if: Specs.present, Specs.absence))
struct MLSVectorTests {
    private func vectors(_ name: String) throws -> [JSON] {
        try Specs.json("mls/\(name).json").list.filter { !$0["cipher_suite"].exists || $0["cipher_suite"].int == 2 }
    }

    @Test func cryptoBasics() throws {
        let vector = try #require(try vectors("crypto-basics").first)
        let reference = vector["ref_hash"]
        // RefHash takes its label as it is; `Suite.reference` dresses it in RFC 9420's words.
        let hashed = Suite.hash(
            TLSWriter.build {
                $0.opaque(Array(reference["label"].string.utf8))
                $0.opaque(reference["value"].bytes)
            })
        #expect(hex(hashed) == reference["out"].string)
        let expand = vector["expand_with_label"]
        let expanded = Suite.expandWithLabel(
            expand["secret"].bytes, expand["label"].string, expand["context"].bytes, expand["length"].int)
        #expect(hex(expanded) == expand["out"].string)
        let derive = vector["derive_secret"]
        #expect(hex(Suite.deriveSecret(derive["secret"].bytes, derive["label"].string)) == derive["out"].string)
        let tree = vector["derive_tree_secret"]
        let treeSecret = Suite.deriveTreeSecret(
            tree["secret"].bytes, tree["label"].string, UInt32(tree["generation"].int), tree["length"].int)
        #expect(hex(treeSecret) == tree["out"].string)
        let sign = vector["sign_with_label"]
        #expect(Suite.verify(sign["pub"].bytes, sign["label"].string, sign["content"].bytes, sign["signature"].bytes))
        let signer = try P256.Signing.PrivateKey(rawRepresentation: sign["priv"].bytes)
        let own = try Suite.sign(signer, sign["label"].string, sign["content"].bytes)
        #expect(Suite.verify(sign["pub"].bytes, sign["label"].string, sign["content"].bytes, own))
        #expect(!Suite.verify(sign["pub"].bytes, "Other", sign["content"].bytes, own))
        let encrypt = vector["encrypt_with_label"]
        let opener = try P256.KeyAgreement.PrivateKey(rawRepresentation: encrypt["priv"].bytes)
        let given = HPKECiphertext(
            kemOutput: encrypt["kem_output"].bytes, ciphertext: encrypt["ciphertext"].bytes)
        let label = encrypt["label"].string, context = encrypt["context"].bytes, plain = encrypt["plaintext"].bytes
        #expect(try Suite.decrypt(opener, label, context: context, given) == plain)
        let sealed = try Suite.encrypt(encrypt["pub"].bytes, label, context: context, plain)
        #expect(try Suite.decrypt(opener, label, context: context, sealed) == plain)
    }

    @Test func variableLengths() throws {
        for vector in try vectors("deserialization") {
            var reader = TLSReader(vector["vlbytes_header"].bytes)
            #expect(try reader.length() == vector["length"].int)
            var writer = TLSWriter()
            writer.length(vector["length"].int)
            #expect(hex(writer.bytes) == vector["vlbytes_header"].string)
        }
        for bad in ["4001", "80000001", "c0", "40", "8000", ""] {
            var reader = TLSReader(hex(bad))
            #expect(throws: MLSError.self) { try reader.length() }
        }
    }

    @Test func treeMath() throws {
        for vector in try vectors("tree-math") {
            let leaves = vector["n_leaves"].int
            #expect(2 * leaves - 1 == vector["n_nodes"].int)
            #expect(TreeMath.root(leaves: leaves) == vector["root"].int)
            for node in 0..<(2 * leaves - 1) {
                if vector["left"][node].exists { #expect(TreeMath.left(node) == vector["left"][node].int) }
                if vector["right"][node].exists { #expect(TreeMath.right(node) == vector["right"][node].int) }
                guard vector["parent"][node].exists else { continue }
                #expect(TreeMath.parent(node) == vector["parent"][node].int)
                #expect(TreeMath.sibling(node) == vector["sibling"][node].int)
            }
        }
    }

    @Test func keySchedule() throws {
        let vector = try #require(try vectors("key-schedule").first)
        var initSecret = vector["initial_init_secret"].bytes
        for (epoch, entry) in vector["epochs"].list.enumerated() {
            let context = GroupContext(
                groupID: vector["group_id"].bytes, epoch: UInt64(epoch), treeHash: entry["tree_hash"].bytes,
                confirmedTranscriptHash: entry["confirmed_transcript_hash"].bytes, extensions: [])
            #expect(hex(context.encoded) == entry["group_context"].string)
            let joiner = KeySchedule.joinerSecret(
                initSecret: initSecret, commitSecret: entry["commit_secret"].bytes, context: context)
            #expect(hex(joiner) == entry["joiner_secret"].string)
            let psk = entry["psk_secret"].bytes
            #expect(hex(KeySchedule.welcomeSecret(joiner, psk: psk)) == entry["welcome_secret"].string)
            let secrets = KeySchedule.epoch(joiner, context: context, psk: psk)
            #expect(hex(secrets.initSecret) == entry["init_secret"].string)
            #expect(hex(secrets.confirmationKey) == entry["confirmation_key"].string)
            #expect(hex(secrets.membershipKey) == entry["membership_key"].string)
            #expect(hex(secrets.exporterSecret) == entry["exporter_secret"].string)
            #expect(hex(secrets.epochAuthenticator) == entry["epoch_authenticator"].string)
            let exporter = entry["exporter"]
            let exported = secrets.export(
                exporter["label"].string, context: exporter["context"].bytes, length: exporter["length"].int)
            #expect(hex(exported) == exporter["secret"].string)
            initSecret = secrets.initSecret
        }
    }

    /// AuthenticatedContent of the vector has no MLSMessage header: put one before it.
    @Test func transcriptHashes() throws {
        let vector = try #require(try vectors("transcript-hashes").first)
        let message = try PublicMessage(
            whole: [0, 1] + vector["authenticated_content"].bytes + [0])
        let confirmed = Transcript.confirmed(
            interim: vector["interim_transcript_hash_before"].bytes, commit: message)
        #expect(hex(confirmed) == vector["confirmed_transcript_hash_after"].string)
        let tag = try #require(message.confirmationTag)
        #expect(tag == Suite.mac(vector["confirmation_key"].bytes, confirmed))
        let interim = Transcript.interim(confirmed: confirmed, confirmationTag: tag)
        #expect(hex(interim) == vector["interim_transcript_hash_after"].string)
    }

    @Test func welcomeSecrets() throws {
        let vector = try #require(try vectors("welcome").first)
        let package = try KeyPackage(whole: vector["key_package"].bytes.dropFirst(4))
        let welcome = try Welcome(whole: vector["welcome"].bytes.dropFirst(4))
        let mine = try #require(welcome.secrets.first { $0.newMember == package.reference })
        let key = try P256.KeyAgreement.PrivateKey(rawRepresentation: vector["init_priv"].bytes)
        let secrets = try GroupSecrets(
            whole: try Suite.decrypt(key, "Welcome", context: welcome.encryptedGroupInfo, mine.secrets))
        let (welcomeKey, nonce) = KeySchedule.welcomeKey(secrets.joinerSecret)
        let info = try GroupInfo(whole: try Suite.open(welcomeKey, nonce: nonce, welcome.encryptedGroupInfo))
        #expect(Suite.verify(vector["signer_pub"].bytes, "GroupInfoTBS", info.toBeSigned, info.signature))
        let epoch = KeySchedule.epoch(secrets.joinerSecret, context: info.context)
        #expect(info.confirmationTag == Suite.mac(epoch.confirmationKey, info.context.confirmedTranscriptHash))
    }

    @Test func publicMessages() throws {
        let vector = try #require(try vectors("message-protection").first)
        let context = GroupContext(
            groupID: vector["group_id"].bytes, epoch: UInt64(vector["epoch"].int),
            treeHash: vector["tree_hash"].bytes,
            confirmedTranscriptHash: vector["confirmed_transcript_hash"].bytes, extensions: [])
        // The commit of this vector carries a pre-shared key by value, which DAVE does not have.
        #expect(throws: MLSError.refused("proposal type 4")) { try PublicMessage(whole: vector["commit_pub"].bytes) }
        for kind in ["proposal"] {
            let bytes = vector["\(kind)_pub"].bytes
            let message = try PublicMessage(whole: bytes)
            #expect(message.encoded == bytes)
            #expect(
                Suite.verify(
                    vector["signature_pub"].bytes, "FramedContentTBS", message.toBeSigned(context), message.signature))
            let tag = Suite.mac(vector["membership_key"].bytes, message.toBeAuthenticated(context))
            #expect(tag == message.membershipTag)
            switch message.content.body {
            case .proposal(let proposal): #expect(hex(proposal.encoded) == vector["proposal"].string)
            case .commit(let commit): #expect(hex(commit.encoded) == vector["commit"].string)
            case .application: Issue.record("wrong content")
            }
        }
    }

    /// Suite 1 differs in its keys, which these operations do not look at.
    @Test func treeOperations() throws {
        for vector in try Specs.json("mls/tree-operations.suite1.json").list {
            var tree = try RatchetTree(extensionData: vector["tree_before"].bytes)
            #expect(hex(tree.treeHash) == vector["tree_hash_before"].string)
            switch try Proposal(whole: vector["proposal"].bytes) {
            case .add(let package): try tree.add(package.leaf)
            case .update(let leaf): tree.update(vector["proposal_sender"].int, leaf)
            case .remove(let leaf): tree.remove(leaf)
            default: Issue.record("unexpected proposal")
            }
            #expect(hex(tree.extensionData) == vector["tree_after"].string)
            #expect(hex(tree.treeHash) == vector["tree_hash_after"].string)
        }
    }

    @Test func treeValidation() throws {
        for vector in try vectors("tree-validation") {
            let tree = try RatchetTree(extensionData: vector["tree"].bytes)
            #expect(tree.extensionData == vector["tree"].bytes)
            for (node, hash) in vector["tree_hashes"].list.enumerated() {
                #expect(hex(tree.treeHash(node)) == hash.string)
            }
            for (node, resolution) in vector["resolutions"].list.enumerated() {
                #expect(tree.resolution(node) == resolution.list.map(\.int))
            }
            try tree.validate(groupID: vector["group_id"].bytes)
            #expect(throws: MLSError.self) { try tree.validate(groupID: [1] + vector["group_id"].bytes) }
        }
    }

    /// The sender ratchet is DAVE's as well; the tree above it is made here from the same primitive.
    @Test func secretTree() throws {
        for vector in try vectors("secret-tree") {
            let leaves = vector["leaves"].list
            for (index, generations) in leaves.enumerated() {
                var secret = vector["encryption_secret"].bytes
                for node in TreeMath.directPath(2 * index, leaves: leaves.count).reversed() {
                    let isLeft = 2 * index < node
                    secret = Suite.expandWithLabel(secret, "tree", Array((isLeft ? "left" : "right").utf8), 32)
                }
                for kind in ["application", "handshake"] {
                    var ratchet = KeyRatchet(baseSecret: Suite.expandWithLabel(secret, kind, [], 32))
                    for entry in generations.list {
                        let key = ratchet.key(UInt32(entry["generation"].int))
                        #expect(key.map { hex($0) } == entry["\(kind)_key"].string)
                    }
                }
            }
        }
    }
}
