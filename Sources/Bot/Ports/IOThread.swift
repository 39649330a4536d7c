import Dispatch
import Foundation
import Synchronization

/// A thread of its own for work that blocks on the disk, in the order in which it came. Ends with its last owner, after
/// what is waiting.
final class IOThread: Sendable {
    private typealias Work = @Sendable () -> Void

    private final class Inbox: Sendable {
        let waiting = Mutex<(work: [Work], isClosed: Bool)>(([], false))
        let signal = DispatchSemaphore(value: 0)

        func loop() {
            while true {
                signal.wait()
                let (batch, isClosed) = waiting.withLock { waiting in
                    defer { waiting.work = [] }
                    return waiting
                }
                for work in batch { work() }
                if isClosed { return }
            }
        }
    }

    private let inbox = Inbox()

    init(name: String) {
        let thread = Thread { [inbox] in inbox.loop() }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    deinit {
        inbox.waiting.withLock { $0.isClosed = true }
        inbox.signal.signal()
    }

    /// Runs `body` on the thread and returns what it gives. Who calls waits, so each caller has at most one in line.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { done in
            inbox.waiting.withLock { $0.work.append { done.resume(returning: body()) } }
            inbox.signal.signal()
        }
    }
}
