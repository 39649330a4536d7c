extension GuildMachine {
    /// Makes the current track go on at `place`; the old stream plays until the new one is open.
    mutating func jump(to place: Duration) {
        positionJumped = true
        guard deck?.entry.id == queue.current?.id, deck != nil else {
            if let current = queue.current { resumeAt = (current.id, place) }
            return
        }
        if let old = deck?.opening { doomed.append(old.stream) }
        deck?.opening = nil
        deck?.reopenDelay = nil
        let opening = open(queue.current, at: place)
        deck?.opening = opening
    }

    /// Asks for a stream of `entry`.
    func options(at place: Duration) -> AudioOptions { AudioOptions(startAt: place, volume: volume, filter: filter) }

    mutating func open(_ entry: QueuedTrack?, at place: Duration) -> Opening? {
        guard let entry else { return nil }
        let opening = Opening(stream: StreamID(number()), options: options(at: place))
        actions.append(.open(opening.stream, entry, opening.options))
        return opening
    }

    /// What was asked of an opening may have changed while it was under way.
    private mutating func bringUpToDate(_ opening: Opening) {
        if opening.options.volume != volume { actions.append(.setVolume(opening.stream, volume)) }
        if opening.options.filter != filter { actions.append(.setFilter(opening.stream, filter)) }
    }

    mutating func opened(_ stream: StreamID) {
        if let opening = deck?.opening, opening.stream == stream {
            if let old = deck?.stream { doomed.append(old) }
            deck?.start(opening)
            bringUpToDate(opening)
        } else if let opening = prepared?.opening, opening.stream == stream {
            prepared?.isOpen = true
            bringUpToDate(opening)
        } else {
            doomed.append(stream)
        }
    }

    mutating func openFailed(_ stream: StreamID, _ error: PlayerError) {
        if prepared?.opening.stream == stream {
            // Not tried again ahead of time: when its turn comes, it is opened the usual way.
            prepared?.hasFailed = true
        } else if let deck, deck.opening?.stream == stream {
            self.deck?.opening = nil
            if deck.stream == nil {
                self.deck?.failure = error
            } else {
                positionJumped = true
                actions.append(.notify(.seekFailed(deck.entry, error)))
            }
        }
    }

    mutating func streamFailed(_ stream: StreamID, _ error: PlayerError) {
        if prepared?.opening.stream == stream {
            doomed.append(stream)
            prepared?.hasFailed = true
            return
        }
        guard let deck, deck.stream == stream else { return }
        doomed.append(stream)
        self.deck?.stream = nil
        // With a seek under way, its stream takes over.
        if deck.opening == nil { self.deck?.failure = error }
    }

    mutating func ended(_ stream: StreamID) {
        if prepared?.opening.stream == stream {
            // Ended before it began: let the usual way find out why.
            doomed.append(stream)
            prepared?.hasFailed = true
            return
        }
        guard let deck, deck.stream == stream else { return }
        if deck.opening != nil {
            doomed.append(stream)
            self.deck?.stream = nil
            return
        }
        let played = deck.position - deck.startedAt
        if deck.startedAt == .zero, played < Self.shortestTrack {
            // Would spin in a loop otherwise.
            doomed.append(stream)
            self.deck?.stream = nil
            self.deck?.failure = PlayerError(
                .mediaFailed, "the stream ended after \(played.milliseconds) ms", user: "The track is empty.")
            return
        }
        playsWell()
        edit(.advance(.finished, count: 1, at: wall))
        retireDeck()
        resumeAt = nil
        if queue.current == nil { actions.append(.notify(.queueEnded)) }
    }

    /// A stream that ends sooner than this has played nothing.
    static let shortestTrack: Duration = .milliseconds(100)

    mutating func tick() {
        guard let deck, deck.stream != nil else { return }
        checkpointDue = true
        let played = deck.position - deck.startedAt
        if played >= .seconds(3) { playsWell() }
        if played >= .seconds(10) {
            self.deck?.reopens = 0
            self.deck?.failingSince = nil
        }
    }

    private mutating func playsWell() {
        failureStreak = 0
        stalled = nil
    }

    /// Takes the current stream off; it is closed once its successor is on air.
    mutating func retireDeck() {
        if let stream = deck?.stream { doomed.append(stream) }
        if let opening = deck?.opening { doomed.append(opening.stream) }
        deck = nil
    }
}
