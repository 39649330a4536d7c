import Testing

@testable import TimmyCore

/// The same rules once more, written as plainly as possible, with fresh tracks and repeats in lists of their own.
private struct NaiveQueue {
    var current: UInt64?
    var fresh: [UInt64] = []
    var repeats: [UInt64] = []
    var history: [UInt64] = []
    var loop = LoopMode.off
    var all: [UInt64] { fresh + repeats }

    mutating func setAll(_ list: [UInt64], repeats count: Int) {
        fresh = Array(list.prefix(list.count - count))
        repeats = Array(list.suffix(count))
    }

    mutating func advance(_ reason: QueueEdit.Reason) {
        if let playing = current {
            if reason == .finished && loop == .track { return }
            if loop == .queue && reason != .failed { repeats.append(playing) } else { history.append(playing) }
        }
        current = nil
        if !fresh.isEmpty { current = fresh.removeFirst() } else if !repeats.isEmpty { current = repeats.removeFirst() }
        history = Array(history.suffix(100))
    }

    mutating func suspend(after earlier: UInt64?) {
        if let playing = current { fresh.insert(playing, at: 0) }
        current = nil
        if let earlier, history.last == earlier { fresh.insert(history.removeLast(), at: 0) }
    }

    mutating func previous() {
        guard let back = repeats.popLast() ?? history.popLast() else { return }
        if let playing = current { fresh.insert(playing, at: 0) }
        current = back
    }
}

@Suite("Queue against a naive model")
struct QueuePropertyTests {
    @Test(arguments: 0..<200 as Range<UInt64>)
    func randomOperations(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var queue = Queue()
        var model = NaiveQueue()
        var live: Set<UInt64> = []
        var replica = Queue()
        for step in 0..<300 {
            let edit = Self.randomEdit(&queue, &random)
            let before = queue
            queue.apply(edit)
            Self.mirror(edit, before, &model, &live)
            replica.apply(step % 50 == 0 ? try JSONCoding.roundTrip(edit) : edit)
            #expect(queue.current?.id.rawValue == model.current, "seed \(seed) step \(step) \(edit)")
            #expect(queue.upcoming.map(\.id.rawValue) == model.all, "seed \(seed) step \(step) \(edit)")
            #expect(queue.history.map(\.id.rawValue) == model.history, "seed \(seed) step \(step) \(edit)")
            #expect(queue.appendIndex == model.fresh.count, "seed \(seed) step \(step) \(edit)")
            // Nothing lost, nothing doubled: what was added and not taken away is there exactly once.
            let present = queue.upcoming.map(\.id.rawValue) + (queue.current.map { [$0.id.rawValue] } ?? [])
            #expect(present.count == Set(present).count)
            #expect(Set(present).isDisjoint(with: queue.history.map(\.id.rawValue)))
            #expect(
                Set(present) == live.subtracting(queue.history.map(\.id.rawValue)).intersection(live), "seed \(seed)")
        }
        #expect(replica.upcoming == queue.upcoming && replica.current == queue.current)
        #expect(try JSONCoding.roundTrip(queue) == queue)
    }

    private static func randomEdit(_ queue: inout Queue, _ random: inout SplitMix64) -> QueueEdit {
        let count = queue.upcoming.count
        switch Int.random(in: 0..<20, using: &random) {
        case 0...4:
            let entries = QueueTests.entries(&queue, Int.random(in: 1...4, using: &random))
            return .insert(
                entries,
                at: [0, queue.appendIndex, Int.random(in: 0...count, using: &random)].randomElement(using: &random) ?? 0
            )
        case 5...6:
            let lower = Int.random(in: -1...count, using: &random)
            return .remove(lower: lower, upper: lower + Int.random(in: 0...2, using: &random))
        case 7...8:
            return .move(
                from: Int.random(in: -1...count, using: &random), to: Int.random(in: 0...count, using: &random))
        case 9: return queue.shuffled(using: &random)
        case 10...11: return .loop(LoopMode.allCases.randomElement(using: &random) ?? .off)
        case 12...13: return .advance(.finished, count: 1)
        case 14: return .advance(.failed, count: 1)
        case 15...16: return .advance(.skipped, count: Int.random(in: 1...3, using: &random))
        case 17...18: return .previous()
        case 19 where Bool.random(using: &random):
            return .suspend(after: [queue.history.last?.id, nil].randomElement(using: &random) ?? nil)
        default: return [.halt, .clear, .stop].randomElement(using: &random) ?? .halt
        }
    }

    private static func mirror(_ edit: QueueEdit, _ before: Queue, _ model: inout NaiveQueue, _ live: inout Set<UInt64>)
    {
        var list = model.all
        let fresh = model.fresh.count
        switch edit {
        case .insert(let entries, let place):
            let ids = entries.map(\.id.rawValue)
            live.formUnion(ids)
            list.insert(contentsOf: ids, at: place)
            model.setAll(list, repeats: model.repeats.count + (place > fresh ? ids.count : 0))
        case .remove(let lower, let upper):
            let doomed = list.indices.filter { $0 >= max(0, lower) && $0 < upper }
            live.subtract(doomed.map { list[$0] })
            let repeats = model.repeats.count - doomed.filter { $0 >= fresh }.count
            model.setAll(list.enumerated().filter { !doomed.contains($0.offset) }.map(\.element), repeats: repeats)
        case .move(let from, let to):
            guard list.indices.contains(from) else { return }
            let moved = list.remove(at: from)
            let wasRepeat = from >= fresh
            let boundary = wasRepeat ? fresh : fresh - 1
            let place = min(to, list.count)
            let isRepeat = place > boundary || (place == boundary && wasRepeat)
            list.insert(moved, at: place)
            model.setAll(list, repeats: model.repeats.count + (isRepeat ? 1 : 0) - (wasRepeat ? 1 : 0))
        case .reorder(let order): model.setAll(order.map(\.rawValue), repeats: 0)
        case .loop(let mode):
            model.loop = mode
            if mode != .queue { model.setAll(list, repeats: 0) }
        case .advance(let reason, let count, _):
            for step in 0..<min(count, list.count + 1) where step == 0 || model.current != nil { model.advance(reason) }
        case .previous: model.previous()
        case .suspend(let earlier):
            model.suspend(after: earlier?.rawValue)
            live.formUnion(model.all)
        case .clear, .stop, .halt: mirrorEnd(edit, &model, &live)
        }
        live.subtract(model.history)
        if case .previous = edit, let current = model.current { live.insert(current) }
    }

    private static func mirrorEnd(_ edit: QueueEdit, _ model: inout NaiveQueue, _ live: inout Set<UInt64>) {
        if edit != .clear, let current = model.current {
            model.history = Array((model.history + [current]).suffix(100))
            live.remove(current)
            model.current = nil
        }
        if edit != .halt {
            live.subtract(model.all)
            model.setAll([], repeats: 0)
        }
    }
}
