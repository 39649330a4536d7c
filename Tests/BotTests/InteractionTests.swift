import DiscordModel
import Foundation
import Logging
import PluginHost
import Synchronization
import TestSupport
import Testing

@testable import Bot

private func interaction(_ type: Int = InteractionType.command) throws -> Interaction {
    try #require(
        Interaction([
            "id": "1", "application_id": "2", "type": .int(Int64(type)), "token": "t", "guild_id": "3",
            "channel_id": "4", "member": ["user": ["id": "5"], "permissions": "2147483648"], "locale": "de",
            "data": ["name": "test", "custom_id": "p:test.plugin:x"],
        ]))
}

private func reply(_ text: String, ephemeral: Bool = false) -> PluginReply {
    PluginReply(componentsJSON: "[{\"type\":10,\"content\":\"\(text)\"}]", isEphemeral: ephemeral)
}

private func quiet() -> Logger {
    var logger = Logger(label: "answers")
    logger.logLevel = .critical
    return logger
}

/// The first answer to an interaction and what comes after it, against a Discord that keeps its rules.
@Suite("Answers")
struct AnswerTests {
    private let discord = FakeDiscord()
    private let clock = ManualClock()

    private func answer(_ type: Int = InteractionType.command, isPrivate: Bool = false) throws -> InteractionAnswer {
        InteractionAnswer(
            try interaction(type), plugin: "test.plugin", isPrivate: isPrivate, rest: discord, clock: clock,
            logger: quiet()
        ) { reply async throws(PluginFailure) in
            try await MessageBuilder.message(reply, plugin: "test.plugin") { nil }
        }
    }

    private func error(_ text: String) -> MessageBuilder.Message { MessageBuilder.text(text, ephemeral: true) }
    private func message(_ text: String) -> MessageBuilder.Message { MessageBuilder.text(text, ephemeral: false) }

    /// Defers and waits until Discord was told.
    private func deferred(_ answer: InteractionAnswer, calls: Int = 1) async {
        answer.deferIfNeeded()
        #expect(await eventually { discord.calls.count >= calls })
    }

    @Test func aLateErrorIsSeenByItsCallerOnly() async throws {
        let answer = try answer()
        await deferred(answer)
        #expect(discord.shown.map(\.isLoading) == [true])
        await answer.send(error("no"), update: false, isError: true)
        #expect(discord.seenByAll == [])
        #expect(discord.shown.map(\.text) == ["no"] && discord.shown.map(\.isEphemeral) == [true])
        #expect(discord.calls == [.callback(5), .deleteOriginal, .followUp])
    }

    @Test func aLateAnswerOfThePluginsOwnMayBeEphemeralToo() async throws {
        let answer = try answer()
        await deferred(answer)
        await answer.send(
            MessageBuilder.Message(
                body: ["flags": 32832, "components": [["type": 10, "content": "psst"]]], attachments: []),
            update: false)
        #expect(discord.seenByAll == [] && discord.shown.map(\.text) == ["psst"])
    }

    /// Where the public answer cannot be taken away, what is private is not put in it.
    @Test func nothingPrivateIsEverShownToAll() async throws {
        let answer = try answer()
        await deferred(answer)
        discord.fail(.deleteOriginal, FakeDiscord.status(500))
        await answer.send(error("secret"), update: false, isError: true)
        #expect(discord.seenByAll == [InteractionAnswer.failed])
    }

    @Test func aLateAnswerFillsTheDeferredOne() async throws {
        let answer = try answer()
        await deferred(answer)
        await answer.send(message("yes"), update: false)
        #expect(discord.seenByAll == ["yes"] && discord.shown.count == 1)
    }

    @Test func aPrivateCommandIsPrivateFromTheStart() async throws {
        let answer = try answer(isPrivate: true)
        await deferred(answer)
        #expect(discord.shown == [FakeDiscord.Shown(id: 100, text: "", isEphemeral: true, isLoading: true)])
        await answer.send(message("for you"), update: false)
        #expect(discord.seenByAll == [] && discord.shown.map(\.text) == ["for you"])
        let early = FakeDiscord()
        let second = InteractionAnswer(
            try interaction(), plugin: "test.plugin", isPrivate: true, rest: early, clock: clock, logger: quiet())
        await second.send(message("at once"), update: false)
        #expect(early.seenByAll == [] && early.shown.map(\.text) == ["at once"])
    }

    /// A deferral that fails costs nobody an answer, whether Discord had it or not.
    @Test(arguments: [true, false], [true, false])
    func aFailedDeferralCostsNoAnswer(_ arrives: Bool, _ isError: Bool) async throws {
        let answer = try answer()
        for _ in 0..<2 { discord.fail(.callback(5), FakeDiscord.reset, arrives: arrives) }
        await deferred(answer, calls: 2)
        await answer.send(isError ? error("no") : message("yes"), update: false, isError: isError)
        #expect(discord.shown.map(\.text) == [isError ? "no" : "yes"])
        #expect(discord.shown.map(\.isEphemeral) == [isError])
    }

