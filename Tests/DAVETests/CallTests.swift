import Testing

@testable import DAVE

/// A call with `DAVEDeliveryService` as its gateway. Test code: what is wrong is recorded where it is seen.
final class Call {
    private let channel: UInt64 = 927_310_423_890_473_011
    private var service: DAVEDeliveryService
    private let peers: PeerProcess?
    private(set) var members: [UInt64: any CallMember] = [:]
    /// Not (or no longer) in the group; added with the next commit.
    private var waiting: [UInt64: [UInt8]] = [:]
    private var leaving: Set<UInt64> = []
    private var nextUser: UInt64 = 500_000_000_000_000_001
    private(set) var commitsBy: [String: Int] = [:]
    private(set) var refusals: [String] = []
    private(set) var frames = 0

    init(peers: PeerProcess?) {
        self.peers = peers
        service = DAVEDeliveryService(channelID: channel)
    }

    var settled: [UInt64] { members.keys.filter { waiting[$0] == nil }.sorted() }

    func join(_ kind: String) throws {
        let user = nextUser
        nextUser += 1
        let member: any CallMember =
            if kind == "timmybot" {
                OwnMember(user, channel: channel, external: service.externalSenderPackage)
            } else {
                try PeerMember(
                    kind, user, channel: channel, external: service.externalSenderPackage,
                    process: try #require(peers))
            }
        members[user] = member
        waiting[user] = try member.keyPackage()
    }

    func leave(_ user: UInt64) {
        members[user] = nil
        if waiting.removeValue(forKey: user) == nil { leaving.insert(user) }
    }

    /// Everybody but one leaves: the gateway starts a new group (DAVE, "Sole member reset").
    func reset() throws {
        for user in members.keys.sorted().dropFirst() { leave(user) }
        service.reset()
        leaving = []
        for (user, member) in members { waiting[user] = try member.keyPackage() }
    }

    /// Proposes what is outstanding, lets `kind` win where one of its members made a commit, and announces it.
    func epoch(first kind: String) throws {
        let adds = waiting.sorted { $0.key < $1.key }.map { (user: $0.key, keyPackage: $0.value) }
        let messages = try service.propose(add: adds, remove: leaving.sorted())
        guard !messages.isEmpty else { return }
        let commits = try collect(messages)
        let winner = try #require(commits.first { members[$0.user]?.kind == kind } ?? commits.first)
        for other in commits where other.user == winner.user {
            let accepted = try service.accept(commitWelcome: other.payload, from: other.user)
            commitsBy[members[other.user]?.kind ?? "", default: 0] += 1
            leaving = []
            waiting = [:]
            try announce(accepted)
        }
        for late in commits where late.user != winner.user {
            #expect(throws: DAVEDeliveryService.Refusal.late) {
                try service.accept(commitWelcome: late.payload, from: late.user)
            }
        }
    }

    private func collect(_ messages: [(user: UInt64?, message: [UInt8])]) throws -> [(user: UInt64, payload: [UInt8])] {
        let answering = service.isEstablished ? settled : members.keys.sorted()
        var commits: [(user: UInt64, payload: [UInt8])] = []
        for user in answering {
            let list = messages.filter { $0.user != user }.map(\.message)
            guard !list.isEmpty, let member = members[user] else { continue }
            let payload = try member.proposals(DAVEDeliveryService.append(list), users: members.keys.sorted())
            if let payload { commits.append((user, payload)) } else { Issue.record("\(member.kind) made no commit") }
        }
        return commits
    }

    private func announce(_ accepted: DAVEDeliveryService.AcceptedCommit) throws {
        for user in members.keys.sorted() {
            guard let member = members[user] else { continue }
            do {
                if let welcome = accepted.welcomes[user] {
                    try member.welcome(welcome, users: members.keys.sorted())
                } else if accepted.staying.contains(user) {
                    try member.commit(accepted.commit)
                }
            } catch {
                // Op 31: removed and added again with the next commit.
                refusals.append("\(member.kind) \(error)")
                leaving.insert(user)
                waiting[user] = try member.keyPackage()
            }
        }
    }

    /// Everybody has the same secrets and hears everybody else.
    func check() throws {
        var authenticators: Set<[UInt8]?> = []
        for user in settled { authenticators.insert(try members[user]?.authenticator()) }
        #expect(authenticators.count == 1 && !authenticators.contains(nil))
        for sender in settled {
            let frame = (0..<40).map { UInt8(truncatingIfNeeded: Int(sender) + $0 * 7 + frames) }
            let sealed = try #require(try members[sender]?.encrypt(frame))
            #expect(sealed != frame)
            for listener in settled where listener != sender {
                let heard = try members[listener]?.decrypt(sealed, from: sender)
                #expect(heard == frame, "\(members[sender]?.kind ?? "") to \(members[listener]?.kind ?? "")")
                frames += 1
            }
        }
    }
}

