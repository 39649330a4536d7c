import CTimmyBot
import TestSupport
import Testing

@testable import PluginHost

/// Deadlines of tasks share one timer.
@Suite struct DeadlineTests {
    private static func code(_ outcome: TaskOutcome) -> Int32 {
        switch outcome {
        case .failed(let failure), .overdue(let failure): failure.code
        default: TB_OK
        }
    }

    private static func begin(_ table: TaskTable, _ seconds: Int) -> Task<Int32, Never> {
        Task { code(await table.run(.command, owner: "test", deadline: .seconds(seconds)) { _ in }) }
    }

    @Test func manyTasksSleepOnOneTimer() async {
        let clock = ManualClock(), table = TaskTable(clock: clock)
        let tasks = (0..<50).map { _ in Self.begin(table, 60) }
        #expect(await eventually { table.openCount == 50 && clock.sleeperCount == 1 })
        clock.advance(by: .seconds(59))
        #expect(table.openCount == 50)
        clock.advance(by: .seconds(1))
        for task in tasks { #expect(await task.value == TB_E_TIMEOUT) }
        #expect(table.openCount == 0)
    }

    /// Whatever is begun first: each ends at its own time.
    @Test func aShorterDeadlineIsKeptBesideALongerOne() async {
        let clock = ManualClock(), table = TaskTable(clock: clock)
        let long = Self.begin(table, 60)
        #expect(await eventually { table.openCount == 1 && clock.sleeperCount == 1 })
        let short = Self.begin(table, 2)
        #expect(await eventually { table.openCount == 2 })
        // The timer that would sleep for too long is replaced; until it has been, time moves on in vain.
        #expect(await eventually { clock.hasSleeper(within: .seconds(2)) && clock.sleeperCount == 1 })
        clock.advance(by: .seconds(2))
        #expect(await short.value == TB_E_TIMEOUT)
        #expect(table.openCount == 1)
        #expect(await eventually { clock.hasSleeper(within: .seconds(58)) && clock.sleeperCount == 1 })
        clock.advance(by: .seconds(57))
        #expect(table.openCount == 1)
        clock.advance(by: .seconds(1))
        #expect(await long.value == TB_E_TIMEOUT)
    }

    /// What was settled in time leaves its timer asleep, which then finds nothing to do, or what came later.
    @Test func aSettledTaskCostsTheNextNothing() async {
        let clock = ManualClock(), table = TaskTable(clock: clock)
        let first = await table.run(.health, owner: "test", deadline: .seconds(10)) {
            _ = table.settle($0, .healthy(note: "well"))
        }
        #expect(Self.code(first) == TB_OK)
        #expect(await eventually { clock.sleeperCount == 1 })
        clock.advance(by: .seconds(5))
        let second = Self.begin(table, 10)
        #expect(await eventually { table.openCount == 1 })
        clock.advance(by: .seconds(5))
        #expect(await eventually { clock.hasSleeper(within: .seconds(5)) && clock.sleeperCount == 1 })
        #expect(table.openCount == 1)
        clock.advance(by: .seconds(5))
        #expect(await second.value == TB_E_TIMEOUT)
        #expect(await eventually { clock.sleeperCount == 0 })
    }

    @Test func aTableThatIsLetGoOfLeavesNoTimer() async {
        let clock = ManualClock()
        await Self.use(clock)
        #expect(await eventually { clock.sleeperCount == 0 })
    }

    private static func use(_ clock: ManualClock) async {
        let table = TaskTable(clock: clock)
        _ = await table.run(.health, owner: "test", deadline: .seconds(10)) {
            _ = table.settle($0, .healthy(note: ""))
        }
        #expect(await eventually { clock.sleeperCount == 1 })
    }
}
