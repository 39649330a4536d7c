import Testing

@testable import TimmyCore

/// Plays all ports at once: keeps every open question of the machine and answers them in random order, or not at all.
private struct World {
    var machine: GuildMachine
    var random: SplitMix64
    var record = GuildRecord()
    var opening: Set<StreamID> = []
    var open: Set<StreamID> = []
    var closed: Set<StreamID> = []
    var late: [StreamID] = []
    var air: StreamID?
    var follower: StreamID?
    var isHeld = false
    var joins: [UInt64] = []
    var timers: [TimerKind: UInt64] = [:]
    var unanswered: Set<CommandID> = []
    var position: Duration = .zero
    var faults: [String] = []
    var commands: UInt64 = 0

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        machine = GuildMachine(guild: GuildID(1))
    }

    mutating func feed(_ event: GuildEvent) {
        let moment = Moment(wall: Timestamp(milliseconds: 0), position: machine.currentStream == nil ? nil : position)
        let before = machine.currentStream
        let actions = machine.handle(event, at: moment)
        if let entry = machine.takeJournalEntry() { record.apply(entry) }
        for action in actions { obey(action) }
        if machine.currentStream != before { position = machine.position }
        check()
    }

    private mutating func obey(_ action: GuildAction) {
        switch action {
        case .join(_, let attempt): joins.append(attempt)
        case .leave:
            air = nil
            follower = nil
            isHeld = false
        case .open(let id, _, _): if !opening.insert(id).inserted { faults.append("opened \(id) twice") }
        case .close(let id):
            if closed.contains(id) { faults.append("closed \(id) twice") }
            if !opening.contains(id), !open.contains(id) { faults.append("closed \(id), which never was") }
            if air == id, !isLost { faults.append("closed \(id) on air") }
            if follower == id, !isLost { faults.append("closed \(id), which was to follow") }
            // An opening that was given up may still come through.
            if opening.remove(id) != nil { late.append(id) }
            open.remove(id)
            closed.insert(id)
        case .play(let id):
            if !open.contains(id) { faults.append("played \(id), which is not open") }
            if air == id { faults.append("played \(id), which is on air already") }
            (air, isHeld, follower) = (id, false, nil)
        case .prepare(let id):
            if let id, !open.contains(id) { faults.append("prepared \(id), which is not open") }
            if air == nil { faults.append("prepared \(id.map(String.init(describing:)) ?? "-") after nothing") }
            if follower == id { faults.append("prepared the same again") }
            follower = id
        case .pause:
            if air == nil || isHeld { faults.append("paused nothing") }
            isHeld = true
        case .resume:
            if air == nil || !isHeld { faults.append("resumed nothing") }
            isHeld = false
        case .silence: (air, follower) = (nil, nil)
        case .setVolume(let id, _), .setFilter(let id, _):
            if !open.contains(id) { faults.append("tuned \(id), which is not open") }
        case .setTimer(let kind, let generation, _): timers[kind] = generation
        case .cancelTimer(let kind): timers[kind] = nil
        case .reply(let id, _): if unanswered.remove(id) == nil { faults.append("answered \(id) twice") }
        case .notify: break
        }
    }

    /// After a loss the port holds nothing any more, whatever it was told before.
    private var isLost: Bool { if case .recovering = machine.voice { true } else { false } }

    private mutating func check() {
        if unanswered != Set(machine.waitingCommands) { faults.append("forgot to answer \(unanswered)") }
        if record.queue != machine.queue, !sameButUnusedIDs { faults.append("the journal tells another queue") }
        if record.playback.isPaused != machine.isPaused { faults.append("the journal tells another pause") }
        if case .connected = machine.voice, let stream = machine.currentStream, !machine.isPaused,
            air != stream || isHeld
        {
            faults.append("\(stream) should be on air")
        }
        if case .out = machine.voice, machine.deck != nil || machine.prepared != nil {
            faults.append("a deck without voice")
        }
        // Only the current track, a seek and the next one may be open at any time.
        if opening.count + open.count > 3 { faults.append("\(opening.count + open.count) streams at once") }
    }

    private var sameButUnusedIDs: Bool {
        let (a, b) = (record.queue, machine.queue)
        return a.current == b.current && a.upcoming == b.upcoming && a.history == b.history && a.loop == b.loop
            && a.appendIndex == b.appendIndex
    }

    mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35: command()
        case 35..<50: answerOpen()
        case 50..<62: answerJoin()
        case 62..<72:
            position += .seconds(Int.random(in: 0...60, using: &random))
            if let kind = TimerKind.allCases.filter({ timers[$0] != nil }).randomElement(using: &random),
                let generation = timers[kind]
            {
                // Idle and alone fire rarely, so that something else happens too.
                if kind == .idle || kind == .alone, Bool.random(using: &random) { return }
                timers[kind] = nil
                feed(.timer(kind, generation: generation))
            }
        case 72..<82: if let stream = open.sorted().randomElement(using: &random) { feed(.ended(stream)) }
        case 82..<88: if let stream = open.sorted().randomElement(using: &random) { feed(.failed(stream, error())) }
        default: voice()
        }
    }

    private mutating func error() -> PlayerError {
        let retries: [PlayerError.Retry] = [
            .never, .after(.zero), .after(.seconds(2)), .after(.seconds(99)), .afterUserAction,
        ]
        return PlayerError(.mediaFailed, "fuzz", retry: retries.randomElement(using: &random) ?? .never)
    }

    private mutating func answerOpen() {
        if let stream = late.popLast(), Bool.random(using: &random) {
            closed.remove(stream)
            open.insert(stream)
            feed(.opened(stream))
            return
        }
        guard let stream = opening.sorted().randomElement(using: &random) else { return }
        opening.remove(stream)
        if Int.random(in: 0..<4, using: &random) > 0 {
            open.insert(stream)
            feed(.opened(stream))
        } else {
            feed(.openFailed(stream, error()))
        }
    }

    private mutating func answerJoin() {
        guard let attempt = joins.randomElement(using: &random) else { return }
        joins.removeAll { $0 == attempt }
        if Int.random(in: 0..<4, using: &random) > 0 {
            feed(.joined(attempt: attempt))
        } else {
            feed(.joinFailed(attempt: attempt, error()))
        }
    }

    private mutating func voice() {
        let channel = ChannelID(UInt64.random(in: 1...2, using: &random))
        switch Int.random(in: 0..<5, using: &random) {
        case 0: feed(.voice(.disconnected))
        case 1: feed(.voice(.moved(channel)))
        case 2:
            let lostNow = if case .connected = machine.voice { true } else { false }
            if lostNow { (air, isHeld) = (nil, false) }
            feed(.voice(.lost(error())))
        default: feed(.voice(.listeners(Bool.random(using: &random) ? [UserID(1)] : [])))
        }
    }

    private mutating func command() {
        commands += 1
        let id = CommandID(commands)
        unanswered.insert(id)
        let number = Int.random(in: 0..<1000, using: &random)
        let command: GuildCommand =
            switch number % 14 {
            case 0...2: .add([song("s\(number)"), song("t\(number)", number)], AddMode.allCases[number % 3])
            case 3: .skip(count: number % 3, ifCurrent: number % 2 == 0 ? nil : EntryID(3))
            case 4: .previous
            case 5: number % 4 == 0 ? .stop : .resume
            case 6: .pause
            case 7: .resume
            case 8: .seek(number % 2 == 0 ? .absolute(.seconds(number)) : .relative(.seconds(number - 500)))
            case 9: number % 2 == 0 ? .volume(number) : .filter(AudioFilter(rawValue: "f\(number % 3)"))
            case 10: .loop(LoopMode.allCases[number % 3])
            case 11: .shuffle(seed: UInt64(number))
            case 12: .remove(number % 4..<(number % 4 + 2))
            default: number % 3 == 0 ? .clear : .move(from: number % 4, to: number % 3)
            }
        let channels: [ChannelID?] = [ChannelID(1), ChannelID(1), ChannelID(2), nil]
        let caller = Caller(
            user: UserID(UInt64.random(in: 1...2, using: &random)),
            voiceChannel: channels.randomElement(using: &random) ?? nil,
            isPrivileged: number % 17 == 0)
        feed(.command(id, command, caller))
    }
}

@Suite("Guild machine under random events")
struct MachineFuzzTests {
    @Test(arguments: 0..<300 as Range<UInt64>)
    func invariantsHold(seed: UInt64) {
        var world = World(seed: seed)
        for step in 0..<400 {
            world.step()
            #expect(world.faults.isEmpty, "seed \(seed) step \(step)")
            if !world.faults.isEmpty { return }
        }
        // In the end everything is given back.
        world.unanswered.insert(CommandID(0))
        world.feed(.command(CommandID(0), .stop, Caller(user: UserID(1), isPrivileged: true)))
        #expect(world.open.isEmpty && world.opening.isEmpty && world.unanswered.isEmpty, "seed \(seed)")
        #expect(Set(world.timers.keys).isEmpty, "seed \(seed)")
    }
}
