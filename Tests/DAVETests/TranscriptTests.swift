import Testing

@testable import DAVE

/// Replays of calls between Discord's own library, davey and a member whose keys are known.
struct TranscriptTests {
    /// Every user that a scenario ever names.
    private func users(_ scenario: JSON) -> [UInt64] {
        var found: Set<UInt64> = []
        for event in scenario["events"].list {
            for proposal in event["proposals"].optionalList where proposal["user_id"].exists {
                found.insert(proposal["user_id"].uint64)
            }
            for member in event["members"].optionalList { found.insert(member["user_id"].uint64) }
        }
        return Array(found)
    }

    private func session(_ scenario: JSON) throws -> DAVESession {
        var session = DAVESession(
            userID: scenario["observer"]["user_id"].uint64, channelID: scenario["channel_id"].uint64,
            member: try memberKeys(scenario["observer"]))
        _ = session.handle(.clientsConnected(users(scenario)))
        let actions = session.handle(.sessionDescription(protocolVersion: 1))
        #expect(actions.compactMap(\.sent).map(\.opcode) == [DAVEOpcode.keyPackage])
        #expect(actions.compactMap(\.sent).first?.payload == scenario["observer"]["key_package"].bytes)
        return session
    }

    private func replay(_ scenario: JSON) throws -> Int {
        var session = try session(scenario)
        var epochs = 0
        for event in scenario["events"].list {
            switch event["dir"].string {
            case "server_to_client":
                let binary = event["binary"].bytes
                let actions = session.handle(.binary(opcode: binary[2], payload: Array(binary.dropFirst(3))))
                #expect(!actions.contains { $0.isInvalid }, "\(scenario["name"].string): \(actions)")
                for id in actions.compactMap(\.ready) { _ = session.handle(.executeTransition(id: id)) }
            case "expect":
                try check(session, event)
                epochs += 1
            default: break
            }
        }
        return epochs
    }

