import CTimmyBot
import Synchronization
import Testing

@testable import TimmyKit

/// Every accepted task is settled exactly once, whatever the author's code does.
@Suite("Settling", .timeLimit(.minutes(5)))
struct SettleTests {
    private struct Answers: Plugin {
        static let id = "test.answers"
        static let version = "1.0.0"
        let host: Host
        /// Lets handlers go on that do not heed their cancellation.
        static let heard = Atomic(0)
        static let gates = Mutex<[ObjectIdentifier: CheckedContinuation<Void, Never>]>([:])

        init(host: Host) { self.host = host }

        @CommandList static var commands: [Command] {
            Command("once", "Answers") { call in try call.reply("hello") }
            Command("twice", "Answers twice") { call in
                try call.reply("first")
                try call.reply("second")
            }
            Command("never", "Forgets to answer") { _ in }
            Command("throws", "Fails") { _ in
                throw Failure(code: .rateLimit, userText: "Slowly.", detail: "429", retryAfterMilliseconds: 250)
            }
            Command("foreign", "Fails with an error of its own") { _ in throw Foreign() }
            Command("waits", "Waits for the store") { call in
                _ = try await call.host.store.get("key")
                try call.reply("late")
            }
            Command("deaf", "Does not heed its cancellation") { call in
                let key = ObjectIdentifier(call.instance)
                await withCheckedContinuation { continuation in Self.gates.withLock { $0[key] = continuation } }
                call.host.metrics.count("after")
                defer { Self.heard.add(1, ordering: .relaxed) }
                try call.reply("after all")
            }
            Command("long", "Takes its time") { call in
                try call.deferReply(ephemeral: true)
                call.progress("half way")
                try call.reply(
                    [.text("done")], ephemeral: true,
                    attachments: [.init(name: "a.txt", type: "text/plain", bytes: [1, 2, 3])])
                try call.edit([.text("changed")])
                try call.followUp([.text("more")])
            }
        }
        struct Foreign: Error {}
    }

    @Test func anAnswerArrivesOnce() async throws {
        let started = try Started(Answers.self)
        let task = try started.invoke("once")
        #expect(await started.host.outcome(task).text == "hello")
        started.end()
        #expect(started.host.count(task) == 1)
    }

    /// Without a change of threads: up to its first wait a handler runs on the lane.
    @Test func whatNeedsNoWaitIsAnsweredOnTheLane() throws {
        let started = try Started(Answers.self)
        let task = try started.invoke("once")
        #expect(started.host.count(task) == 1)
    }

    @Test func aSecondAnswerNeverReachesTheHost() async throws {
        let started = try Started(Answers.self)
        let task = try started.invoke("twice")
        #expect(await started.host.outcome(task).text == "first")
        started.end()
        #expect(started.host.count(task) == 1)
    }

    @Test func noAnswerIsAFailure() async throws {
        let started = try Started(Answers.self)
        let task = try started.invoke("never")
        let failure = await started.host.outcome(task).failure
        #expect(failure?.code == .internal && failure?.detail == "the handler ended without an answer")
        started.end()
        #expect(started.host.count(task) == 1)
    }

    @Test func whatIsThrownIsTold() async throws {
        let started = try Started(Answers.self)
        let expected = Failure(code: .rateLimit, userText: "Slowly.", detail: "429", retryAfterMilliseconds: 250)
        #expect(await started.host.outcome(try started.invoke("throws")) == .failed(expected))
        let foreign = await started.host.outcome(try started.invoke("foreign")).failure
        #expect(foreign?.code == .internal && foreign?.userText == "" && foreign?.detail == "Foreign()")
    }

    /// What a person is told about is no fault of the plugin, which the host would let rest for it.
    @Test func wordsForTheUserAreTheirMistake() {
        #expect(Failure(userText: "Try 1:23.").code == .invalid)
        #expect(Failure(detail: "a fault").code == .internal && Failure().code == .internal)
        #expect(Failure(code: .internal, userText: "Sorry.").code == .internal)
    }

    @Test func aRefusedMessageIsThrownAndSettles() async throws {
        let started = try Started(Answers.self)
        started.host.state.withLock { $0.refused = ["hello"] }
        let task = try started.invoke("once")
        let failure = await started.host.outcome(task).failure
        #expect(failure?.code == .invalid)
        started.end()
        #expect(started.host.count(task) == 1)
    }

