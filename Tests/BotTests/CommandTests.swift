import DiscordModel
import Foundation
import Sandbox
import Testing

/// The one line that a message shows.
private func line(of message: JSONValue) -> String {
    text(of: message).trimmingCharacters(in: .whitespacesAndNewlines)
}

extension Rig {
    /// Sends a slash command without waiting for its answer.
    func send(_ name: String, _ options: [String: JSONValue] = [:], by user: Snowflake? = nil) async throws -> Snowflake
    {
        let list = options.map { name, value -> JSONValue in ["name": .string(name), "type": 3, "value": value] }
        return try await world.command(
            name, options: list, by: SandboxInvocation(user: user ?? human, guild: home.guild, channel: home.text))
    }

    /// Messages of the bot at home that everybody sees.
    func publicTexts() async -> [String] {
        await world.messages(in: home.text).filter { !isEphemeral($0) }.map { text(of: $0) }
    }

    func privateTexts() async -> [String] {
        await world.messages(in: home.text).filter(isEphemeral).map { text(of: $0) }
    }

    func isThinking() async -> Bool {
        await world.messages(in: home.text).contains { ($0["flags"]?.int ?? 0) & 128 != 0 }
    }

    /// A second person at home.
    func addPerson() async -> Snowflake {
        let other = await world.addUser("other")
        await world.addMember(other, to: home.guild)
        return other
    }
}

extension WholeBot {
    /// Commands, buttons and forms through the whole bot, with sources that take long and a Discord that fails.
    @Suite("Commands", .serialized)
    struct CommandTests {
        @Test func aLateErrorIsToldToItsCallerOnly() async throws {
            let plugins = try await PluginFolder("slow")
            let rig = try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": plugins.path])
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            let hold = try Hold()
            _ = try await rig.send("play", ["query": .string("slow:\(hold.reader):")])
            #expect(await eventually { await rig.isThinking() })
            hold.letGo()
            #expect(await eventually { await rig.privateTexts().contains { $0.contains("found nothing") } })
            #expect(await rig.publicTexts() == [], "the deferred answer is gone")
            await rig.stop()
        }

        @Test func quickOnesDoNotOvertakeASlowSearchAndPauseDoesNotWaitForIt() async throws {
            let plugins = try await PluginFolder("slow")
            let rig = try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": plugins.path])
            let other = await rig.addPerson()
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.world.listen(other, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "night packets"])
            let hold = try Hold()
            let file = try await Songs.shared.folder() + "/glass-harbour.flac"
            let slow = try await rig.send("play", ["query": .string("slow:\(hold.reader):\(file)")])
            let quick = try await rig.send("play", ["query": "morning train"])
            #expect(text(of: try await rig.type("pause", by: other)).contains("Paused"))
            #expect(await rig.world.answer(to: quick, within: .milliseconds(300)) == nil, "it keeps its place")
            hold.letGo()
            #expect(text(of: try #require(await rig.world.answer(to: slow))).contains("place 1"))
            #expect(text(of: try #require(await rig.world.answer(to: quick))).contains("place 2"))
            let queue = text(of: try await rig.type("queue"))
            let first = try #require(queue.range(of: "Slow Song")),
                second = try #require(queue.range(of: "Morning Train"))
            #expect(first.lowerBound < second.lowerBound, "\(queue)")
            await rig.stop()
        }

