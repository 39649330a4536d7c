import CTimmyBot
import Foundation
import Synchronization

/// How a task ended.
enum TaskOutcome: Sendable {
    case reply(PluginReply)
    case modal(json: String)
    case choices([PluginChoice])
    case tracks([PluginTrack])
    case media(PluginMedia)
    case artwork(type: String, bytes: [UInt8])
    case lyrics(PluginLyrics)
    case healthy(note: String)
    case failed(PluginFailure)
    /// Its time was over, or its plugin hangs: the host's word. A plugin that gives up waiting for somebody else says
    /// `TB_E_TIMEOUT` too, which is `failed`.
    case overdue(PluginFailure)
}

/// What a task may be settled with.
enum TaskKind: Sendable { case command, autocomplete, resolve, open, artwork, lyrics, health }

/// Has a plugin hinted that nobody waits for its task. Called while the task's caller is still there; returns at once.
typealias CancelHint = @Sendable (tb_task) -> Void

/// Tasks that plugins were given. Numbers are never used twice; each is settled once, and whatever comes later is stale
/// and harmless. Answered commands stay known for a while, because their answers may still be edited.
final class TaskTable: Sendable {
    fileprivate struct Entry: Sendable {
        let kind: TaskKind
        let owner: String
        let started: Duration
        let channel: (any AnswerChannel)?
        let continuation: CheckedContinuation<TaskOutcome, Never>
        let hint: CancelHint?
        /// When its time is over.
        let due: Duration
    }

    /// A command that was answered with a message.
    fileprivate struct Answered: Sendable {
        let owner: String
        let started: Duration
        let channel: any AnswerChannel
        var followUps = 0
    }

    fileprivate struct State: Sendable {
        var next: UInt64 = 1
        var entries: [UInt64: Entry] = [:]
        var answered: [UInt64: Answered] = [:]
        /// Numbers in `answered`, oldest first, by owner.
        var order: [String: [UInt64]] = [:]
        var late: [String: UInt64] = [:]
        var timer = DeadlineTimer()
    }

    /// Discord's tokens are good for so long.
    static let afterlife = Duration.seconds(15 * 60)
    static let maximumFollowUps = 5
    /// Answered commands of one plugin that are remembered; the oldest are forgotten first.
    static let maximumAnswered = 1_024

    private let state = Mutex(State())
    private let clock: any Clock<Duration>
    private let elapsed: @Sendable () -> Duration

    init(clock: any Clock<Duration>) {
        self.clock = clock
        elapsed = Self.stopwatch(clock)
    }

    deinit { state.withLock { $0.timer.task }?.cancel() }

    private static func stopwatch<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
    }

    var openCount: Int { state.withLock { $0.entries.count } }
    /// Answers that came when nobody waited for them any more, second ones too.
    func lateCount(of owner: String) -> UInt64 { state.withLock { $0.late[owner] ?? 0 } }
    /// Answered commands that may still be edited, for tests.
    var answeredCount: Int { state.withLock { $0.answered.count } }

    /// Runs `start` with a new task's number and waits until the task is settled: by the plugin, by its deadline, or by
    /// the cancellation of the calling Swift task.
    func run(
        _ kind: TaskKind, owner: String, deadline: Duration, channel: (any AnswerChannel)? = nil,
        hint: CancelHint? = nil, _ start: @escaping @Sendable (tb_task) -> Void
    ) async -> TaskOutcome {
        let id = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = elapsed()
                let entry = Entry(
                    kind: kind, owner: owner, started: now, channel: channel, continuation: continuation, hint: hint,
                    due: now + deadline)
                add(id, entry)
                if Task.isCancelled { abandon(id, .failed(Self.cancelled(owner))) }
                guard isOpen(id) else { return }
                start(id)
            }
        } onCancel: {
            abandon(id, .failed(Self.cancelled(owner)))
        }
    }

    private static func cancelled(_ owner: String) -> PluginFailure {
        PluginFailure(code: TB_E_CANCELLED, detail: "\(owner): nobody waits for it any more")
    }

    private func add(_ id: tb_task, _ entry: Entry) {
        let replaced = state.withLock { state in
            state.entries[id] = entry
            return state.timer.wake(by: entry.due) { watch($0) }
        }
        replaced?.cancel()
    }

    /// Sleeps until the next task's time is over, and ends those whose time it is. One timer for all of them: a timer for
    /// each would cost more than most calls do.
    private func watch(_ number: Int) -> Task<Void, Never> {
        Task { [weak self, clock] in
            while let left = self?.left(number) {
                if left > .zero {
                    do { try await clock.sleep(for: left) } catch { return }
                }
                self?.expire(number)
            }
        }
    }

    private func left(_ number: Int) -> Duration? { state.withLock { $0.timer.due(number) }.map { $0 - elapsed() } }

    private func expire(_ number: Int) {
        let now = elapsed()
        let over = state.withLock { state -> [(id: tb_task, entry: Entry)] in
            let over = state.entries.filter { $0.value.due <= now }
            state.timer.rest(number, until: state.entries.values.lazy.map(\.due).filter { $0 > now }.min())
            return over.map { (id: $0.key, entry: $0.value) }
        }
        for (id, entry) in over.sorted(by: { $0.id < $1.id }) {
            let waited = entry.due - entry.started
            let failure = PluginFailure(code: TB_E_TIMEOUT, detail: "\(entry.owner): no answer within \(waited)")
            abandon(id, .overdue(failure))
        }
    }

    /// Ends a task from the host's side, and hints it to the plugin.
    private func abandon(_ id: tb_task, _ outcome: TaskOutcome) {
        guard let entry = state.withLock({ $0.entries.removeValue(forKey: id) }) else { return }
        entry.hint?(id)
        entry.continuation.resume(returning: outcome)
    }

    /// Settles a task of the right kind; `TB_E_STALE` where it is over, `TB_E_INVALID` where the outcome does not fit it.
    func settle(_ id: tb_task, _ outcome: TaskOutcome, owner: String? = nil) -> tb_status {
        let found: Entry? = state.withLock { state in
            guard let entry = state.entries[id], owner == nil || owner == entry.owner else {
                if let owner { state.late[owner, default: 0] += 1 }
                return nil
            }
            guard entry.kind.takes(outcome) else { return entry }
            state.entries[id] = nil
            if case .reply = outcome, let channel = entry.channel { state.keep(id, entry, channel, now: elapsed()) }
            return entry
        }
        guard let found else { return TB_E_STALE }
        guard found.kind.takes(outcome) else { return TB_E_INVALID }
        found.continuation.resume(returning: outcome)
        return TB_OK
    }

    func isOpen(_ id: tb_task) -> Bool { state.withLock { $0.entries[id] != nil } }

    /// Who waits for an open task; nil where nobody has a say.
    func channel(of id: tb_task, owner: String) -> (any AnswerChannel)? {
        state.withLock { $0.entries[id].flatMap { $0.owner == owner ? $0.channel : nil } }
    }
}

