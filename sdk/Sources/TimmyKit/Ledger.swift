import CTimmyBot
import Synchronization

/// What an instance has begun and not ended: the host's tasks and the author's own work in the background.
final class Ledger: Sendable {
    private struct Entry {
        let open: OpenTask?
        let work: Task<Void, Never>
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

    /// Starts `body` in a Swift task of its own. It settles `open`; where it does not, this does.
    ///
    /// - Returns: false after `stop`: nothing was started.
    @discardableResult
    func start(_ open: OpenTask?, _ body: @escaping @Sendable () async throws -> Void) -> UInt64? {
        state.withLock { state in
            guard !state.isStopped else { return nil }
            state.next += 1
            let number = state.next
            let work = Task {
                do {
                    try await body()
                    if open?.isOpen == true { open?.fail(Failure(detail: "the handler ended without an answer")) }
                } catch {
                    open?.fail(error)
                }
                self.ended(number, open?.id)
            }
            state.entries[number] = Entry(open: open, work: work)
            if let open { state.numbers[open.id] = number }
            return number
        }
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
        state.withLock { state in state.numbers[task].flatMap { state.entries[$0]?.work } }?.cancel()
    }

    func cancel(number: UInt64) { state.withLock { $0.entries[number]?.work }?.cancel() }

    /// Takes no new work, cancels what runs, waits a little, and fails what is still open then.
    func stop() {
        let running = state.withLock { state in
            state.isStopped = true
            return Array(state.entries.values)
        }
        guard !running.isEmpty else { return }
        for entry in running { entry.work.cancel() }
        if empty.wait(milliseconds: Self.patience) { return }
        let deaf = state.withLock { Array($0.entries.values) }
        for entry in deaf { entry.open?.fail(Failure(code: .cancelled, detail: "the plugin is being stopped")) }
        // An answer that is on its way to the host right now gets there before `stop` returns.
        if deaf.contains(where: { $0.open?.isSettling == true }) { empty.wait(milliseconds: Self.patience) }
    }
}
