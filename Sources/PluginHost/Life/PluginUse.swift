import CTimmyBot
import Synchronization

/// How far an instance is in its life, and who still needs it.
struct PluginLife: Sendable {
    enum Phase: Sendable, Equatable {
        /// Called, or kept ready to be called again.
        case alive
        /// Replaced: what runs may end, and then `stop` and `destroy` follow.
        case draining
        /// Drained: its end is about to begin.
        case ending
        case stopping
        /// Stopped and destroyed; `isClean` where it did both in time.
        case over(isClean: Bool)
    }

    var phase = Phase.alive
    /// The tasks of calls; 0 for readers, hints and the like.
    var uses: [UInt64: tb_task] = [:]
    var nextUse: UInt64 = 1
    var failures = 0
    var lastFailure: String?
    /// Told once, when the last use ends while it drains.
    var idle: (@Sendable () -> Void)?

    /// Calls that are not settled.
    var openCalls: Int { uses.values.count { $0 != 0 } }
}

/// Something that needs an instance to stay: a call until it is settled, a reader until it is closed, a hint or `match`
/// until it returns.
final class PluginUse: Sendable {
    let instance: PluginInstance
    private let id: UInt64
    private let ticket = Atomic<UInt64>(0)
    private let isOver = Atomic(false)

    fileprivate init(_ instance: PluginInstance, _ id: UInt64) {
        self.instance = instance
        self.id = id
    }

    deinit { end() }

    /// Makes the call of a task on the lane and settles the task where the plugin did not accept it. Any thread, once.
    func call(_ task: tb_task, _ label: String, _ body: @escaping @Sendable (UnsafeMutableRawPointer?) -> tb_status) {
        instance.life.withLock { if $0.uses[id] != nil { $0.uses[id] = task } }
        let number = instance.call(task, label, body)
        ticket.store(number ?? 0, ordering: .releasing)
    }

    /// The task's time is over: the lane is told, so that it counts the thread where the call still runs.
    func expire() -> Lane.Expiry {
        let number = ticket.load(ordering: .acquiring)
        return number == 0 ? .dropped : instance.lane.expire(number)
    }

    func end() {
        guard !isOver.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let idle = instance.life.withLock { life -> (@Sendable () -> Void)? in
            life.uses[id] = nil
            return life.takeIdle()
        }
        idle?()
    }
}

extension PluginLife {
    /// The closure of `idle` where it is due; what it begins may not be undone any more.
    fileprivate mutating func takeIdle() -> (@Sendable () -> Void)? {
        guard phase == .draining, uses.isEmpty, let idle else { return nil }
        phase = .ending
        self.idle = nil
        return idle
    }
}

extension PluginInstance {
    /// Keeps the instance for a call or a reader; nil where it is stopping or stopped.
    func use() -> PluginUse? {
        let id = life.withLock { life -> UInt64? in
            guard life.phase == .alive || life.phase == .draining else { return nil }
            defer { life.nextUse += 1 }
            life.uses[life.nextUse] = 0
            return life.nextUse
        }
        return id.map { PluginUse(self, $0) }
    }

    /// Lets what runs end and then calls `idle`, once, from any thread.
    func drain(_ idle: @escaping @Sendable () -> Void) {
        let now = life.withLock { life -> (@Sendable () -> Void)? in
            guard life.phase == .alive else { return nil }
            life.phase = .draining
            life.idle = idle
            return life.takeIdle()
        }
        now?()
    }

    /// Claims the end of the instance for the caller. False where somebody else has it.
    func beginStop() -> Bool {
        life.withLock { life in
            guard [.alive, .draining, .ending].contains(life.phase) else { return false }
            life.phase = .stopping
            life.idle = nil
            return true
        }
    }

    /// Takes a draining instance back into service. False where its end has begun.
    func revive() -> Bool {
        life.withLock { life in
            guard life.phase == .alive || life.phase == .draining else { return false }
            life.phase = .alive
            life.idle = nil
            return true
        }
    }

    /// Gives a hint on the courier's thread: it must not block, but where it does, only this plugin's completions wait.
    /// The instance stays until it returns.
    func give(_ hint: @escaping InstanceHint, _ task: tb_task) {
        guard let use = use(), ports.courier.owe() else { return }
        ports.courier.deliver("cancel") { [self] in
            hint(created, task)
            use.end()
        }
    }

    /// Runs a call on the lane and settles the task where the plugin did not accept it. The lane's number for it.
    @discardableResult
    func call(
        _ task: tb_task, _ label: String = "call", _ body: @escaping @Sendable (UnsafeMutableRawPointer?) -> tb_status
    ) -> UInt64? {
        let refuse: @Sendable (String) -> Void = { [self] reason in
            _ = tasks.settle(
                task, .overdue(PluginFailure(code: TB_E_TIMEOUT, detail: "\(id): stuck: \(reason)")), owner: id)
        }
        let number = lane.submit(label, drop: refuse) { [self] in
            guard tasks.isOpen(task) else { return }
            let status = body(created)
            if status != TB_OK {
                _ = tasks.settle(
                    task, .failed(PluginFailure(code: status, detail: "\(id): the call answered \(status)")), owner: id)
            }
        }
        if number == nil { refuse(lane.stuck > 0 ? lane.stuckReason : "too many calls wait") }
        return number
    }
}