@Suite struct CallTests {
    static let kinds = ["timmybot", "davey", "libdave"]

    private func churn(_ call: Call, kinds: [String], epochs: Int, seed: UInt64) throws {
        var random = Seeded(state: seed)
        for kind in kinds + kinds.prefix(2) { try call.join(kind) }
        for epoch in 0..<epochs {
            if epoch == epochs / 2 {
                try call.reset()
                for kind in kinds { try call.join(kind) }
            }
            for _ in 0..<Int.random(in: 0...2, using: &random) where call.members.count < 9 {
                try call.join(kinds[Int.random(in: kinds.indices, using: &random)])
            }
            for _ in 0..<Int.random(in: 0...2, using: &random) where call.settled.count > 3 {
                if let user = call.settled.randomElement(using: &random) { call.leave(user) }
            }
            try call.epoch(first: kinds[epoch % kinds.count])
            try call.check()
        }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func ourClientsAmongThemselves(seed: UInt64) throws {
        let call = Call(peers: nil)
        try churn(call, kinds: ["timmybot"], epochs: 60, seed: seed)
        #expect(call.refusals.isEmpty)
        #expect(call.frames > 300)
    }

    @Test(
        .enabled(if: PeerPython.path != nil, "no Python with davey and dave.py"), arguments: [UInt64(11), 12, 13])
    func withDaveyAndLibdave(seed: UInt64) throws {
        let call = Call(peers: try PeerProcess())
        try churn(call, kinds: Self.kinds, epochs: 60, seed: seed)
        print("seed \(seed): commits \(call.commitsBy), frames \(call.frames), refusals \(call.refusals)")
        for kind in Self.kinds { #expect(call.commitsBy[kind, default: 0] >= 5, "\(kind) hardly ever committed") }
        // libdave now and then refuses a valid path (discord/libdave#18); nobody else may refuse anything.
        #expect(call.refusals.allSatisfy { $0.hasPrefix("libdave") && $0.contains("bad_optional_access") })
    }

    /// Two epochs have begun before the first one's transition is executed: others refuse a nonce that they have seen.
    @Test(.enabled(if: PeerPython.path != nil, "no Python with davey and dave.py"))
    func peersHearUsWhereTransitionsOverlap() throws {
        let call = Call(peers: try PeerProcess())
        for kind in Self.kinds { try call.join(kind) }
        try call.epoch(first: "timmybot")
        let (user, member) = try #require(call.members.first { $0.value.kind == "timmybot" })
        let own = try #require(member as? OwnMember)
        own.holdsTransitions = true
        for _ in 0..<2 {
            try call.join("timmybot")
            try call.epoch(first: "davey")
        }
        for round in 1...2 {
            try own.executeNext()
            for number in UInt8(0)..<3 {
                let frame = [UInt8](repeating: number, count: 40), sealed = try #require(own.encrypt(frame))
                for peer in call.members.values where peer.kind != "timmybot" {
                    let heard = try? peer.decrypt(sealed, from: user)
                    // Frames of the first one's epoch are late, and may be refused.
                    #expect(heard == frame || round == 1, "\(peer.kind) frame \(number)")
                }
            }
        }
    }

    @Test func aUserThatLeavesBeforeItIsAddedIsRevoked() throws {
        var service = DAVEDeliveryService(channelID: 5)
        var alice = DAVESession(userID: 1, channelID: 5)
        var packages: [UInt64: [UInt8]] = [:]
        packages[1] = alice.handle(.sessionDescription(protocolVersion: 1)).compactMap(\.sent).first?.payload
        for user in UInt64(2)...3 {
            var other = DAVESession(userID: user, channelID: 5)
            packages[user] = other.handle(.sessionDescription(protocolVersion: 1)).compactMap(\.sent).first?.payload
        }
        _ = alice.handle(.binary(opcode: DAVEOpcode.externalSender, payload: service.externalSenderPackage))
        _ = alice.handle(.clientsConnected([2, 3]))
        let messages = try service.propose(add: packages.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        let first = alice.handle(
            .binary(
                opcode: DAVEOpcode.proposals,
                payload: DAVEDeliveryService.append(messages.filter { $0.user != 1 }.map(\.message))))
        let revoked = service.revoke(addOf: 3), again = service.revoke(addOf: 3)
        let revocation = try #require(revoked)
        #expect(again == nil)
        let stale = try #require(first.compactMap(\.sent).first).payload
        #expect(throws: DAVEDeliveryService.Refusal.late) { try service.accept(commitWelcome: stale, from: 1) }
        let second = alice.handle(.binary(opcode: DAVEOpcode.proposals, payload: revocation))
        let accepted = try service.accept(
            commitWelcome: try #require(second.compactMap(\.sent).first).payload, from: 1)
        #expect(Set(accepted.welcomes.keys) == [2])
        #expect(service.members == [1, 2])
    }
}
