import Testing

@testable import DAVE

/// SplitMix64: the same bytes on every machine.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// Recorded messages, cut short or damaged: refused, or without any effect on the secrets; never a trap.
struct FuzzTests {
    private struct Step {
        let before: DAVESession
        let opcode: UInt8
        let payload: [UInt8]
        let authenticator: [UInt8]?
    }

    /// Each message of the short calls with the session as it was before.
    private func steps() throws -> [Step] {
        var steps: [Step] = []
        for scenario in try Fixtures.json("transcripts.json").list {
            var session = DAVESession(
                userID: scenario["observer"]["user_id"].uint64, channelID: scenario["channel_id"].uint64,
                member: try memberKeys(scenario["observer"]))
            let users = scenario["events"].list.flatMap { $0["proposals"].optionalList }.map { $0["user_id"].uint64 }
            _ = session.handle(.clientsConnected(users))
            _ = session.handle(.sessionDescription(protocolVersion: 1))
            for event in scenario["events"].list where event["dir"].string == "server_to_client" {
                let binary = event["binary"].bytes
                let before = session
                let payload = Array(binary.dropFirst(3))
                let actions = session.handle(.binary(opcode: binary[2], payload: payload))
                for id in actions.compactMap(\.ready) { _ = session.handle(.executeTransition(id: id)) }
                steps.append(
                    Step(
                        before: before, opcode: binary[2], payload: payload, authenticator: session.epochAuthenticator))
            }
        }
        return steps
    }

    private func feed(_ step: Step, _ payload: [UInt8]) {
        var session = step.before
        _ = session.handle(.binary(opcode: step.opcode, payload: payload))
        let after = session.epochAuthenticator
        #expect(after == nil || after == step.authenticator || after == step.before.epochAuthenticator)
    }

    @Test func truncatedAtEachOffset() throws {
        var fed = 0
        for step in try steps().prefix(24) {
            for length in 0..<step.payload.count {
                feed(step, Array(step.payload.prefix(length)))
                fed += 1
            }
        }
        #expect(fed > 1000)
    }

    @Test func damagedMessages() throws {
        let steps = try steps()
        var random = Seeded(state: 20_261_124)
        for _ in 0..<4000 {
            guard let step = steps.randomElement(using: &random), !step.payload.isEmpty else { continue }
            var payload = step.payload
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                payload[.random(in: payload.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: payload[.random(in: payload.indices, using: &random)] = .random(in: 0...255, using: &random)
            case 2: payload.remove(at: .random(in: payload.indices, using: &random))
            default:
                let at = Int.random(in: payload.indices, using: &random)
                payload.insert(contentsOf: [0xBF, 0xFF, 0xFF, 0xFF], at: at)
            }
            feed(step, payload)
        }
    }

    @Test func damagedFrames() throws {
        let file = try Fixtures.json("frames.json")
        let valid = file["valid"].list.filter { $0["counter"].int < 1 << 24 }
        let whole = Set(valid.map { $0["plaintext"].bytes })
        var random = Seeded(state: 7)
        for entry in valid {
            let frame = entry["frame"].bytes
            for round in 0..<300 {
                var damaged = round < frame.count ? Array(frame.prefix(round)) : frame
                if round >= frame.count {
                    damaged[.random(in: damaged.indices, using: &random)] ^= .random(in: 1...255, using: &random)
                }
                var decryptor = FrameDecryptor()
                decryptor.install(KeyRatchet(baseSecret: file["sender_base_secret"].bytes), now: 0)
                let opened = try? decryptor.decrypt(damaged, now: 20)
                #expect(opened == nil || opened == FrameFormat.silence || whole.contains(opened ?? []))
            }
        }
    }

    @Test func hostileDeliveryInput() throws {
        var service = DAVEDeliveryService(channelID: 1)
        let own = try #require(try steps().first { $0.opcode == DAVEOpcode.announceCommitTransition })
        for length in 0..<own.payload.count {
            let payload = Array(own.payload.dropFirst(2).prefix(length))
            #expect(throws: DAVEDeliveryService.Refusal.self) { try service.accept(commitWelcome: payload, from: 1) }
            #expect(throws: DAVEDeliveryService.Refusal.self) {
                try DAVEDeliveryService.check(keyPackage: payload, of: 1)
            }
        }
    }
}
