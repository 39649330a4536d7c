import Testing

@testable import DAVE

@Suite struct SessionTests {
    /// Two of our own clients in an established call.
    private func call() throws -> (alice: DAVESession, bob: DAVESession) {
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
        return (alice, bob)
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
