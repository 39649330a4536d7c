import Crypto
import Testing

@testable import DAVE

@Suite struct SessionTests {
    /// Two of our own clients in an established call.
    private func call() throws -> (alice: DAVESession, bob: DAVESession) {
        let (alice, bob, _) = try group()
        return (alice, bob)
    }

    private func group() throws -> (alice: DAVESession, bob: DAVESession, service: DAVEDeliveryService) {
        var service = DAVEDeliveryService(channelID: 5)
        var alice = DAVESession(userID: 1, channelID: 5), bob = DAVESession(userID: 2, channelID: 5)
        let first = alice.handle(.sessionDescription(protocolVersion: 1)).compactMap(\.sent)
        let second = bob.handle(.sessionDescription(protocolVersion: 1)).compactMap(\.sent)
        let sender = DAVEEvent.binary(opcode: DAVEOpcode.externalSender, payload: service.externalSenderPackage)
        _ = (alice.handle(sender), bob.handle(sender), alice.handle(.clientsConnected([2])))
        let messages = try service.propose(
            add: [(1, try #require(first.first).payload), (2, try #require(second.first).payload)])
        let answer = alice.handle(
            .binary(
                opcode: DAVEOpcode.proposals,
                payload: DAVEDeliveryService.append(messages.filter { $0.user == 2 }.map(\.message))))
        let accepted = try service.accept(
            commitWelcome: try #require(answer.compactMap(\.sent).first).payload, from: 1)
        let welcome = try #require(accepted.welcomes[2])
        _ = alice.handle(.binary(opcode: DAVEOpcode.announceCommitTransition, payload: [0, 0] + accepted.commit))
        _ = bob.handle(.binary(opcode: DAVEOpcode.welcome, payload: [0, 0] + welcome))
        #expect(alice.epochAuthenticator != nil && alice.epochAuthenticator == bob.epochAuthenticator)
        #expect(alice.voicePrivacyCode == bob.voicePrivacyCode && alice.voicePrivacyCode?.count == 30)
        return (alice, bob, service)
    }

    /// Alice commits to one more member, and both go over to it in transition `id`. Bob's actions, and the ratchet with
    /// which Alice will hear him.
    private func grow(
        _ alice: inout DAVESession, _ bob: inout DAVESession, _ service: inout DAVEDeliveryService, by user: UInt64,
        transition id: UInt8
    ) throws -> (actions: [DAVEAction], heard: KeyRatchet) {
        _ = (alice.handle(.clientsConnected([user])), bob.handle(.clientsConnected([user])))
        let package = try MemberKeys(userID: user, signatureKey: P256.Signing.PrivateKey()).keyPackage.encoded
        let messages = try service.propose(add: [(user, package)]).map(\.message)
        let proposals = DAVEEvent.binary(
            opcode: DAVEOpcode.proposals, payload: DAVEDeliveryService.append(messages))
        let answer = alice.handle(proposals).compactMap(\.sent)
        _ = bob.handle(proposals)
        let accepted = try service.accept(commitWelcome: try #require(answer.first).payload, from: 1)
        let commit = DAVEEvent.binary(
            opcode: DAVEOpcode.announceCommitTransition, payload: [0, id] + accepted.commit)
        let heard = alice.handle(commit).compactMap { action -> KeyRatchet? in
            if case .installReceiver(userID: 2, let ratchet) = action { ratchet } else { nil }
        }
        return (bob.handle(commit), try #require(heard.first))
    }

    /// The server may say op 21 as often as it likes: a key that begins again encrypts different frames with one nonce.
    @Test func noKeyIsInstalledTwice() throws {
        var (alice, bob, service) = try group()
        let again = DAVEEvent.prepareTransition(id: 0, protocolVersion: 1)
        #expect(bob.handle(again).compactMap(\.installed).isEmpty)
        let next = try grow(&alice, &bob, &service, by: 3, transition: 7)
        #expect(next.actions.contains(.readyForTransition(id: 7)))
        #expect(bob.handle(again).compactMap(\.installed) == [next.heard], "early, but for the first time")
        #expect(bob.handle(.executeTransition(id: 7)).compactMap(\.installed).isEmpty)
        let last = try grow(&alice, &bob, &service, by: 4, transition: 8)
        _ = try grow(&alice, &bob, &service, by: 5, transition: 9)
        #expect(bob.handle(.executeTransition(id: 9)).compactMap(\.installed).count == 1)
        #expect(bob.handle(.executeTransition(id: 8)).compactMap(\.installed).isEmpty, "it is over already")
        #expect(last.actions.compactMap(\.installed).isEmpty)
    }

    /// Two commits are announced before the first one's transition is executed.
    @Test func everyTransitionBringsTheKeyOfItsOwnEpoch() throws {
        var (alice, bob, service) = try group()
        let encryptor = FrameEncryptor()
        var decryptor = FrameDecryptor()
        let first = try grow(&alice, &bob, &service, by: 3, transition: 1)
        let second = try grow(&alice, &bob, &service, by: 4, transition: 2)
        #expect(first.heard != second.heard)
        for (id, wanted) in [(UInt16(1), first.heard), (2, second.heard)] {
            let installed = bob.handle(.executeTransition(id: id)).compactMap(\.installed)
            #expect(installed == [wanted])
            for ratchet in installed { encryptor.install(ratchet) }
            decryptor.install(wanted, now: Double(id))
            for number in UInt8(0)..<3 {
                #expect(try decryptor.decrypt(sealed(encryptor, [number]), now: Double(id)) == [number])
            }
        }
    }

    @Test func aDowngradeAcceptsClearFramesFirstAndSendsThemWhenExecuted() throws {
        var (alice, _) = try call()
        let prepared = alice.handle(.prepareTransition(id: 9, protocolVersion: 0))
        #expect(prepared == [.installReceiver(userID: 2, nil), .readyForTransition(id: 9)])
        #expect(alice.protocolVersion == 1)
        #expect(alice.handle(.executeTransition(id: 9)).contains(.installSender(nil)))
        #expect(alice.protocolVersion == 0 && alice.epochAuthenticator == nil)
    }

    @Test func anUpgradeSendsInClearUntilItIsExecuted() {
        var session = DAVESession(userID: 1, channelID: 5)
        #expect(session.handle(.sessionDescription(protocolVersion: 0)) == [.installSender(nil)])
        let actions = session.handle(.prepareEpoch(epoch: 1, protocolVersion: 1))
        #expect(actions.compactMap(\.sent).map(\.opcode) == [DAVEOpcode.keyPackage])
        #expect(!actions.contains(.blockSender))
    }

    @Test func aNewGroupInAnEncryptedCallWithholdsFrames() throws {
        var (alice, _) = try call()
        #expect(alice.handle(.prepareEpoch(epoch: 1, protocolVersion: 1)).first == .blockSender)
        #expect(alice.epochAuthenticator == nil)
    }

    @Test func aSecondWelcomeIsRefused() throws {
        var (_, bob) = try call()
        let actions = bob.handle(.binary(opcode: DAVEOpcode.welcome, payload: [0, 4, 0, 2]))
        #expect(actions.contains(.invalidCommitWelcome(transitionID: 4)))
    }

    @Test func unknownVersionsAndTransitionsAreNoted() {
        var session = DAVESession(userID: 1, channelID: 5)
        #expect(session.handle(.sessionDescription(protocolVersion: 2)).contains(.blockSender))
        #expect(session.handle(.sessionDescription(protocolVersion: -1)).contains(.blockSender))
        let actions = session.handle(.executeTransition(id: 77))
        #expect(actions.count == 1 && actions.compactMap(\.ready).isEmpty)
    }
}
