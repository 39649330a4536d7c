import Testing

@testable import TimmyCore

/// A machine whose sources are reached or not as the test says, with time that passes at once.
private struct Wire {
    var machine = GuildMachine(guild: GuildID(1))
    /// What opening a title comes to, where it fails.
    var faults: [String: PlayerError] = [:]
    /// So long an opening takes to fail.
    var slowness: Duration = .zero
    private(set) var opened: [String] = []
    private(set) var startedAt: [Duration] = []
    private(set) var notices: [String] = []
    private(set) var words: [String] = []
    private(set) var now: Duration = .zero
    private var position: Duration = .zero
    private var timers: [TimerKind: (generation: UInt64, due: Duration)] = [:]
    private var commands: UInt64 = 0

    init(_ titles: String...) {
        tell(.add(titles.map { song($0) }, .append))
    }

    var current: String? { machine.queue.current?.track.title }
    var upcoming: [String] { machine.queue.upcoming.map(\.track.title) }

    mutating func tell(_ command: GuildCommand) {
        commands += 1
        feed(.command(CommandID(commands), command, Caller(user: UserID(7), voiceChannel: ChannelID(5))))
    }

    mutating func feed(_ event: GuildEvent) {
        var events = [event]
        while !events.isEmpty {
            let moment = Moment(
                wall: Timestamp(milliseconds: 0), now: now, position: machine.currentStream == nil ? nil : position)
            for action in machine.handle(events.removeFirst(), at: moment) { obey(action, &events) }
        }
    }

    private mutating func obey(_ action: GuildAction, _ events: inout [GuildEvent]) {
        switch action {
        case .join(_, let attempt): events.append(.joined(attempt: attempt))
        case .open(let stream, let entry, let options):
            if let fault = faults[entry.track.title] {
                now += slowness
                return events.append(.openFailed(stream, fault))
            }
            opened.append(entry.track.title)
            startedAt.append(options.startAt)
            position = options.startAt
            events.append(.opened(stream))
        case .setTimer(let kind, let generation, let after): timers[kind] = (generation, now + after)
        case .cancelTimer(let kind): timers[kind] = nil
        case .notify(.trackFailed(let entry, _)): notices.append("failed \(entry.track.title)")
        case .notify(.gaveUp(let error)):
            notices.append("gave up")
            words.append(error.shownToUser)
        default: break
        }
    }

    /// Lets time pass; what plays is heard.
    mutating func pass(_ duration: Duration) {
        let end = now + duration
        while let (kind, timer) = timers.filter({ $0.value.due <= end }).min(by: { $0.value.due < $1.value.due }) {
            timers[kind] = nil
            position += max(.zero, timer.due - now)
            now = max(now, timer.due)
            feed(.timer(kind, generation: timer.generation))
        }
        position += max(.zero, end - now)
        now = max(now, end)
    }

    /// The connection of what plays breaks, and no other is to be had for these.
    mutating func cut(
        _ fault: PlayerError, at place: Duration, for titles: [String] = ["one", "two", "three", "four", "five", "six"]
    ) {
        for title in titles { faults[title] = fault }
        position = place
        if let stream = machine.currentStream { feed(.failed(stream, fault)) }
    }
}

@Suite("Sources in trouble")
struct TroubleTests {
    private static let passing = PlayerError(
        .sourceUnavailable, "reset", user: "The server cannot be reached.", retry: .after(.zero))

    @Test func anOutageOfTenSecondsLosesNoTrack() {
        var wire = Wire("one", "two", "three", "four", "five", "six")
        wire.pass(.seconds(42))
        wire.cut(Self.passing, at: .seconds(42))
        wire.pass(.seconds(10))
        #expect(wire.current == "one" && wire.upcoming.count == 5 && wire.notices.isEmpty)
        wire.faults = [:]
        wire.pass(.seconds(10))
        #expect(wire.opened == ["one", "one"] && wire.startedAt.last == .seconds(42))
        #expect(wire.current == "one" && wire.upcoming.count == 5 && wire.notices.isEmpty)
    }