    @Test(arguments: [true, false])
    func aLostFirstAnswerIsTriedAgain(_ arrives: Bool) async throws {
        discord.fail(.callback(4), FakeDiscord.reset, arrives: arrives)
        await (try answer()).send(message("yes"), update: false)
        #expect(discord.seenByAll == ["yes"] && discord.shown.count == 1)
    }

    @Test func whatDiscordRefusesIsSaidInOtherWords() async throws {
        discord.fail(.callback(4), FakeDiscord.status(400, 50035))
        await (try answer()).send(message("odd"), update: false)
        #expect(discord.shown.map(\.text) == [InteractionAnswer.failed] && discord.shown.map(\.isEphemeral) == [true])
    }

    @Test func aButtonsLateErrorLeavesItsMessageAlone() async throws {
        let answer = try answer(InteractionType.component)
        await deferred(answer)
        await answer.send(error("no"), update: false, isError: true)
        #expect(discord.calls == [.callback(6), .followUp])
        #expect(discord.shown.map(\.isEphemeral) == [true])
    }

    // MARK: Beside the answer

    @Test func editsAndFollowUpsComeAfterTheAnswer() async throws {
        let answer = try answer()
        // The plugin is faster than Discord: nothing may overtake the answer.
        discord.gate.close()
        async let sent: Void = answer.send(message("one"), update: false)
        #expect(await eventually { discord.gate.waiting == 1 })
        answer.update(.edit(reply("two")))
        answer.update(.followUp(reply("more", ephemeral: true)))
        answer.update(.edit(reply("three")))
        discord.gate.open()
        await sent
        #expect(await eventually { discord.shown.count == 2 && discord.shown[0].text == "three" })
        #expect(discord.shown.map(\.text) == ["three", "more"] && discord.shown.map(\.isEphemeral) == [false, true])
        #expect(discord.calls.first == .callback(4))
    }

    @Test func anEditOfAPrivateLateAnswerFindsIt() async throws {
        let answer = try answer()
        await deferred(answer)
        await answer.send(error("first"), update: false, isError: true)
        answer.update(.edit(reply("second")))
        #expect(await eventually { discord.shown.map(\.text) == ["second"] })
        #expect(discord.seenByAll == [] && discord.calls.last == .edit)
    }

    @Test func progressIsShownWhileItIsDeferredAndNotTooOften() async throws {
        let answer = try answer()
        answer.update(.progress("before"))
        await deferred(answer)
        #expect(await eventually { discord.seenByAll == ["⏳ before"] })
        answer.update(.progress("one"))
        answer.update(.progress("two"))
        #expect(await eventually { clock.sleeperCount == 1 })
        #expect(discord.calls == [.callback(5), .editOriginal])
        clock.advance(by: InteractionAnswer.progressPause)
        #expect(await eventually { discord.seenByAll == ["⏳ two"] })
        #expect(discord.calls == [.callback(5), .editOriginal, .editOriginal])
        await answer.send(message("done"), update: false)
        answer.update(.progress("too late"))
        #expect(await eventually { clock.sleeperCount == 1 })
        clock.advance(by: InteractionAnswer.progressPause)
        await answer.send(message("again"), update: false)
        #expect(discord.seenByAll == ["done"])
    }

    @Test func aModalIsShownWithThePrefixAndNeverAfterADeferral() async throws {
        let json = """
            {"title":"T","custom_id":"ask","components":[{"type":18,"label":"L","component":\
            {"type":4,"custom_id":"word","style":1}}]}
            """
        let first = try answer()
        #expect(first.objection(toModal: json) == nil)
        // The plugin's modal is on its way: the timer must not get in between.
        first.deferIfNeeded()
        await first.finish(.modal(MessageBuilder.modal(json, plugin: "test.plugin").body))
        #expect(discord.calls == [.callback(9)])
        #expect(discord.modal?["custom_id"] == "p:test.plugin:ask")
        #expect(discord.modal?["components"]?[0]?["component"]?["custom_id"] == "word")
        let second = try answer()
        second.deferIfNeeded()
        #expect(second.objection(toModal: json)?.contains("deferral") == true)
        #expect(try answer(InteractionType.modal).objection(toModal: json) != nil)
        #expect(try answer().objection(toModal: "{}") == "title: is missing")
        #expect(try answer().objection(toModal: "[]") != nil)
    }
}

/// Effects in the order of arrival.
@Suite("Order of arrival")
final class ArrivalOrderTests: Sendable {
    private let clock = ManualClock()
    private let waiting = Mutex<[Task<Void, Never>]>([])

