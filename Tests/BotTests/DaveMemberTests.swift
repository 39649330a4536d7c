import DiscordModel
import Foundation
import Sandbox
import TestSupport
import Testing

extension WholeBot {
    /// Members of the call whose end-to-end encryption is not ours: davey (OpenMLS) and dave.py (Discord's libdave).
    @Suite(
        "Members on other DAVE libraries", .serialized,
        .enabled(if: Python.isPresent, "no Python peer: run scripts/setup"))
    struct DaveMemberTests {
        private struct Guest {
            let user: Snowflake
            let peer: Peer
            let pcm: String

            var undecryptable: Int64 { peer.last("heard")?["undecryptable"]?.int ?? -1 }
            var packets: Int64 { peer.last("heard")?["packets"]?.int ?? 0 }
            var summary: String { "\(String(describing: peer.last("heard"))) \(peer.all("mls_failure"))" }
        }

        /// A guest in the channel. Whoever does not get that far is let go of, and another one invited: these tests are
        /// about what members hear.
        private func invite(_ library: String, to rig: Rig, among others: [Snowflake] = []) async throws -> Guest {
            for _ in 0..<2 {
                let guest = try await start(library, in: rig, among: others)
                if await eventually(within: .seconds(45), { guest.peer.last("connected") != nil }) { return guest }
                guest.peer.stop()
                print("a guest on \(library) did not come: \(guest.peer.all)")
            }
            throw NoGuest()
        }

        private struct NoGuest: Error {}

        private func start(_ library: String, in rig: Rig, among others: [Snowflake]) async throws -> Guest {
            let (user, token) = await rig.world.addBot("Guest on \(library)")
            await rig.world.addMember(user, to: rig.home.guild)
            let pcm = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).pcm"
            let peer = try Peer(
                "dave_member.py",
                environment: [
                    "SANDBOX_API": rig.server.apiBase, "SANDBOX_TOKEN": token, "SANDBOX_CHANNEL": "\(rig.home.voice)",
                    "SANDBOX_SPEAKER": "\(rig.bot)", "SANDBOX_PCM": pcm, "SANDBOX_DAVE": library,
                    "SSL_CERT_FILE": rig.server.caFile,
                    "SANDBOX_USERS": ([user, rig.bot, rig.human] + others).map(\.description).joined(separator: ","),
                ])
            return Guest(user: user, peer: peer, pcm: pcm)
        }

        private func compare(_ guest: Guest, with song: String, last seconds: Double = 100) async throws -> Double {
            let data = try Data(contentsOf: URL(fileURLWithPath: guest.pcm))
            let mono = Correlation.mono(data.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) })
            let original = try await Songs.shared.composed(song)
            let heard = Array(mono.suffix(Int(seconds * 48_000)))
            let found = Correlation.find(heard, in: original, maximumOffset: original.count)
            return try #require(found, "too little was heard").value
        }

        @Test(arguments: [("davey", true), ("davey", false), ("dave", true), ("dave", false)])
        func theyHearTheBot(_ library: String, _ weCommit: Bool) async throws {
            let rig = try await Rig.start()
            let third = await rig.world.addUser("third")
            await rig.world.addMember(third, to: rig.home.guild)
            let guest = try await invite(library, to: rig, among: [third])
            await rig.world.setCommitter(weCommit ? rig.bot : guest.user, of: rig.home.voice)
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await eventually { guest.packets >= 150 }, "\(guest.summary)")
            #expect(await rig.world.encryptedMembers(of: rig.home.voice) == [rig.human, rig.bot, guest.user].sorted())
            // Somebody comes: the one who is to commit adds them.
            _ = try await rig.world.listen(third, in: rig.home.voice, recording: false)
            #expect(
                await eventually { await rig.world.encryptedMembers(of: rig.home.voice).count == 4 }, "\(guest.summary)"
            )
            #expect(await rig.world.committers(of: rig.home.voice).last == (weCommit ? rig.bot : guest.user))
            let before = guest.packets
            #expect(await eventually { guest.packets >= before + 50 })
            #expect(guest.undecryptable == 0, "\(guest.summary)")
            #expect(ear.report(of: rig.bot).undecryptable == 0)
            #expect(try await compare(guest, with: "morning-train.opus", last: 2) > 0.99)
            guest.peer.stop()
            try? FileManager.default.removeItem(atPath: guest.pcm)
            await rig.stop()
        }

        /// Every second of sound somebody joins or leaves.
        @Test(arguments: ["davey", "dave"])
        func comingsAndGoingsLoseNothing(_ library: String) async throws {
            let rig = try await Rig.start()
            var others: [Snowflake] = []
            for name in ["one", "two", "three"] {
                let user = await rig.world.addUser(name)
                await rig.world.addMember(user, to: rig.home.guild)
                others.append(user)
            }
            let guest = try await invite(library, to: rig, among: others)
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            #expect(await eventually { guest.packets >= 50 }, "\(guest.summary)")
            var present: Set<Snowflake> = []
            var next = ear.report(of: rig.bot).packets
            for turn in 0..<30 {
                let user = others[turn % others.count]
                if present.remove(user) != nil {
                    await rig.world.leaveVoice(user, in: rig.home.guild)
                } else {
                    _ = try await rig.world.listen(user, in: rig.home.voice, recording: false)
                    present.insert(user)
                }
                next += 50
                #expect(await rig.hear(next, by: ear))
            }
            #expect(await eventually { guest.packets >= 30 * 50 })
            let report = ear.report(of: rig.bot)
            #expect(report.lost == 0 && report.undecryptable == 0 && report.clear == 0, "\(report)")
            #expect(guest.undecryptable == 0, "\(guest.summary)")
            #expect(try await compare(guest, with: "morning-train.opus", last: 2) > 0.99)
            #expect(await rig.world.committers(of: rig.home.voice).count >= 30)
            guest.peer.stop()
            try? FileManager.default.removeItem(atPath: guest.pcm)
            await rig.stop()
        }
    }
}
