import CLinux
import Glibc
import MediaWire

/// One thread that works at streams, as the others see it.
///
/// `@unchecked Sendable`: `clock` is set once before the lane is published; the rest is guarded by the server's lock.
final class Lane: @unchecked Sendable {
    /// Place on the board.
    let index: Int
    private let board: OpaquePointer
    private let clock: clockid_t
    /// What it is at, since when (milliseconds); 0 for nothing.
    private(set) var id: UInt32 = 0
    private var since: UInt64 = 0
    /// CPU time when the ticker first found it at this; nil before.
    private var cpuThen: UInt64?

    /// On the lane's own thread; nil where the thread has no clock.
    init?(index: Int, board: OpaquePointer) {
        var clock = clockid_t()
        guard tb_thread_cpu_clock(&clock) == 0 else { return nil }
        self.index = index
        self.board = board
        self.clock = clock
        tb_board_join(Int32(index))
    }

    func begin(_ id: UInt32, now: UInt64) {
        self.id = id
        since = now
        cpuThen = nil
        tb_board_set(board, Int32(index), id)
    }

    func end() {
        id = 0
        tb_board_set(board, Int32(index), 0)
    }

    func isStuck(now: UInt64) -> Bool { id != 0 && now >= since + Server.patience }

    /// From the ticker: CPU time is looked at only where something takes long, as that is a system call.
    func observe() {
        if id != 0, cpuThen == nil { cpuThen = tb_clock_nanoseconds(clock) }
    }

    /// Nil where the lane is at nothing, or not for long.
    func report(now: UInt64) -> LaneReport? {
        guard isStuck(now: now), let cpuThen else { return nil }
        let cpu = tb_clock_nanoseconds(clock)
        return LaneReport(
            id: id, cpu: Int(clamping: (cpu - min(cpu, cpuThen)) / 1_000_000), wall: Int(clamping: now - since))
    }
}
