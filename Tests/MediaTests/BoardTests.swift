import CLinux
import Foundation
import Glibc
import Synchronization
import Testing

/// What the worker's threads have on the board.
@Suite("The worker's board")
struct BoardTests {
    private final class Found: Sendable {
        let stack = Mutex<UInt>(0)
        let done = DispatchSemaphore(value: 0)
    }

    /// Where a new thread that is `lane` takes signals.
    private func signalStack(of lane: Int32) -> UInt {
        let found = Found()
        let thread = Thread {
            tb_board_join(lane)
            var stack = stack_t()
            sigaltstack(nil, &stack)
            found.stack.withLock { $0 = UInt(bitPattern: stack.ss_sp) }
            found.done.signal()
        }
        thread.start()
        found.done.wait()
        return found.stack.withLock { $0 }
    }

    /// Threads stand in for others all the time; what each left behind would add up.
    @Test func oneThreadAfterTheOtherTakesNoMoreMemory() {
        let first = signalStack(of: 3)
        #expect(first != 0)
        for _ in 0..<5 { #expect(signalStack(of: 3) == first) }
        #expect(signalStack(of: 4) != first)
        #expect(signalStack(of: TB_BOARD_LANES) == 0, "no lane of the board's")
    }
}