// MARK: Beside settling

extension TaskTable {
    /// Passes on what a plugin does about an open task; `TB_E_STALE` where it is over.
    func update(_ id: tb_task, _ update: PluginUpdate, owner: String) -> tb_status {
        let entry = state.withLock { state in state.entries[id].flatMap { $0.owner == owner ? $0 : nil } }
        guard let entry else { return TB_E_STALE }
        if case .deferred = update, entry.kind != .command { return TB_E_INVALID }
        entry.channel?.update(update)
        return TB_OK
    }

    /// Passes on a change of an answer that was given. `check` says whether Discord would take it.
    func amend(
        _ id: tb_task, _ update: PluginUpdate, owner: String, check: (any AnswerChannel) -> Bool
    ) -> tb_status {
        let now = elapsed()
        let (known, isOpen) = state.withLock { state -> (Answered?, Bool) in
            state.forget(olderThan: now - Self.afterlife, of: owner)
            return (
                state.answered[id].flatMap { $0.owner == owner ? $0 : nil }, state.entries[id]?.owner == owner
            )
        }
        guard let known else { return isOpen ? TB_E_INVALID : TB_E_STALE }
        guard check(known.channel) else { return TB_E_INVALID }
        if case .followUp = update {
            let counted = state.withLock { state -> Bool in
                guard let sent = state.answered[id]?.followUps, sent < Self.maximumFollowUps else { return false }
                state.answered[id]?.followUps += 1
                return true
            }
            guard counted else { return TB_E_RATE_LIMIT }
        }
        known.channel.update(update)
        return TB_OK
    }
}

extension TaskTable.State {
    fileprivate mutating func keep(
        _ id: UInt64, _ entry: TaskTable.Entry, _ channel: any AnswerChannel, now: Duration
    ) {
        forget(olderThan: now - TaskTable.afterlife, of: entry.owner)
        answered[id] = TaskTable.Answered(owner: entry.owner, started: entry.started, channel: channel)
        order[entry.owner, default: []].append(id)
        if order[entry.owner, default: []].count > TaskTable.maximumAnswered {
            answered[order[entry.owner, default: []].removeFirst()] = nil
        }
    }

    /// Tasks are kept in the order of their answers, which is nearly that of their starts: what is too old is checked at
    /// each use as well.
    fileprivate mutating func forget(olderThan limit: Duration, of owner: String) {
        guard let kept = order[owner] else { return }
        let fresh = kept.filter { (answered[$0]?.started ?? limit) > limit }
        guard fresh.count < kept.count else { return }
        for id in Set(kept).subtracting(fresh) { answered[id] = nil }
        order[owner] = fresh
    }
}

extension TaskKind {
    fileprivate func takes(_ outcome: TaskOutcome) -> Bool {
        switch (self, outcome) {
        case (_, .failed), (_, .overdue), (.command, .reply), (.command, .modal), (.autocomplete, .choices),
            (.resolve, .tracks), (.open, .media), (.artwork, .artwork), (.lyrics, .lyrics), (.health, .healthy):
            true
        default: false
        }
    }
}
