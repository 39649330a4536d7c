import CLinux
import Glibc
import Synchronization

/// Calls every sender once in 20 ms, on a thread of its own and an absolute clock. The 20 ms are cut into slots, and each
/// sender has its slot, so that many guilds do not send all at once. Waking up costs as much CPU as sending some twenty
/// packets, so senders share a slot until it is full: docs/benchmarks.md.
public final class VoicePump: Sendable {
    /// Slots of one frame, one millisecond each.
    static let slots = 20
    static let slotLength = 1_000_000
    /// Senders of one slot before another one is used: they are served well within `slotLength`.
    package static let slotFill = 100
    /// All slots, each far from those before it.
    private static let spread = [0, 2, 4, 1, 3].flatMap { step in [0, 10, 5, 15].map { $0 + step } }
    /// After a longer stall than this, time is skipped rather than caught up in a burst.
    static let maximumCatchUp = 100_000_000

    private struct Roster: Sendable {
        var senders: [[VoiceSender]] = Array(repeating: [], count: VoicePump.slots)
        var version = 0
    }

    private let roster = Mutex(Roster())
    private let version = Atomic(0)
    /// The version that the pump's thread works with: a removed sender is let go of once this has caught up.
    private let seen = Atomic(0)
    private let running = Atomic(false)
    private let skipped = Atomic(0)
    private let origin = Atomic(0)
    private let watch = VoiceWatch()

    public init() {}

    /// When the first slot was due, in nanoseconds of CLOCK_MONOTONIC; 0 before `start`. For measuring from outside.
    package var startTime: Int { origin.load(ordering: .acquiring) }

    /// Slots that were skipped after stalls.
    public var skippedSlots: Int { skipped.load(ordering: .relaxed) }

    /// Calls `sender` from now on.
    public func add(_ sender: VoiceSender) { add(sender, socket: nil) { _ in } }

    /// Calls `sender` from now on, looks after its socket, and tells of its ended rings. `ended` is called on a thread
    /// of the pump's that it must not hold up.
    func add(
        _ sender: VoiceSender, socket: VoiceSocket?, ended: @escaping @Sendable (VoiceSender.EndedRing) -> Void
    ) {
        watch.add(sender, socket, ended)
        change { roster in roster.senders[Self.slot(for: roster.senders.map(\.count))].append(sender) }
    }

    /// Where one more sender goes: to the fullest slot that has room, so that few are left half empty by those who leave;
    /// else to an empty one far from the others. Past the capacity of all, to the emptiest.
    static func slot(for counts: [Int]) -> Int {
        let open = spread.filter { counts[$0] > 0 && counts[$0] < slotFill }
        if let fullest = open.max(by: { counts[$0] < counts[$1] }) { return fullest }
        return spread.min { counts[$0] < counts[$1] } ?? 0
    }

    /// Stops calling `sender`. Returns once the pump's thread no longer holds it (at most a few milliseconds).
    public func remove(_ sender: VoiceSender) async {
        let wanted = change { roster in
            for slot in roster.senders.indices { roster.senders[slot].removeAll { $0 === sender } }
        }
        while running.load(ordering: .acquiring), seen.load(ordering: .acquiring) < wanted {
            try? await ContinuousClock().sleep(for: .milliseconds(1))
        }
        watch.remove(sender)
    }

    @discardableResult
    private func change(_ body: (inout Roster) -> Void) -> Int {
        let number = roster.withLock { roster in
            body(&roster)
            roster.version += 1
            return roster.version
        }
        version.store(number, ordering: .releasing)
        return number
    }

    /// Starts the thread. Real-time priority where the system permits it.
    public func start() {
        guard !running.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let context = Unmanaged.passRetained(self).toOpaque()
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<VoicePump>.fromOpaque(context).takeRetainedValue().loop() }
                return nil
            }, context)
        guard status == 0 else {
            Unmanaged<VoicePump>.fromOpaque(context).release()
            running.store(false, ordering: .releasing)
            return
        }
        pthread_detach(thread)
        watch.start()
    }

    public func stop() {
        running.store(false, ordering: .releasing)
        watch.stop()
    }

    private func loop() {
        tb_thread_name("voice-pump")
        var priority = sched_param()
        priority.sched_priority = 10
        pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority)
        let start = Self.now()
        origin.store(start, ordering: .releasing)
        var state = PumpLoop(start: start)
        while running.load(ordering: .acquiring) {
            refresh(&state)
            let wake = state.run(now: Self.now(), clock: Self.now)
            skipped.store(state.skipped, ordering: .relaxed)
            var time = timespec(tv_sec: wake / 1_000_000_000, tv_nsec: wake % 1_000_000_000)
            while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
        }
    }

    /// Takes over a changed roster; the old arrays are freed here, which happens only when senders come and go.
    private func refresh(_ state: inout PumpLoop) {
        guard version.load(ordering: .acquiring) != state.version else { return }
        let current = roster.withLock { $0 }
        state.senders = current.senders
        state.version = current.version
        seen.store(current.version, ordering: .releasing)
    }

    /// Nanoseconds of CLOCK_MONOTONIC.
    static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

/// The pump's schedule without its thread: times come in, the next wake-up goes out.
struct PumpLoop {
    var senders: [[VoiceSender]] = Array(repeating: [], count: VoicePump.slots)
    var version = -1
    private(set) var skipped = 0
    private let start: Int
    /// Slots since the start.
    private var position = 0

    init(start: Int) { self.start = start }

    private func deadline(_ position: Int) -> Int { start + position * VoicePump.slotLength }

    /// Serves every slot that is due and returns when to come back, in nanoseconds of the same clock.
    mutating func run(now: Int, clock: () -> Int) -> Int {
        var now = now
        while deadline(position) <= now {
            let lateness = now - deadline(position)
            if lateness > VoicePump.maximumCatchUp {
                let behind = lateness / VoicePump.slotLength
                position += behind
                skipped += behind
                continue
            }
            serve(lateness: lateness)
            position += 1
            now = clock()
        }
        // Sleep over empty slots, but never past the next full frame.
        var next = position
        while next < position + VoicePump.slots, senders[next % VoicePump.slots].isEmpty { next += 1 }
        position = next
        return deadline(next)
    }

    private func serve(lateness: Int) {
        let slot = position % VoicePump.slots, tick = position / VoicePump.slots
        // By index: an iterator takes memory from the heap where it is not optimized away.
        for index in 0..<senders[slot].count { senders[slot][index].tick(tick, lateness: lateness) }
    }
}
