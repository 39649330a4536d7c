import Foundation
import Sandbox
import Testing

extension TheProgram {
    /// SIGTERM: what is under way is finished, and nothing that was queued is lost.
    @Suite("Stopping", .serialized)
    struct StopTests {
        /// Milliseconds into the song that the stored record names.
        private func storedPosition(_ town: Town) throws -> Int {
            let record = try #require(try town.record())
            let found = try #require(record.firstMatch(of: /"positionMilliseconds":(\d+)/))
            return try #require(Int(found.1))
        }

        @Test func whileASongPlays() async throws {
            let town = try await Town()
            let program = try await town.bot()
            let ear = try await town.listen()
            _ = try await town.type("play", ["query": "morning train"])
            #expect(await eventually(within: .seconds(60)) { ear.report(of: town.bot).packets >= 75 })
            let before = ear.report(of: town.bot).silence
            let clock = ContinuousClock.now
            program.terminate()
            let status = await program.end(within: .seconds(30))
            #expect(status == 0, "\(program.output)")
            #expect(clock.duration(to: .now) < .seconds(20))
            let record = try #require(try town.record())
            #expect(record.contains("Morning Train") && record.contains("\(town.voice)"), "\(record)")
            #expect(try storedPosition(town) >= 1_400)
            #expect(await eventually { ear.report(of: town.bot).silence - before >= 5 }, "the last frames are silence")
            let after = ear.report(of: town.bot)
            #expect(after.lost == 0 && after.undecryptable == 0, "\(after)")
            #expect(await town.world.voiceState(of: town.bot, in: town.guild) == nil)
            await town.server.stop()
        }

        /// The answer is held up by Discord, and comes all the same.
        @Test func whileAnAnswerIsOnItsWay() async throws {
            let town = try await Town()
            let program = try await town.bot()
            _ = try await town.listen()
            await town.world.inject(RESTFault(.slow(1), path: "callback", times: 1))
            let typed = try await town.type("play", ["query": "morning train"])
            #expect(await eventually { await town.world.voiceState(of: town.bot, in: town.guild) != nil })
            program.terminate()
            let answer = await town.world.answer(to: typed, within: .seconds(60))
            #expect("\(String(describing: answer))".contains("Morning Train"), "\(program.output)")
            #expect(await program.end(within: .seconds(30)) == 0, "\(program.output)")
            #expect(try #require(try town.record()).contains("Morning Train"))
            #expect(await town.world.voiceState(of: town.bot, in: town.guild) == nil)
            await town.server.stop()
        }

        /// What never ends is given up in time, and says so.
        @Test func whatHangsIsGivenUp() async throws {
            let town = try await Town()
            let program = try await town.bot()
            _ = try await town.listen()
            await town.world.inject(RESTFault(.slow(60), path: "callback", times: 1))
            _ = try await town.type("play", ["query": "morning train"])
            #expect(await eventually { await town.world.voiceState(of: town.bot, in: town.guild) != nil })
            let clock = ContinuousClock.now
            program.terminate()
            #expect(await program.end(within: .seconds(30)) == 75, "\(program.output)")
            #expect(clock.duration(to: .now) < .seconds(20))
            #expect(program.output.contains("stopping: answers did not end"), "\(program.output)")
            #expect(try #require(try town.record()).contains("Morning Train"))
            #expect(await town.world.voiceState(of: town.bot, in: town.guild) == nil)
            await town.server.stop()
        }

        @Test func aSecondSignalEndsItAtOnce() async throws {
            let town = try await Town()
            let program = try await town.bot()
            _ = try await town.listen()
            await town.world.inject(RESTFault(.slow(60), path: "callback", times: 1))
            _ = try await town.type("play", ["query": "morning train"])
            #expect(await eventually { await town.world.voiceState(of: town.bot, in: town.guild) != nil })
            program.terminate()
            #expect(await program.prints("stopping"))
            let clock = ContinuousClock.now
            program.terminate()
            #expect(await program.end(within: .seconds(30)) == 130, "\(program.output)")
            #expect(clock.duration(to: .now) < .seconds(10))
            await town.server.stop()
        }

        /// Nobody is there to log in to.
        @Test func beforeItHasAGateway() async throws {
            let town = try await Town()
            let program = try await town.bot()
            program.terminate()
            #expect(await program.end(within: .seconds(30)) == 0)
            let lonely = try Program(
                ["run"], in: town.scratch.path,
                environment: town.settings.merging(["TIMMYBOT_DISCORD_API_BASE": "http://127.0.0.1:9/api/v10"]) { $1 })
            #expect(await lonely.prints("trying again"))
            lonely.terminate()
            #expect(await lonely.end(within: .seconds(30)) == 0, "\(lonely.output)")
            await town.server.stop()
        }

        /// A disk that does not answer: the place is lost, and that is not told as a good end.
        @Test func whatCouldNotBeStoredIsNoGoodEnd() async throws {
            let town = try await Town()
            let program = try await town.bot()
            _ = try await town.listen()
            let typed = try await town.type("play", ["query": "morning train"])
            #expect(await town.world.answer(to: typed, within: .seconds(20)) != nil, "\(program.output)")
            // Whoever opens this for writing waits for a reader, who never comes.
            let record = "\(town.data)/guilds/\(town.guild).json"
            try FileManager.default.removeItem(atPath: record)
            try #require(mkfifo(record, 0o600) == 0)
            program.terminate()
            #expect(await program.end(within: .seconds(15)) == 75, "\(program.output)")
            #expect(program.output.contains("stopping: positions and voice did not end"), "\(program.output)")
            await town.server.stop()
        }

        /// Nothing runs in the pause before the next start: it is ended well.
        @Test func aSupervisorInItsPauseEndsWell() async throws {
            let town = try await Town()
            let lonely = town.settings.merging(["TIMMYBOT_DISCORD_API_BASE": "http://127.0.0.1:9/api/v10"]) { $1 }
            let program = try Program(["run", "--supervise"], in: town.scratch.path, environment: lonely)
            #expect(await program.prints("trying again"), "\(program.output)")
            let child = try #require(Self.child(of: program.child.pid))
            #expect(kill(child, SIGKILL) == 0)
            #expect(await program.prints("it is started again"), "\(program.output)")
            program.terminate()
            #expect(await program.end(within: .seconds(15)) == 0, "\(program.output)")
            await town.server.stop()
        }

        private static func child(of parent: pid_t) -> pid_t? {
            let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return entries.compactMap { pid_t($0) }.first { pid in
                let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
                return status?.contains("\nPPid:\t\(parent)\n") == true
            }
        }

        /// The usual soft limit is for a few guilds only.
        @Test func itTakesTheDescriptorsThatItMayHave() async throws {
            let town = try await Town()
            let lonely = town.settings.merging(["TIMMYBOT_DISCORD_API_BASE": "http://127.0.0.1:9/api/v10"]) { $1 }
            let program = try Program(
                ["run"], in: town.scratch.path, environment: lonely,
                wrapper: ["sh", "-c", "ulimit -S -n 256 && exec \"$0\" \"$@\""])
            #expect(await program.prints("trying again"), "\(program.output)")
            let limits = try String(contentsOfFile: "/proc/\(program.child.pid)/limits", encoding: .utf8)
            let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            #expect(numbers.count == 2 && numbers[0] == min(numbers[1], 65_536), "\(line)")
            program.terminate()
            #expect(await program.end(within: .seconds(15)) == 0, "\(program.output)")
            await town.server.stop()
        }
    }
}
