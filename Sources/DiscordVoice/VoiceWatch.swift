import CLinux
import Foundation
import Glibc
import Synchronization

/// What has to be done beside the pump, for all senders on one thread: tells of ended rings, keeps UDP paths open, and
/// throws away what others in the calls say. Sleeps until a ring ends, or a tenth of a second.
final class VoiceWatch: Sendable {
    /// Takes an ended ring; called on the watching thread, must not wait.
    typealias Report = @Sendable (VoiceSender.EndedRing) -> Void

    private struct Entry: Sendable {
        let sender: VoiceSender
        let socket: VoiceSocket?
        let report: Report
    }

    private static let roundMilliseconds = 100
    /// Rounds between two datagrams that keep a NAT's path open: five seconds.
    private static let keepAliveRounds: UInt64 = 50

    private let entries = Mutex<[ObjectIdentifier: Entry]>([:])
    private let running = Atomic(false)
    /// The doorbell; -1 where the kernel has none left, and then every round looks.
    private let bell = tb_event_open()

    deinit { if bell >= 0 { close(bell) } }

    /// Before the pump knows `sender`.
    func add(_ sender: VoiceSender, _ socket: VoiceSocket?, _ report: @escaping Report) {
        sender.announce(to: bell)
        entries.withLock { $0[ObjectIdentifier(sender)] = Entry(sender: sender, socket: socket, report: report) }
    }

    /// After the pump has let go of `sender`.
    func remove(_ sender: VoiceSender) {
        sender.announce(to: -1)
        _ = entries.withLock { $0.removeValue(forKey: ObjectIdentifier(sender)) }
    }

    func start() {
        guard !running.exchange(true, ordering: .acquiringAndReleasing) else { return }
        Thread.detachNewThread { self.loop() }
    }

    func stop() {
        running.store(false, ordering: .releasing)
        if bell >= 0 { tb_event_signal(bell) }
    }

    private func loop() {
        tb_thread_name("voice-watch")
        let clock = ContinuousClock()
        var due = clock.now, round: UInt64 = 0
        while running.load(ordering: .acquiring) {
            let all = entries.withLock { Array($0.values) }
            for entry in all { for ended in entry.sender.takeEnded() { entry.report(ended) } }
            if clock.now >= due {
                due = clock.now + .milliseconds(Self.roundMilliseconds)
                round += 1
                lookAfterSockets(all, round)
            }
            if bell >= 0 {
                _ = tb_event_wait(bell, Int32(Self.roundMilliseconds))
            } else {
                usleep(UInt32(Self.roundMilliseconds) * 1_000)
            }
        }
    }

    private func lookAfterSockets(_ all: [Entry], _ round: UInt64) {
        for entry in all {
            entry.socket?.drain()
            if round % Self.keepAliveRounds == 0 { entry.socket?.keepAlive(round / Self.keepAliveRounds) }
        }
    }
}
