import CTimmyBot
import Synchronization

/// How a task ended.
enum TaskOutcome: Sendable {
    case reply(PluginReply)
    case modal(json: String)
    case choices([PluginChoice])
    case tracks([PluginTrack])
    case media(PluginMedia)
    case artwork(type: String, bytes: [UInt8])
    case failed(PluginFailure)
}

/// What a task may be settled with.
enum TaskKind: Sendable { case command, autocomplete, resolve, open, artwork }

/// Tasks that plugins were given. Numbers are never used twice; each is settled once, and whatever comes later is stale
/// and harmless.
final class TaskTable: Sendable {
    private struct Entry: Sendable {
        let kind: TaskKind
        let owner: String
        let continuation: CheckedContinuation<TaskOutcome, Never>
        var deadline: Task<Void, Never>?
    }

    private struct State: Sendable {
        var next: UInt64 = 1
        var entries: [UInt64: Entry] = [:]
    }

    private let state = Mutex(State())
    private let late = Mutex<[String: Int]>([:])
    private let clock: any Clock<Duration>

    init(clock: any Clock<Duration>) { self.clock = clock }

    var openCount: Int { state.withLock { $0.entries.count } }

    /// Answers of a plugin that came after its task was over.
    func lateCount(of owner: String) -> Int { late.withLock { $0[owner] ?? 0 } }

    /// Runs `start` with a new task's number and waits until the task is settled, by the plugin or by its deadline.
    func run(
        _ kind: TaskKind, owner: String, deadline: Duration, _ start: @escaping @Sendable (tb_task) -> Void
    ) async -> TaskOutcome {
        await withCheckedContinuation { continuation in
            let id = state.withLock { state in
                let id = state.next
                state.next += 1
                state.entries[id] = Entry(kind: kind, owner: owner, continuation: continuation)
                return id
            }
            let timer = Task { [clock, self] in
                do { try await clock.sleep(for: deadline) } catch { return }
                _ = settle(
                    id, .failed(PluginFailure(code: TB_E_TIMEOUT, detail: "\(owner): no answer within \(deadline)")))
            }
            let alive = state.withLock { state -> Bool in
                guard state.entries[id] != nil else { return false }
                state.entries[id]?.deadline = timer
                return true
            }
            if !alive { timer.cancel() }
            start(id)
        }
    }

    /// Settles a task of the right kind; `TB_E_STALE` where it is over, `TB_E_INVALID` where the outcome does not fit it.
    func settle(_ id: tb_task, _ outcome: TaskOutcome, owner: String? = nil) -> tb_status {
        let found: Entry? = state.withLock { state in
            guard let entry = state.entries[id], owner == nil || owner == entry.owner else { return nil }
            return entry.kind.takes(outcome) ? state.entries.removeValue(forKey: id) : entry
        }
        guard let found else {
            if let owner { late.withLock { $0[owner, default: 0] += 1 } }
            return TB_E_STALE
        }
        guard found.kind.takes(outcome) else { return TB_E_INVALID }
        found.deadline?.cancel()
        found.continuation.resume(returning: outcome)
        return TB_OK
    }

    /// Passes on what a plugin does about a command beside settling it; `TB_E_STALE` where nobody listens any more.
    func update(_ id: tb_task, _ update: PluginUpdate, owner: String) -> tb_status {
        TB_E_UNSUPPORTED
    }

    func isOpen(_ id: tb_task) -> Bool { state.withLock { $0.entries[id] != nil } }
}

extension TaskKind {
    fileprivate func takes(_ outcome: TaskOutcome) -> Bool {
        switch (self, outcome) {
        case (_, .failed), (.command, .reply), (.command, .modal), (.autocomplete, .choices), (.resolve, .tracks),
            (.open, .media),
            (.artwork, .artwork):
            true
        default: false
        }
    }
}
