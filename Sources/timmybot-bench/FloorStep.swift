import CBenchFloor
import DiscordVoice
import Glibc

/// The floor's two readings, in milliseconds of CPU for a stream-minute.
struct FloorResult: Sendable {
    /// Packets one after the other: what encrypting and sending cost at the least.
    var tight = 0.0
    /// At the pump's pace: the same work between the same sleeps, with caches and branch predictors gone cold.
    var paced = 0.0

    /// The lesser of each.
    func joined(with other: FloorResult) -> FloorResult {
        FloorResult(tight: min(tight, other.tight), paced: min(paced, other.paced))
    }
}

/// C that only encrypts and sends, for as many packets.
///
/// `@unchecked Sendable`: handed from one thread to the next, never shared.
final class FloorStep: @unchecked Sendable {
    private static let batch = 50
    private static let minimumPackets = 50_000
    private static let slots = 20

    private let guilds: Int
    private let seconds: Double
    private let catcher: Catcher
    private let sockets: [Int32]
    private let floor: OpaquePointer

    init(guilds: Int, seconds: Double, catcher: Catcher, payload: Int = Feeder.packetSize) throws {
        self.guilds = guilds
        self.seconds = seconds
        self.catcher = catcher
        sockets = try (0..<guilds).map { try catcher.connect(stream: $0) }
        guard let floor = tb_floor_new(sockets, guilds, payload) else {
            throw BenchError("OpenSSL refuses the floor")
        }
        self.floor = floor
    }

    deinit {
        tb_floor_free(floor)
        for socket in sockets { close(socket) }
    }

    func run() async throws -> FloorResult {
        let tight = await onPumpLikeThread { [self] in runTight() }
        catcher.forget()
        let draining = Background(every: 5_000) { [catcher] in catcher.drain() }
        let paced = await onPumpLikeThread { [self] in runPaced() }
        draining.stop()
        return FloorResult(tight: tight, paced: paced)
    }

    private func runTight() -> Double {
        let wanted = max(Self.minimumPackets, Int(Double(50 * guilds) * seconds))
        var spent: Int64 = 0, sent = 0, first = 0
        _ = tb_floor_send(floor, 0, Self.batch)
        while sent < wanted {
            // Sockets are emptied between the batches, off the clock: a full one would make sends cheap.
            catcher.forget()
            let start = tb_cpu_here()
            sent += tb_floor_send(floor, first, Self.batch)
            spent += tb_cpu_here() - start
            first = (first + Self.batch) % guilds
        }
        return streamMinute(spent, frames: sent)
    }

    private func runPaced() -> Double {
        let slots = Self.plan(guilds)
        let start = tb_now(), steps = Int(seconds * 1_000)
        let cpu = tb_cpu_here()
        var sent = 0
        for step in 0..<steps {
            let streams = slots[step % Self.slots]
            guard !streams.isEmpty else { continue }
            let due = Int(start) + step * 1_000_000
            var time = timespec(tv_sec: due / 1_000_000_000, tv_nsec: due % 1_000_000_000)
            while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
            sent += tb_floor_send(floor, streams.lowerBound, streams.count)
        }
        return streamMinute(tb_cpu_here() - cpu, frames: sent)
    }

    /// Which streams each millisecond of the 20 serves: in as few slots as the pump would use, as far apart as can be.
    private static func plan(_ guilds: Int) -> [Range<Int>] {
        let used = min(slots, (guilds + VoicePump.slotFill - 1) / VoicePump.slotFill)
        var plan = [Range<Int>](repeating: 0..<0, count: slots)
        for slot in 0..<used { plan[slot * slots / used] = slot * guilds / used..<(slot + 1) * guilds / used }
        return plan
    }
}