    @Test func whatHappensBetweenAndAfter() async throws {
        let started = try Started(Answers.self)
        let task = try started.invoke("long")
        guard case .sent(_, let flags, let attachments) = await started.host.outcome(task) else {
            Issue.record("no answer")
            return
        }
        #expect(flags == TB_REPLY_EPHEMERAL && attachments == ["a.txt text/plain 3"])
        started.end()
        let state = started.host.state.withLock { $0 }
        #expect(state.deferred[task] == TB_REPLY_EPHEMERAL && state.progress == ["half way"])
        #expect(state.edits == [[["type": 10, "content": "changed"]]])
        #expect(state.followUps == [[["type": 10, "content": "more"]]])
    }

    /// The host's cancel ends the wait although the store never answers; its late answer is harmless.
    @Test func cancelReachesTheSwiftTask() async throws {
        let started = try Started(Answers.self)
        started.host.state.withLock { $0.holdsBack = true }
        let task = try started.invoke("waits")
        #expect(await eventually { started.host.heldCount == 1 })
        started.cancel(task)
        #expect(await started.host.outcome(task).failure?.code == .cancelled)
        started.host.release()
        started.end()
        #expect(started.host.count(task) == 1)
    }

    @Test func completionsMayComeBeforeTheirRequestHasReturned() async throws {
        let started = try Started(Answers.self)
        started.host.state.withLock { $0.answersFirst = true }
        for round in 0..<20 {
            let task = try started.invoke("waits")
            if round % 4 == 3 { started.cancel(task) }
            let outcome = await started.host.outcome(task)
            #expect(outcome.text == "late" || (round % 4 == 3 && outcome.failure?.code == .cancelled))
        }
        started.end()
    }

    @Test func cancelOfAnUnknownTaskIsHarmless() async throws {
        let started = try Started(Answers.self)
        started.cancel(4_711)
        #expect(await started.host.outcome(try started.invoke("once")).text == "hello")
    }

    @Test func stopSettlesWhatIsOpenAndTakesNoMore() async throws {
        let started = try Started(Answers.self)
        started.host.state.withLock { $0.holdsBack = true }
        let tasks = try (0..<10).map { _ in try started.invoke("waits") }
        #expect(await eventually { started.host.heldCount == 10 })
        started.stop()
        for task in tasks { #expect(started.host.count(task) == 1) }
        #expect(throws: Failure.self) { try started.invoke("once") }
        started.end()
        started.host.release()
    }

    /// A handler that does not heed its cancellation is answered for by `stop`; its own answer comes too late.
    @Test func stopDoesNotWaitForTheDeaf() async throws {
        let started = try Started(Answers.self)
        let task = try started.invoke("deaf")
        #expect(await eventually { Answers.gates.withLock { !$0.isEmpty } })
        let began = ContinuousClock.now
        started.stop()
        #expect(ContinuousClock.now - began < .seconds(20))
        #expect(await started.host.outcome(task).failure?.code == .cancelled)
        started.end()
        for continuation in Answers.gates.withLock({ $0.values.map { $0 } }) { continuation.resume() }
        #expect(await eventually { Answers.heard.load(ordering: .relaxed) > 0 })
        #expect(started.host.count(task) == 1)
        #expect(started.host.state.withLock { $0.metrics.isEmpty && $0.log.isEmpty }, "the host may be gone by then")
    }

    /// Answers, cancellation, completions and stop in every order that many threads find.
    @Test func everyOrderSettlesOnce() async throws {
        for round in 0..<20 {
            let started = try Started(Answers.self)
            started.host.state.withLock { $0.holdsBack = true }
            var tasks: [tb_task] = []
            for index in 0..<20 {
                tasks.append(try started.invoke(["waits", "once", "never", "throws"][(index + round) % 4]))
            }
            await withTaskGroup(of: Void.self) { group in
                for task in tasks where task % 3 != 0 { group.addTask { started.cancel(task) } }
                group.addTask { started.host.release() }
                group.addTask { started.stop() }
            }
            started.end()
            started.host.release()
            for task in tasks { #expect(started.host.count(task) == 1, "round \(round), task \(task)") }
        }
    }

    @Test func expiredTasksAreHarmless() async throws {
        let started = try Started(Answers.self)
        started.host.state.withLock { $0.expired = [1] }
        #expect(try started.invoke("once") == 1)
        #expect(await started.host.outcome(try started.invoke("once")).text == "hello")
        started.end()
        #expect(started.host.count(1) == 0)
    }
}
