import CTimmyBot
import Synchronization
import Testing

@testable import PluginHost

/// `timmy.clock/1`: the pure queue, and the timers of a C plugin on a clock that the test moves.
@Suite("The clock extension")
struct ClockExtensionTests {
    // MARK: The queue

    /// A queue that expectations may change.
    private final class Queue {
        private var queue = TimerQueue()
        var nextDue: UInt64? { queue.nextDue }
        func add(after delay: UInt64, now: UInt64) -> UInt64? { queue.add(after: delay, now: now) }
        func takeDue(now: UInt64) -> [UInt64] { queue.takeDue(now: now) }
        func claim(_ id: UInt64) -> Bool { queue.claim(id) }
        func putBack(_ id: UInt64, until time: UInt64) { queue.putBack(id, until: time) }
        func cancel(_ id: UInt64) -> Bool { queue.cancel(id) }
        func cancelAll() -> Set<UInt64> { queue.cancelAll() }
    }

    @Test func theyFireInOrderAndOnce() {
        let queue = Queue()
        let late = queue.add(after: 30, now: 0), early = queue.add(after: 10, now: 0),
            same = queue.add(after: 10, now: 0)
        #expect([late, early, same] == [1, 2, 3] && queue.nextDue == 10)
        #expect(queue.takeDue(now: 9).isEmpty)
        #expect(queue.takeDue(now: 10) == [2, 3] && queue.takeDue(now: 10).isEmpty)
        #expect(queue.claim(2) && !queue.claim(2) && queue.nextDue == 30)
        #expect(!queue.cancel(2), "it has run")
        #expect(queue.cancel(3) && !queue.claim(3), "due, but cancelled in time")
        #expect(queue.cancel(1) && !queue.cancel(1) && queue.nextDue == nil)
        #expect(!queue.cancel(99) && !queue.claim(99))
    }

    @Test func thereAreAtMost64() {
        let queue = Queue()
        for _ in 0..<64 { #expect(queue.add(after: 5, now: 0) != nil) }
        #expect(queue.add(after: 5, now: 0) == nil)
        let due = queue.takeDue(now: 5)
        #expect(queue.add(after: 5, now: 5) == nil, "those on their way count")
        #expect(queue.claim(due[0]) && queue.add(after: 5, now: 5) != nil)
        #expect(queue.cancelAll() == Set(due.dropFirst() + [65]))
        #expect(queue.nextDue == nil && !queue.claim(due[1]))
    }

    @Test func whatTheLaneDidNotTakeComesAgain() {
        let queue = Queue()
        let id = queue.add(after: 5, now: 0) ?? 0
        #expect(queue.takeDue(now: 5) == [id])
        queue.putBack(id, until: 105)
        #expect(
            !queue.claim(id) && queue.takeDue(now: 104).isEmpty && queue.takeDue(now: 105) == [id] && queue.claim(id))
    }

    // MARK: The plugin

    private func timer(_ plugin: PortsHost, _ delay: Int64, _ label: Int64) async -> String {
        await plugin.run("timer", ["delay": .integer(delay), "label": .integer(label)])
    }

    /// Also waits for what was put on the lane before.
    private func fired(_ plugin: PortsHost, _ expected: String) async -> Bool {
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end {
            if await plugin.run("timer_fired") == expected { return true }
        }
        return false
    }

    @Test func timersFireOnTheLane() async throws {
        let time = ManualTime()
        let plugin = try PortsHost(time: time)
        #expect(await timer(plugin, 100, 1) == "0 1")
        #expect(await timer(plugin, 50, 2) == "0 2")
        #expect(await timer(plugin, 100, 3) == "0 3")
        #expect(await timer(plugin, 70, 4) == "0 4")
        #expect(await plugin.run("timer_cancel", ["number": .integer(4)]) == "0")
        #expect(await plugin.run("timer_cancel", ["number": .integer(4)]) == "-8")
        #expect(await eventually { time.sleeperCount == 1 })
        time.advance(49)
        #expect(await plugin.run("timer_fired") == "")
        time.advance(1)
        #expect(await fired(plugin, "2;"))
        #expect(await eventually { time.sleeperCount == 1 })
        time.advance(50)
        #expect(await fired(plugin, "2;1;3;"))
        #expect(await plugin.run("timer_cancel", ["number": .integer(1)]) == "-8")
        #expect(await timer(plugin, 0, 5) == "0 5")
        #expect(await fired(plugin, "2;1;3;5;"))
        plugin.host.shutdown()
    }

