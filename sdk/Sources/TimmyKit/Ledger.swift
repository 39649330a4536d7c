import CTimmyBot
import Synchronization

/// What an instance has begun and not ended: the host's tasks and the author's own work in the background.
final class Ledger: Sendable {
    private struct Entry {
        let open: OpenTask?
        /// Nil while its first part still runs on the lane.
        var work: Task<Void, Never>?
        var isCancelled = false
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        /// The entry of each of the host's tasks.
        var numbers: [tb_task: UInt64] = [:]
        var next: UInt64 = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    private let empty = Gate()
    /// How long `stop` waits for cancelled work to come to its end by itself.
    static let patience: Int64 = 500

    /// Starts `body` in a Swift task of its own. It settles `open`; where it does not, this does. The body of a call runs here
    /// up to its first `await` that waits: on the lane, which is ours, and without a change of threads.
    ///
    /// - Returns: nil after `stop`: nothing was started.
    @discardableResult
    func start(_ open: OpenTask?, _ body: @escaping @Sendable () async throws -> Void) -> UInt64? {
        let number = state.withLock { state -> UInt64? in
            guard !state.isStopped else { return nil }
            state.next += 1
            state.entries[state.next] = Entry(open: open)
            if let open { state.numbers[open.id] = state.next }
            return state.next
        }
        guard let number else { return nil }
        let whole: @Sendable () async -> Void = {
            do {
                try await body()
                if open?.isOpen == true { open?.fail(Failure(detail: "the handler ended without an answer")) }
            } catch {
                open?.fail(error)
            }
            self.ended(number, open?.id)
        }
        let work = open == nil ? Task(operation: whole) : Task.immediate(operation: whole)
        let isCancelled = state.withLock { state in
            state.entries[number]?.work = work
            return state.entries[number]?.isCancelled == true
        }
        if isCancelled { work.cancel() }
        return number
    }

    private func ended(_ number: UInt64, _ task: tb_task?) {
        let isLast = state.withLock { state in
            state.entries[number] = nil
            if let task { state.numbers[task] = nil }
            return state.isStopped && state.entries.isEmpty
        }
        if isLast { empty.open() }
    }

    /// Cancels the Swift task of one of the host's tasks; settling is still its own.
    func cancel(task: tb_task) {
        if let number = state.withLock({ $0.numbers[task] }) { cancel(number: number) }
    }

    func cancel(number: UInt64) {
        let work = state.withLock { state in
            state.entries[number]?.isCancelled = true
            return state.entries[number]?.work
        }
        work?.cancel()
    }

    /// Takes no new work, cancels what runs, waits a little, and fails what is still open then.
    func stop() {
        let running = state.withLock { state in
            state.isStopped = true
            return Array(state.entries.keys)
        }
        guard !running.isEmpty else { return }
        for number in running { cancel(number: number) }
        if empty.wait(milliseconds: Self.patience) { return }
        let deaf = state.withLock { Array($0.entries.values) }
        for entry in deaf { entry.open?.fail(Failure(code: .cancelled, detail: "the plugin is being stopped")) }
        // An answer that is on its way to the host right now gets there before `stop` returns.
        if deaf.contains(where: { $0.open?.isSettling == true }) { empty.wait(milliseconds: Self.patience) }
    }
}