    private func check(_ session: DAVESession, _ event: JSON) throws {
        let group = try #require(session.group)
        #expect(group.context.epoch == event["epoch"].uint64)
        #expect(group.ownLeaf == event["own_leaf_index"].int)
        #expect(hex(group.secrets.epochAuthenticator) == event["epoch_authenticator"].string)
        #expect(session.voicePrivacyCode == event["voice_privacy_code_30x5"].string)
        #expect(hex(group.context.encoded) == event["group_context"].string)
        #expect(hex(group.tree.treeHash) == event["tree_hash"].string)
        #expect(hex(group.interimTranscriptHash) == event["interim_transcript_hash"].string)
        #expect(hex(group.secrets.exporterSecret) == event["exporter_secret"].string)
        if let tree = event["ratchet_tree_extension"].optionalString { #expect(hex(group.tree.extensionData) == tree) }
        for user in event["sender_base_secrets"].keys {
            let secret = KeyRatchet.baseSecret(of: UInt64(user) ?? 0, in: group.secrets)
            #expect(hex(secret) == event["sender_base_secrets"][user].string)
        }
        for frame in event["frames"].optionalList {
            var decryptor = FrameDecryptor()
            let secret = KeyRatchet.baseSecret(of: frame["sender"].uint64, in: group.secrets)
            decryptor.install(KeyRatchet(baseSecret: secret), now: 0)
            #expect(try decryptor.decrypt(frame["frame"].bytes, now: 0) == frame["plaintext"].bytes)
        }
    }

    @Test func shortTranscripts() throws {
        let scenarios = try Fixtures.json("transcripts.json").list
        #expect(scenarios.count == 5)
        for scenario in scenarios { #expect(try replay(scenario) > 0) }
    }

    @Test func longTranscript() throws {
        let file = try Fixtures.json("transcript-long.json")
        let scenario = file.optionalList.first ?? file
        #expect(try replay(scenario) >= 60)
    }

    @Test func theObserverCreatesTheGroup() throws {
        let file = try Fixtures.json("observer-creates.json")
        let scenario = file.optionalList.first ?? file
        var session = try session(scenario)
        var commits = [scenario["own_commit"]] + scenario["later_own_commits"].optionalList
        replay: for event in scenario["events"].list where event["dir"].string != "client_to_server" {
            if event["dir"].string == "expect" {
                try check(session, event)
                continue
            }
            let binary = event["binary"].bytes
            let payload = Array(binary.dropFirst(3))
            if binary[2] == DAVEOpcode.announceCommitTransition {
                let own = commits.removeFirst()
                guard try takeOwn(own, in: &session, scenario, payload) else { break replay }
                continue
            }
            let actions = session.handle(.binary(opcode: binary[2], payload: payload))
            #expect(
                actions.compactMap(\.sent).map(\.opcode)
                    == (binary[2] == DAVEOpcode.proposals ? [DAVEOpcode.commitWelcome] : []))
        }
        #expect(session.group?.context.epoch == 2, "the first two commits have no path")
    }

    /// The recorded commit was made with randomness that we do not have: put its outcome in place of our own commit.
    private func takeOwn(_ own: JSON, in session: inout DAVESession, _ scenario: JSON, _ payload: [UInt8]) throws
        -> Bool
    {
        let bytes = Array(payload.dropFirst(2))
        #expect(bytes == own["commit"].bytes)
        let message = try PublicMessage(whole: bytes)
        let member = try memberKeys(scenario["observer"])
        let sender = try #require(session.externalSender)
        let base =
            session.group
            ?? Group(
                creating: session.groupID, member: member, extensions: [sender.groupExtension],
                epochSecret: scenario["epoch0"]["epoch_secret"].bytes)
        guard case .commit(let commit) = message.content.body, commit.path == nil else {
            // A path's private keys are the committer's alone; what follows needs them, so the replay ends here.
            return false
        }
        if session.group == nil { #expect(hex(base.context.encoded) == scenario["epoch0"]["group_context"].string) }
        let proposals = session.proposals.map(\.proposal)
        let (tree, _) = try base.applying(proposals, committer: base.ownLeaf)
        let transition = base.transition(commit: message, tree: tree, commitSecret: [UInt8](repeating: 0, count: 32))
        let tag = Suite.mac(transition.secrets.confirmationKey, transition.context.confirmedTranscriptHash)
        #expect(tag == message.confirmationTag, "the confirmation tag proves the key schedule")
        session.ownCommits.append(
            (bytes, base.advanced(transition, tree: tree, confirmationTag: tag, privateKeys: base.privateKeys)))
        let actions = session.handle(.binary(opcode: DAVEOpcode.announceCommitTransition, payload: payload))
        for id in actions.compactMap(\.ready) { _ = session.handle(.executeTransition(id: id)) }
        return true
    }

    @Test func hostileMessagesGetLibdavesVerdict() throws {
        let cases = try Fixtures.json("negative-cases.json").list
        #expect(cases.count == 38)
        for entry in cases {
            var session = try session(entry)
            _ = session.handle(.clientsConnected(entry["recognized_user_ids"].optionalList.map(\.uint64)))
            for user in users(entry) where !entry["recognized_user_ids"].optionalList.map(\.uint64).contains(user) {
                _ = session.handle(.clientDisconnected(user))
            }
            for event in entry["events"].list where event["dir"].string == "server_to_client" {
                let binary = event["binary"].bytes
                _ = session.handle(.binary(opcode: binary[2], payload: Array(binary.dropFirst(3))))
            }
            let binary = entry["message"]["binary"].bytes
            let actions = session.handle(.binary(opcode: binary[2], payload: Array(binary.dropFirst(3))))
            let verdict = entry["verdicts"]["libdave"].string
            let name = "\(entry["kind"].string) \(entry["name"].string): \(verdict); we: \(actions)"
            if entry["kind"].string == "proposals" {
                #expect(
                    actions.contains { $0.sent?.opcode == DAVEOpcode.commitWelcome } == (verdict == "commit"), "\(name)"
                )
                #expect(!actions.contains { $0.isInvalid }, "\(name)")
            } else {
                #expect(actions.contains { $0.isInvalid } == (verdict != "accepted"), "\(name)")
                #expect((session.group != nil) == (verdict == "accepted"), "\(name)")
            }
        }
    }
}
