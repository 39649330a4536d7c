import Testing

@testable import TimmyCore

@Suite("Queue")
struct QueueTests {
    static func entries(_ queue: inout Queue, _ count: Int, user: UInt64 = 1) -> [QueuedTrack] {
        (0..<count).map { _ in
            let id = queue.mint()
            return QueuedTrack(
                id: id, track: song("t\(id)"), requestedBy: UserID(user), addedAt: Timestamp(milliseconds: 0))
        }
    }

    static func filled(_ count: Int) -> Queue {
        var queue = Queue()
        queue.apply(.insert(entries(&queue, count), at: 0))
        return queue
    }

    private func ids(_ entries: [QueuedTrack]) -> [UInt64] { entries.map(\.id.rawValue) }

    @Test func advancesAndGoesBack() {
        var queue = Self.filled(3)
        queue.apply(.advance(.skipped, count: 1))
        queue.apply(.advance(.finished, count: 1))
        #expect(queue.current?.id.rawValue == 2)
        #expect(ids(queue.history) == [1])
        queue.apply(.previous())
        #expect(queue.current?.id.rawValue == 1)
        #expect(ids(queue.upcoming) == [2, 3])
        queue.apply(.advance(.finished, count: 9))
        #expect(queue.current == nil)
        #expect(ids(queue.history) == [1, 2, 3])
        queue.apply(.previous())
        #expect(queue.current?.id.rawValue == 3)
    }

    /// The history says when each track began, also one that was gone back to or that repeated.
    @Test func whatPlayedKnowsWhenItBegan() {
        func at(_ time: Int64) -> Timestamp { Timestamp(milliseconds: time) }
        var queue = Self.filled(3)
        queue.apply(.advance(.skipped, count: 1, at: at(10)))
        #expect(queue.current?.startedAt == at(10) && queue.upcoming.allSatisfy { $0.startedAt == nil })
        queue.apply(.advance(.finished, count: 1, at: at(20)))
        queue.apply(.advance(.finished, count: 1, at: at(30)))
        #expect(queue.history.map(\.startedAt) == [at(10), at(20)])
        queue.apply(.previous(at: at(40)))
        #expect(queue.current?.id.rawValue == 2 && queue.current?.startedAt == at(40))
        queue.apply(.loop(.track))
        queue.apply(.advance(.finished, count: 1, at: at(50)))
        #expect(queue.current?.startedAt == at(50))
        queue.apply(.halt)
        #expect(queue.history.map(\.startedAt) == [at(10), at(50)])
    }

    @Test func loopingTrackRepeatsUntilSkipped() {
        var queue = Self.filled(2)
        queue.apply(.advance(.skipped, count: 1))
        queue.apply(.loop(.track))
        queue.apply(.advance(.finished, count: 1))
        #expect(queue.current?.id.rawValue == 1)
        #expect(queue.following?.id.rawValue == 1)
        queue.apply(.advance(.skipped, count: 1))
        #expect(queue.current?.id.rawValue == 2)
        queue.apply(.advance(.failed, count: 1))
        #expect(queue.current == nil)
    }

    @Test func loopingQueuePlaysNewTracksBeforeRepeats() {
        var queue = Self.filled(3)
        queue.apply(.advance(.skipped, count: 1))
        queue.apply(.loop(.queue))
        queue.apply(.advance(.finished, count: 1))
        #expect(ids(queue.upcoming) == [3, 1])
        queue.apply(.insert(Self.entries(&queue, 1), at: queue.appendIndex))
        #expect(ids(queue.upcoming) == [3, 4, 1])
        queue.apply(.previous())
        #expect(queue.current?.id.rawValue == 1)
        #expect(ids(queue.upcoming) == [2, 3, 4])
        for _ in 0..<4 { queue.apply(.advance(.finished, count: 1)) }
        #expect(queue.current?.id.rawValue == 1)
    }