        @Test func theLastOfManyQuickCommandsCounts() async throws {
            let rig = try await Rig.start()
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "night packets"])
            for _ in 0..<3 {
                var sent: [Snowflake] = []
                for name in ["pause", "resume", "pause"] { sent.append(try await rig.send(name)) }
                for id in sent { _ = try #require(await rig.world.answer(to: id)) }
                #expect(text(of: try await rig.type("now-playing")).contains("paused"))
                // Ten commands at once, then one a second: that is the limit for one person.
                #expect(await eventually { await text(of: (try? rig.type("resume")) ?? nil).contains("Going on") })
            }
            await rig.stop()
        }

        @Test func volumeFilterAndTheButtonsOfTheCard() async throws {
            let rig = try await Rig.start()
            let ear = try await rig.world.listen(rig.human, in: rig.home.voice)
            let other = await rig.addPerson()
            _ = try await rig.world.listen(other, in: rig.home.voice)
            let first = try await rig.type("play", ["query": "morning train"])
            _ = try await rig.type("play", ["query": "night packets"], by: other)
            _ = try await rig.type("play", ["query": "glass harbour"], by: other)
            #expect(await rig.hear(25, by: ear))
            #expect(text(of: try await rig.type("volume", ["level": 50])).contains("50"))
            #expect(text(of: try await rig.type("filter", ["name": "bassboost"])).contains("bassboost"))
            let card = try await rig.type("now-playing")
            #expect(text(of: card).contains("volume 50 %") && text(of: card).contains("filter: bassboost"))
            let looping = try await rig.press("loop", of: first)
            #expect(text(of: looping).contains("loop: track"), "\(text(of: looping))")
            #expect(text(of: try await rig.press("loop", of: looping)).contains("loop: queue"))
            #expect(!text(of: try await rig.press("loop", of: looping)).contains("loop:"))
            #expect(text(of: try await rig.press("shuffle", of: looping)).contains("2 in the queue"))
            let next = try await rig.press("skip", of: looping)
            #expect(!text(of: next).contains("Morning Train") && text(of: next).contains("1 in the queue"))
            // Ten commands at once, then one a second, is the limit for one person.
            #expect(text(of: try await rig.press("stop", of: next)).contains("Nothing is playing"))
            #expect(await eventually { await rig.world.voiceState(of: rig.bot, in: rig.home.guild) == nil })
            await rig.stop()
        }

        @Test func theQueueHasPages() async throws {
            let rig = try await Rig.start()
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            let other = await rig.addPerson()
            _ = try await rig.world.listen(other, in: rig.home.voice)
            // Two people, for the pace of one is limited.
            for number in 0..<13 {
                let song = ["morning train", "night packets", "glass harbour"][number % 3]
                _ = try await rig.type("play", ["query": .string(song)], by: number % 2 == 0 ? rig.human : other)
            }
            let first = try await rig.type("queue")
            #expect(text(of: first).contains("page 1 of 2 · 12 songs") && text(of: first).contains("`10.`"))
            let second = try await rig.press("page:1", of: first)
            #expect(second["id"] == first["id"], "the same message turns its page")
            #expect(text(of: second).contains("page 2 of 2") && text(of: second).contains("`12.`"))
            #expect(!text(of: second).contains("`10.`"))
            let back = try await rig.press("page:0", of: second)
            #expect(text(of: back).contains("page 1 of 2"))
            await rig.stop()
        }

        @Test func formsAskAndAnswer() async throws {
            let plugins = try await PluginFolder("replies")
            let rig = try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": plugins.path])
            let modal = try await rig.type("ask")
            #expect(modal["custom_id"] == "p:test.replies:form:1" && modal["title"] == "Question")
            let who = SandboxInvocation(user: rig.human, guild: rig.home.guild, channel: rig.home.text)
            let sent = try await rig.world.submit(
                modal: "p:test.replies:form:1", fields: ["word": "hello there"], application: rig.bot, by: who)
            let answer = try #require(await rig.world.answer(to: sent))
            #expect(line(of: answer) == "form:1 1 word=hello there" && isEphemeral(answer))
            // What the caller may do comes from Discord: the human owns the server, and runs the bot.
            let told = line(of: try await rig.type("who"))
            #expect(told == "\(Permissions.all.rawValue) 1 who")
            #expect(isEphemeral(try await rig.type("private")))
            await rig.stop()
        }

        @Test func settingsLastAndHistoryIsKnown() async throws {
            let plugins = try await PluginFolder("replies")
            let directory = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString)"
            let rig = try await Rig.start(directory: directory, environment: ["TIMMYBOT_PLUGIN_DIR": plugins.path])
            #expect(line(of: try await rig.type("set", ["key": "mood", "value": "calm"])) == "0 mood=calm")
            let stored = try String(contentsOfFile: "\(directory)/data/settings/test.replies.json", encoding: .utf8)
            #expect(stored == "{\"\(rig.home.guild)\":{\"mood\":\"calm\"}}")
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            _ = try await rig.type("play", ["query": "morning train"])
            _ = try await rig.type("play", ["query": "night packets"])
            _ = try await rig.type("skip")
            #expect(
                line(of: try await rig.type("recent", ["number": 5])) == "0 timmy.library/Morning Train/\(rig.human)")
            await rig.stop()
        }

        @Test func onlyWhoRunsTheBotSeesItsPlugins() async throws {
            let plugins = try await PluginFolder("replies")
            try Data("no plugin".utf8).write(to: URL(fileURLWithPath: "\(plugins.path)/broken.so"))
            let rig = try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": plugins.path])
            let shown = try await rig.type("plugins")
            #expect(isEphemeral(shown))
            for part in ["timmy.library", "timmy.playback", "test.replies", "broken.so", "refused", "not an ELF file"] {
                #expect(text(of: shown).contains(part), "\(part) in \(text(of: shown))")
            }
            let other = await rig.addPerson()
            for command in ["plugins", "owner"] {
                let refused = try await rig.type(command, by: other)
                #expect(isEphemeral(refused) && text(of: refused).contains("Only the person who runs this bot"))
            }
            #expect(line(of: try await rig.type("owner")) == "first")
            let registered = await rig.world.commands(of: rig.bot, in: rig.home.guild)
            for name in ["plugins", "owner"] {
                #expect(registered.first { $0["name"]?.string == name }?["default_member_permissions"] == "0")
            }
            await rig.stop()
        }

        @Test(arguments: [
            RESTFault(.status(502), path: "/callback"), RESTFault(.reset, path: "/callback"),
            RESTFault(.malformed, path: "/callback"),
            RESTFault(.rateLimited(retryAfter: 0.3, scope: "shared"), path: "/callback"),
            RESTFault(.slow(0.5), path: "/callback"),
        ])
        func aFailingDiscordCostsNoAnswer(_ fault: RESTFault) async throws {
            let rig = try await Rig.start()
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            await rig.world.inject(fault)
            let card = try await rig.type("play", ["query": "morning train"])
            #expect(text(of: card).contains("Morning Train"))
            await rig.world.inject(fault)
            #expect(text(of: try await rig.press("pause", of: card)).contains("Resume"))
            await rig.stop()
        }

        @Test(arguments: [1, 2])
        func aDeferralThatFailsCostsNoAnswer(_ times: Int) async throws {
            let plugins = try await PluginFolder("slow")
            let rig = try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": plugins.path])
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            await rig.world.inject(RESTFault(.reset, path: "/callback", times: times))
            await rig.world.inject(RESTFault(.status(500), method: "PATCH", path: "@original"))
            let hold = try Hold()
            let file = try await Songs.shared.folder() + "/glass-harbour.flac"
            let id = try await rig.send("play", ["query": .string("slow:\(hold.reader):\(file)")])
            #expect(
                await eventually {
                    await rig.world.requests().count { $0.path.hasSuffix("/callback") } >= 2
                })
            hold.letGo()
            let answer = try #require(await rig.world.answer(to: id, within: .seconds(60)))
            #expect(text(of: answer).contains("Slow Song"))
            await rig.stop()
        }

        @Test func stoppingWaitsForWhatIsUnderWay() async throws {
            let plugins = try await PluginFolder("slow")
            let rig = try await Rig.start(environment: ["TIMMYBOT_PLUGIN_DIR": plugins.path])
            _ = try await rig.world.listen(rig.human, in: rig.home.voice)
            let hold = try Hold()
            let file = try await Songs.shared.folder() + "/glass-harbour.flac"
            let id = try await rig.send("play", ["query": .string("slow:\(hold.reader):\(file)")])
            #expect(await eventually { await rig.isThinking() })
            let drained = Task { await rig.app.drain(within: .seconds(10)) }
            #expect(
                await eventually {
                    let answer = try? await rig.type("now-playing")
                    return answer.map { text(of: $0).contains("restart") } ?? false
                })
            hold.letGo()
            #expect(await drained.value == 0)
            #expect(text(of: try #require(await rig.world.answer(to: id))).contains("Slow Song"))
            await rig.stop()
        }
    }
}
