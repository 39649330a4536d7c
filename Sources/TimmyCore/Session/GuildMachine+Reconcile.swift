/// From what is wanted to what the ports have to be told.
extension GuildMachine {
    mutating func reconcile() {
        reconcileDeck()
        reconcilePrepared()
        reconcileSound()
        reconcileAir()
        reconcileFollower()
        reconcileTimers()
        for stream in doomed { actions.append(.close(stream)) }
        doomed = []
    }

    /// The track that should be on the deck. While the first join is under way its track is opened already.
    private var wantedEntry: QueuedTrack? {
        switch voice {
        case .out: nil
        case .joining(let joining): queue.current ?? (queue.isEmpty ? joining.pending.first?.entries.first : nil)
        case .connected, .recovering: queue.current
        }
    }

    private mutating func reconcileDeck() {
        var wanted = wantedEntry
        // Each round settles one failure, which ends or changes the current track: it cannot go on for ever.
        while true {
            if let old = deck, old.entry.id != wanted?.id {
                if wanted == nil, old.entry.id == queue.current?.id { resumeAt = (old.entry.id, old.wantedPosition) }
                retireDeck()
            }
            if deck == nil, let wanted { load(wanted) }
            guard let error = deck?.failure, deck?.entry.id == queue.current?.id else { break }
            settleFailure(error)
            wanted = wantedEntry
        }
        guard let deck, deck.stream == nil, deck.opening == nil, deck.reopenDelay == nil, deck.failure == nil else {
            return
        }
        let opening = open(deck.entry, at: deck.entry.track.isSeekable ? deck.wantedPosition : .zero)
        self.deck?.opening = opening
    }

    private mutating func load(_ entry: QueuedTrack) {
        var start = Duration.zero
        if let resumeAt, resumeAt.entry == entry.id, entry.track.isSeekable { start = resumeAt.position }
        resumeAt = nil
        var fresh = Deck(entry: entry, at: start)
        if let ready = prepared, ready.entry.id == entry.id, !ready.hasFailed, start == .zero {
            if ready.isOpen { fresh.start(ready.opening) } else { fresh.opening = ready.opening }
            prepared = nil
        }
        deck = fresh
    }

    private mutating func reconcilePrepared() {
        var wanted: QueuedTrack?
        if case .out = voice {} else if let deck, deck.entry.id == queue.current?.id { wanted = queue.following }
        if let old = prepared, old.entry.id != wanted?.id {
            if !old.hasFailed { doomed.append(old.opening.stream) }
            prepared = nil
        }
        guard prepared == nil, let wanted, deck?.opening == nil, deck?.isNearEnd(settings.prepareLead) == true else {
            return
        }
        if let opening = open(wanted, at: .zero) { prepared = Prepared(entry: wanted, opening: opening) }
    }

    /// Volume and filter of the open streams. Streams under way are brought up to date when they open.
    private mutating func reconcileSound() {
        let streams = [deck?.stream, prepared.flatMap { $0.isOpen && !$0.hasFailed ? $0.opening.stream : nil }]
        if volume != heardVolume {
            heardVolume = volume
            for stream in streams { if let stream { actions.append(.setVolume(stream, volume)) } }
        }
        if filter != heardFilter {
            heardFilter = filter
            for stream in streams { if let stream { actions.append(.setFilter(stream, filter)) } }
        }
    }

    /// The next track, once it is open, goes to the voice port while the current one still plays: no gap.
    private mutating func reconcileFollower() {
        var wanted: StreamID?
        if case .sending = air, deck?.opening == nil, let prepared, prepared.isOpen, !prepared.hasFailed {
            wanted = prepared.opening.stream
        }
        guard wanted != follower else { return }
        follower = wanted
        actions.append(.prepare(wanted))
    }

    private mutating func reconcileAir() {
        var wanted: StreamID?
        if case .connected = voice { wanted = deck?.stream }
        switch voice {
        // There is nobody to be told.
        case .out, .recovering:
            air = .silent
            follower = nil
        default: break
        }
        guard let wanted else {
            if air != .silent { silence() }
            return
        }
        if isPaused { hold(wanted) } else { send(wanted) }
    }

    private mutating func hold(_ wanted: StreamID) {
        if air == .sending(wanted) {
            actions.append(.pause)
            air = .held(wanted)
        } else if let old = air.stream, old != wanted {
            silence()
        }
    }

    private mutating func silence() {
        actions.append(.silence)
        air = .silent
        follower = nil
    }

    private mutating func send(_ wanted: StreamID) {
        if air == .sending(wanted) { return }
        if air == .held(wanted) {
            actions.append(.resume)
        } else {
            actions.append(.play(wanted))
            follower = nil
        }
        air = .sending(wanted)
        if let deck, !deck.isAnnounced {
            self.deck?.isAnnounced = true
            actions.append(.notify(.trackStarted(deck.entry)))
        }
    }

    private struct Wish {
        let after: Duration
        var key: UInt64 = 0
    }

    private var wishes: [TimerKind: Wish] {
        var wishes: [TimerKind: Wish] = [:]
        if case .sending = air { wishes[.checkpoint] = Wish(after: settings.checkpointInterval) }
        if let delay = deck?.reopenDelay { wishes[.reopen] = Wish(after: delay, key: UInt64(deck?.reopens ?? 0)) }
        switch voice {
        case .out: break
        case .joining(let joining): wishes[.join] = Wish(after: settings.joinTimeout, key: joining.attempt)
        case .connected:
            if queue.current == nil, let after = settings.idleTimeout { wishes[.idle] = Wish(after: after) }
            if listeners.isEmpty, let after = settings.aloneTimeout { wishes[.alone] = Wish(after: after) }
        case .recovering(let recovery):
            if let attempt = recovery.attempt {
                wishes[.join] = Wish(after: settings.rejoinTimeout, key: attempt)
            } else {
                let delays = settings.rejoinDelays
                let wait = recovery.tries < delays.count ? delays[recovery.tries] : delays.last ?? .zero
                wishes[.rejoin] = Wish(after: wait, key: UInt64(recovery.tries))
            }
        }
        return wishes
    }

    private mutating func reconcileTimers() {
        let wishes = wishes
        for kind in TimerKind.allCases {
            let wish = wishes[kind]
            if let old = armed[kind], old.key != wish?.key {
                armed[kind] = nil
                if wish == nil { actions.append(.cancelTimer(kind)) }
            }
            guard let wish, armed[kind] == nil else { continue }
            let generation = number()
            armed[kind] = Armed(generation: generation, key: wish.key)
            actions.append(.setTimer(kind, generation: generation, after: wish.after))
        }
    }
}
