import Foundation

/// The sounds of one instance that are open, so that they can be interrupted when it is stopped.
///
/// `@unchecked Sendable`: everything mutable is touched under `condition` only.
final class OpenSounds: @unchecked Sendable {
    /// How long `destroy` waits for readers that were interrupted.
    static let drainTime: TimeInterval = 2

    private struct Entry { weak var sound: PluginReader? }
    private let condition = NSCondition()
    private var next: UInt64 = 1
    private var open: [UInt64: Entry] = [:]

    func reserve() -> UInt64 {
        condition.withLock {
            defer { next += 1 }
            return next
        }
    }

    func add(_ number: UInt64, _ sound: PluginReader) { condition.withLock { open[number] = Entry(sound: sound) } }

    func remove(_ number: UInt64) {
        condition.withLock {
            open[number] = nil
            condition.broadcast()
        }
    }

    var count: Int { condition.withLock { open.count } }

    /// Blocked reads come back, and no more are made.
    func interruptAll() {
        let sounds = condition.withLock { open.values.compactMap(\.sound) }
        for sound in sounds { sound.interrupt() }
    }

    /// Blocks until all are closed. False where that takes too long.
    func drain() -> Bool {
        let end = Date(timeIntervalSinceNow: Self.drainTime)
        return condition.withLock {
            while !open.isEmpty { if !condition.wait(until: end) { return open.isEmpty } }
            return true
        }
    }
}