    @Test func theBoundsHold() async throws {
        let time = ManualTime()
        let plugin = try PortsHost(time: time)
        #expect(await timer(plugin, 86_400_001, 1) == "-1 0")
        for _ in 0..<64 { #expect(await timer(plugin, 86_400_000, 1).hasPrefix("0 ")) }
        #expect(await timer(plugin, 1, 1) == "-6 0")
        #expect(await plugin.run("times") == "\(time.unixMilliseconds()) \(time.monotonicMilliseconds())")
        plugin.host.shutdown()
    }

    @Test func aStoppedPluginsTimersDoNotFire() async throws {
        let time = ManualTime(), jobs = Mutex<[@Sendable () -> Void]>([]), fired = Mutex(0)
        let port = TimerPort(time) { job, _ in
            jobs.withLock { $0.append(job) }
            return true
        }
        #expect(port.start(after: 10) { fired.withLock { $0 += 1 } }.status == TB_OK)
        #expect(port.start(after: 20) { fired.withLock { $0 += 1 } }.status == TB_OK)
        #expect(await eventually { time.sleeperCount == 1 })
        time.advance(10)
        #expect(await eventually { jobs.withLock { $0.count } == 1 })
        port.stop()
        // It was on its way already when the plugin was stopped.
        for job in jobs.withLock({ $0 }) { job() }
        time.advance(1_000)
        #expect(await eventually { time.sleeperCount == 0 })
        #expect(fired.withLock { $0 } == 0)
        #expect(port.start(after: 1) {}.status == TB_E_CANCELLED)
        // Neither will fire any more, the one on its way included, and whoever cancels them is told so.
        for timer in [UInt64(1), 2] {
            #expect(port.cancel(timer) == TB_OK && port.cancel(timer) == TB_E_STALE)
        }
    }

    /// As where all threads hang, or the plugin rests after failures.
    @Test func whatTheLaneLetsGoOfFiresLater() async {
        let time = ManualTime(), taken = Mutex<[(job: @Sendable () -> Void, drop: @Sendable () -> Void)]>([])
        let fired = Mutex(0)
        let port = TimerPort(time) { job, drop in
            taken.withLock { $0.append((job, drop)) }
            return true
        }
        let timer = port.start(after: 10) { fired.withLock { $0 += 1 } }.timer
        #expect(await eventually { time.sleeperCount == 1 })
        time.advance(10)
        #expect(await eventually { taken.withLock { $0.count } == 1 })
        taken.withLock { $0.first }?.drop()
        #expect(await eventually { time.sleeperCount == 1 })
        time.advance(TimerPort.retryMilliseconds)
        #expect(await eventually { taken.withLock { $0.count } == 2 })
        taken.withLock { $0.last }?.job()
        #expect(fired.withLock { $0 } == 1 && port.cancel(timer) == TB_E_STALE)
    }

    @Test func aFullLaneOnlyDelays() async {
        let time = ManualTime(), attempts = Mutex(0), fired = Mutex(0)
        let port = TimerPort(time) { job, _ in
            let attempt = attempts.withLock {
                $0 += 1
                return $0
            }
            guard attempt > 2 else { return false }
            job()
            return true
        }
        _ = port.start(after: 10) { fired.withLock { $0 += 1 } }
        for step in [UInt64(10), 100, 100] {
            #expect(await eventually { time.sleeperCount == 1 })
            time.advance(step)
        }
        #expect(await eventually { fired.withLock { $0 } == 1 && attempts.withLock { $0 } == 3 })
    }

    @Test func theSystemsTimeGoesOn() async throws {
        let time = SystemTime()
        let start = time.monotonicMilliseconds()
        try await time.sleep(untilMonotonic: start + 3)
        #expect(time.monotonicMilliseconds() >= start + 3)
        #expect(time.unixMilliseconds() > 1_700_000_000_000)
    }
}