    private func call(_ user: UInt64 = 5, _ command: String = "play", guild: UInt64 = 1) -> PluginInvocation {
        PluginInvocation(guild: guild, channel: 2, user: user, voiceChannel: 0, locale: "de", command: command)
    }

    /// Whether `body` does not return while nothing else happens.
    private func waits(_ body: @escaping @Sendable () async -> Void) async -> Bool {
        let done = Gate()
        done.close()
        let task = Task {
            await body()
            done.open()
        }
        for _ in 0..<200 { await Task.yield() }
        waiting.withLock { $0.append(task) }
        return !done.isOpen
    }

    @Test func aSearchDoesNotHoldOthersUpButItsSuccessors() async {
        let order = ArrivalOrder(clock: clock)
        let first = order.arrive(call(), hints: ["slow"])
        let second = order.arrive(call(), hints: ["quick"])
        let pause = order.arrive(call(6, "pause"), hints: [])
        await order.turn(first)
        #expect(await waits { await order.turn(second) })
        // The first has reached the player and searches.
        #expect(order.ticket(for: call(), hint: "slow") == first)
        order.searches(first)
        await order.turn(second)
        #expect(order.ticket(for: call(), hint: "quick") == second)
        order.searches(second)
        await order.turn(pause)
        #expect(await waits { await order.turnToAdd(second) })
        await order.turnToAdd(first)
        order.leave(first)
        await order.turnToAdd(second)
        order.leave(second)
        order.leave(pause)
        #expect(order.count == 0)
    }

    @Test func theHintTellsAlikeCallsApart() {
        let order = ArrivalOrder(clock: clock)
        let first = order.arrive(call(), hints: ["one"]), second = order.arrive(call(), hints: ["two"])
        #expect(order.ticket(for: call(), hint: "two") == second)
        #expect(order.ticket(for: call(), hint: "one") == first)
        #expect(order.ticket(for: call(), hint: "changed by the plugin") == first)
        #expect(order.ticket(for: call(9), hint: "one") == nil)
        #expect(order.ticket(for: call(guild: 7), hint: "one") == nil)
    }

    @Test func nobodyWaitsForEverAndGuildsDoNotWaitForEachOther() async {
        let order = ArrivalOrder(clock: clock)
        let first = order.arrive(call(), hints: [])
        let elsewhere = order.arrive(call(guild: 7), hints: [])
        await order.turn(elsewhere)
        let second = order.arrive(call(), hints: [])
        let waiting = Task { await order.turn(second) }
        #expect(await eventually { clock.sleeperCount == 1 })
        clock.advance(by: ArrivalOrder.patience)
        await waiting.value
        order.searches(first)
        let adding = Task { await order.turnToAdd(second) }
        #expect(await eventually { clock.sleeperCount == 1 })
        clock.advance(by: ArrivalOrder.searchPatience)
        await adding.value
    }

    /// A command that never reaches the player is waited for once, and then by nobody: neither commands nor searches.
    @Test func aHangingCommandIsWaitedForOnce() async {
        let order = ArrivalOrder(clock: clock)
        let hanging = order.arrive(call(6, "hang"), hints: [])
        let first = order.arrive(call(), hints: [])
        let waiting = Task { await order.turn(first) }
        #expect(await eventually { clock.sleeperCount == 1 })
        clock.advance(by: ArrivalOrder.patience)
        await waiting.value
        order.searches(first)
        await order.turnToAdd(first)
        let second = order.arrive(call(), hints: [])
        await order.turn(second)
        // It may still come back, and then what is later waits for its search.
        #expect(order.ticket(for: call(6, "hang"), hint: "") == hanging)
        order.searches(hanging)
        #expect(await waits { await order.turnToAdd(second) })
        order.leave(first)
        order.leave(hanging)
        await order.turnToAdd(second)
    }

    @Test func aGroupIsBoundedAndDrains() async {
        let group = InteractionGroup()
        let gate = Gate()
        gate.close()
        #expect(group.start { await gate.pass() })
        #expect(group.count == 1)
        let drained = Task { await group.drain(within: .seconds(5), clock: clock) }
        #expect(await eventually { group.isClosed && clock.sleeperCount == 1 })
        gate.open()
        #expect(await drained.value == 0)
        #expect(group.count == 0)
        // One that does not end is cancelled.
        let stuck = InteractionGroup()
        #expect(stuck.start { try? await Task.sleep(for: .seconds(3_600)) })
        let left = Task { await stuck.drain(within: .seconds(5), clock: clock) }
        #expect(await eventually { clock.sleeperCount == 1 })
        clock.advance(by: .seconds(5))
        #expect(await left.value == 1)
        let full = InteractionGroup()
        gate.close()
        for _ in 0..<InteractionGroup.maximum { #expect(full.start { await gate.pass() }) }
        #expect(!full.start {})
        gate.open()
        await full.idle()
    }
}