    /// Openings that take long to fail count too: nobody waits for minutes.
    @Test(arguments: [Duration.zero, .seconds(3), .seconds(20)])
    func anOutageThatLastsKeepsTheQueueAndSaysSo(_ slowness: Duration) {
        var wire = Wire("one", "two", "three", "four", "five", "six")
        wire.slowness = slowness
        wire.cut(Self.passing, at: .seconds(42))
        wire.pass(.seconds(150))
        #expect(wire.current == nil && wire.upcoming == ["one", "two", "three", "four", "five", "six"])
        #expect(wire.notices == ["failed one", "gave up"])
        #expect(wire.words.first?.contains("The server cannot be reached.") == true)
        #expect(wire.words.first?.contains("/resume") == true)
        wire.faults = [:]
        wire.tell(.resume)
        #expect(wire.opened == ["one", "one"] && wire.startedAt.last == .seconds(42))
    }

    @Test func theOnlyTrackIsKeptToo() {
        var wire = Wire("one")
        wire.cut(Self.passing, at: .seconds(42))
        wire.pass(.seconds(60))
        #expect(wire.current == nil && wire.upcoming == ["one"] && wire.notices == ["gave up"])
    }

    /// One bad server is no outage: the next track plays, and what comes later starts anew.
    @Test func aTrackWhoseServerStaysAwayIsSkipped() {
        var wire = Wire("one", "two", "three")
        wire.cut(Self.passing, at: .seconds(5), for: ["one", "three"])
        wire.pass(.seconds(31))
        #expect(wire.current == "two" && wire.notices == ["failed one"])
        wire.pass(.seconds(20))
        wire.tell(.skip(count: 1, ifCurrent: nil))
        wire.pass(.seconds(60))
        #expect(wire.current == nil && wire.upcoming == ["three"], "the last one waits")
    }

    @Test func whoAsksForALongRestIsNotWaitedFor() {
        var wire = Wire("one", "two")
        wire.cut(PlayerError(.sourceUnavailable, "429", retry: .after(.seconds(600))), at: .zero, for: ["one"])
        #expect(wire.current == "two" && wire.opened == ["one", "two"])
        #expect(wire.notices == ["failed one"])
    }

    @Test func aRestIsKept() {
        var wire = Wire("one", "two")
        wire.cut(PlayerError(.sourceUnavailable, "429", retry: .after(.seconds(7))), at: .zero)
        wire.faults = [:]
        wire.pass(.seconds(6))
        #expect(wire.opened == ["one"])
        wire.pass(.seconds(2))
        #expect(wire.opened == ["one", "one"])
    }

    @Test func suspendingIsTheSameInTheJournal() throws {
        var queue = Queue()
        let entries = ["a", "b", "c"].map { title in
            QueuedTrack(
                id: queue.mint(), track: song(title), requestedBy: UserID(1), addedAt: Timestamp(milliseconds: 0))
        }
        queue.apply(.insert(entries, at: 0))
        queue.apply(.advance(.skipped, count: 1))
        queue.apply(.advance(.failed, count: 1))
        var copy = try JSONCoding.roundTrip(queue)
        let edit = try JSONCoding.roundTrip(QueueEdit.suspend(after: entries[0].id))
        queue.apply(edit)
        copy.apply(.suspend(after: entries[0].id))
        #expect(queue == copy && queue.current == nil && queue.history.isEmpty)
        #expect(queue.upcoming.map(\.track.title) == ["a", "b", "c"])
        // What is not the last of the history stays there.
        queue.apply(.advance(.skipped, count: 2))
        queue.apply(.suspend(after: entries[2].id))
        #expect(queue.upcoming.map(\.track.title) == ["b", "c"] && queue.history.map(\.track.title) == ["a"])
    }
}
