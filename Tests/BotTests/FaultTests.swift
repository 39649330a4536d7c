import DiscordModel
import Foundation
import Sandbox
import Testing

extension WholeBot {
    /// What breaks while music plays must not be heard.
    @Suite("Faults", .serialized)
    struct FaultTests {
        /// Plays, lets `fault` happen, and tells what was heard from start to end.
        private func play(
            _ rig: Rig, _ fault: (Rig) async throws -> Void
        ) async throws -> (SandboxListener, SandboxListener.Report) {
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await rig.hear(50, by: ear))
            try await fault(rig)
            let after = ear.report(of: rig.bot).packets
            #expect(await rig.hear(after + 75, by: ear))
            return (ear, ear.report(of: rig.bot))
        }

        /// `fault` is not heard: no frame is lost, none is undecryptable, none is silent.
        ///
        /// A machine that holds the whole process up for a quarter of a second is heard as well; what the fault itself
        /// costs would be heard every time.
        private func costsNoFrame(
            _ adjust: (inout SandboxConfiguration) -> Void = { _ in }, _ fault: (Rig) async throws -> Void,
            after: (Rig) async throws -> Void = { _ in }
        ) async throws {
            var heard: [String] = []
            for _ in 0..<3 {
                let rig = try await Rig.start(adjust: adjust)
                let (ear, report) = try await play(rig, fault)
                #expect(report.lost == 0 && report.undecryptable == 0, "\(report)")
                let value = try await rig.compare(ear, with: "morning-train.opus").value
                try await after(rig)
                await rig.stop()
                if report.silence == 0, value > 0.99 { return }
                heard.append("\(value) \(report)")
            }
            Issue.record("it was heard each time: \(heard)")
        }

        @Test(arguments: [
            GatewayFault.drop, .reconnect, .invalidSession(resumable: true), .close(4000), .malformed,
        ])
        func aLostGatewayCostsNoFrame(_ fault: GatewayFault) async throws {
            try await costsNoFrame { rig in
                let before = await rig.world.gatewayConnects
                await rig.world.inject(fault, into: rig.bot)
                #expect(await eventually { await rig.world.gatewayConnects > before })
            } after: { rig in
                // What is typed while there is no session is lost, as it is at Discord.
                #expect(
                    await eventually {
                        await rig.ask("now-playing").map { text(of: $0).contains("Morning Train") } ?? false
                    })
            }
        }

        /// A resume replays what is too large until the session is given up; the new one is given a call of its own.
        @Test func anOversizedPayloadCostsTheSession() async throws {
            let rig = try await Rig.start()
            let (ear, report) = try await play(rig) { rig in
                await rig.world.inject(.oversized(20_000_000), into: rig.bot)
                #expect(
                    await eventually { await rig.world.voiceRequests(of: rig.bot).count == 2 })
            }
            #expect(report.lost == 0 && report.undecryptable == 0 && report.clear == 0, "\(report)")
            #expect(try await rig.compare(ear, with: "morning-train.opus", last: 1).value > 0.98)
            #expect(
                await eventually {
                    await rig.ask("now-playing").map { text(of: $0).contains("Morning Train") } ?? false
                })
            await rig.stop()
        }

        /// Where Discord forgets the session it also ends the call: the bot comes back by itself and plays on.
        @Test func aForgottenSessionIsRejoined() async throws {
            let rig = try await Rig.start()
            let (ear, report) = try await play(rig) { rig in
                await rig.world.inject(.invalidSession(resumable: false), into: rig.bot)
                #expect(
                    await eventually {
                        await rig.world.voiceState(of: rig.bot, in: rig.home.guild) == nil
                    })
            }
            #expect(report.lost == 0 && report.undecryptable == 0 && report.clear == 0, "\(report)")
            #expect(try await rig.compare(ear, with: "morning-train.opus", last: 1).value > 0.98)
            await rig.stop()
        }

        @Test func withheldAcknowledgementsAreNoticed() async throws {
            try await costsNoFrame({ $0.heartbeatInterval = 1 }) { rig in
                let before = await rig.world.gatewayConnects
                await rig.world.inject(.withholdAck, into: rig.bot)
                #expect(await eventually { await rig.world.gatewayConnects > before })
                #expect(await eventually { await rig.world.gatewayConnections(of: rig.bot) == 1 })
            }
        }

        @Test(arguments: [VoiceFault.drop, .close(4015), .malformed, .oversized(5_000_000), .badCommit])
        func aLostVoiceSocketCostsNoFrame(_ fault: VoiceFault) async throws {
            try await costsNoFrame { await $0.world.inject(fault, intoVoiceOf: $0.bot) }
        }

        @Test(arguments: [UInt16(4006), 4009])
        func anEndedVoiceSessionIsRenewed(_ code: UInt16) async throws {
            let rig = try await Rig.start()
            let (ear, report) = try await play(rig) { await $0.world.inject(.close(code), intoVoiceOf: $0.bot) }
            #expect(report.undecryptable == 0 && report.clear == 0, "\(report)")
            let (value, _) = try await rig.compare(ear, with: "morning-train.opus", last: 1)
            #expect(value > 0.98)
            #expect(await rig.world.voiceState(of: rig.bot, in: rig.home.guild)?.channel == rig.home.voice)
            await rig.stop()
        }

        @Test(arguments: [true, false])
        func theVoiceServerMoves(_ nullFirst: Bool) async throws {
            let rig = try await Rig.start()
            let (ear, report) = try await play(rig) {
                await $0.world.moveVoiceServer(of: $0.home.guild, user: $0.bot, nullFirst: nullFirst)
            }
            #expect(report.undecryptable == 0 && report.clear == 0, "\(report)")
            #expect(try await rig.compare(ear, with: "morning-train.opus", last: 1).value > 0.98)
            await rig.stop()
        }

        @Test func aModeratorMovesTheBot() async throws {
            let rig = try await Rig.start()
            let other = await rig.world.addUser("other")
            await rig.world.addMember(other, to: rig.home.guild)
            let second = try await rig.world.addChannel("Second", type: ChannelType.voice, in: rig.home.guild)
            let there = try await rig.world.listen(other, in: second)
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await eventually { await rig.world.voiceState(of: rig.bot, in: rig.home.guild) != nil })
            try await rig.world.moveVoice(rig.bot, to: second)
            #expect(await rig.hear(100, by: there))
            #expect(there.report(of: rig.bot).clear == 0)
            #expect(try await rig.compare(there, with: "morning-train.opus", last: 1.5).value > 0.98)
            await rig.stop()
        }

        @Test func aKickEndsIt() async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await rig.hear(25, by: ear))
            await rig.world.leaveVoice(rig.bot, in: rig.home.guild)
            #expect(
                await eventually {
                    let card = try? await rig.type("now-playing")
                    return await rig.world.voiceState(of: rig.bot, in: rig.home.guild) == nil && card != nil
                })
            // It does not come back by itself, and comes when it is asked.
            _ = try await rig.type("play", ["query": "night packets"])
            #expect(await eventually { await rig.world.voiceState(of: rig.bot, in: rig.home.guild) != nil })
            await rig.stop()
        }
    }
}