    @Test func brokenTracksDoNotComeAgainInALoop() {
        var queue = Self.filled(2)
        queue.apply(.loop(.queue))
        queue.apply(.advance(.skipped, count: 1))
        queue.apply(.advance(.failed, count: 1))
        queue.apply(.advance(.failed, count: 1))
        #expect(queue.isEmpty)
        #expect(queue.history.count == 2)
    }

    @Test func historyIsBounded() {
        var queue = Self.filled(300)
        queue.apply(.advance(.skipped, count: 301))
        #expect(queue.history.count == Queue.historyLimit)
        #expect(queue.history.last?.id.rawValue == 300)
    }

    @Test func absurdEditsDoNothing() {
        var queue = Self.filled(3)
        let before = queue
        queue.apply(.remove(lower: -5, upper: -1))
        queue.apply(.remove(lower: 9, upper: 3))
        queue.apply(.move(from: 7, to: 0))
        queue.apply(.move(from: -1, to: 0))
        #expect(queue == before)
        queue.apply(.loop(.track))
        queue.apply(.advance(.skipped, count: .max))
        queue.apply(.advance(.finished, count: .max))
        #expect(queue.current == nil)
    }

    /// 24 orders of four tracks, 24,000 shuffles: each about 1,000 times.
    @Test func shuffleIsFair() {
        var random = SplitMix64(seed: 42)
        var seen: [[UInt64]: Int] = [:]
        for _ in 0..<24_000 {
            var queue = Self.filled(4)
            queue.apply(queue.shuffled(using: &random))
            seen[ids(queue.upcoming), default: 0] += 1
        }
        #expect(seen.count == 24)
        // Chi-squared with 23 degrees of freedom: 49.7 is exceeded once in a thousand fair runs.
        let chi = seen.values.reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 }
        #expect(chi < 49.7)
    }

    @Test func roundRobinTakesTurns() {
        var queue = Queue()
        let fair = FairPlay(roundRobin: true)
        func add(_ count: Int, _ user: UInt64) {
            for edit in fair.append(Self.entries(&queue, count, user: user), to: queue) { queue.apply(edit) }
        }
        add(4, 1)
        add(2, 2)
        add(1, 3)
        #expect(queue.upcoming.map(\.requestedBy.rawValue) == [1, 2, 3, 1, 2, 1, 1])
        queue.apply(.advance(.skipped, count: 1))
        add(1, 4)
        #expect(queue.upcoming.map(\.requestedBy.rawValue) == [2, 3, 4, 1, 2, 1, 1])
    }

    @Test func decodingADamagedQueueRestoresItsInvariants() throws {
        let queue = try JSONCoding.decode(
            Queue.self,
            """
            {"current":\(entry(5)),"upcoming":[\(entry(5)),\(entry(6)),\(entry(6))],"history":[\(entry(6)),\(entry(2))],
             "loop":"queue","replayCount":99,"nextID":1}
            """)
        #expect(ids(queue.upcoming) == [6])
        #expect(ids(queue.history) == [2])
        #expect(queue.appendIndex == 0)
        var copy = queue
        #expect(copy.mint() == EntryID(7))
    }

    @Test func aDamagedCounterNeitherTrapsNorRepeats() throws {
        for (used, counter) in [(5, UInt64.max), (5, UInt64.max - 1), (9_223_372_036_854_775_807, 1)] {
            var queue = try JSONCoding.decode(
                Queue.self,
                """
                {"upcoming":[\(entry(used))],"history":[],"loop":"off","replayCount":0,"nextID":\(counter)}
                """)
            let minted = (0..<3).map { _ in queue.mint() }
            #expect(Set(minted + queue.upcoming.map(\.id)).count == 4)
        }
    }

    private func entry(_ id: Int) -> String {
        """
        {"id":\(id),"requestedBy":1,"addedAt":{"milliseconds":0},
         "track":{"source":"s","key":"k","title":"t","artist":"a","flags":0}}
        """
    }
}
