/// Tracks that cannot be played, and sources that cannot be reached.
extension GuildMachine {
    /// The track on the deck cannot be played (any more): try again, skip it, or stop trying.
    mutating func settleFailure(_ error: PlayerError) {
        guard let deck else { return }
        self.deck?.failure = nil
        guard case .after(let wait) = error.retry else {
            // Whoever says so for good could be reached.
            stalled = nil
            return skipBroken(deck, error)
        }
        if reopenLater(deck, wait) { return }
        if isOutage(deck) { return suspend(deck, error) }
        stalled = (deck.entry.id, deck.wantedPosition)
        skipBroken(deck, error)
    }

    /// Sets the next attempt; false where there have been enough.
    private mutating func reopenLater(_ deck: Deck, _ wait: Duration) -> Bool {
        let delays = settings.reopenDelays
        let delay = max(wait, deck.reopens < delays.count ? delays[deck.reopens] : delays.last ?? .zero)
        let since = deck.failingSince ?? now
        guard deck.reopens < settings.reopenAttempts, now - since + delay <= settings.reopenPatience else {
            return false
        }
        self.deck?.reopens += 1
        self.deck?.failingSince = since
        self.deck?.reopenDelay = delay > .zero ? delay : nil
        return true
    }

    /// One track that does not come may have a bad server. A second one right after it, or none left to try, looks like
    /// a network that is gone: skipping would throw the queue away.
    private func isOutage(_ deck: Deck) -> Bool {
        queue.upcoming.isEmpty || stalled.map { $0.entry == queue.history.last?.id } == true
    }

    /// Ends the playback and keeps what could not be played, with its position, for `resume`.
    private mutating func suspend(_ deck: Deck, _ error: PlayerError) {
        retireDeck()
        if let stalled, stalled.entry == queue.history.last?.id {
            resumeAt = stalled
            edit(.suspend(after: stalled.entry))
        } else {
            resumeAt = (deck.entry.id, deck.wantedPosition)
            edit(.suspend(after: nil))
        }
        stalled = nil
        failureStreak = 0
        actions.append(.notify(.gaveUp(.outage(error))))
    }

    private mutating func skipBroken(_ deck: Deck, _ error: PlayerError) {
        retireDeck()
        failureStreak += 1
        actions.append(.notify(.trackFailed(deck.entry, error)))
        guard failureStreak >= settings.failureStreak, !queue.upcoming.isEmpty else {
            edit(.advance(.failed, count: 1, at: wall))
            if queue.current == nil {
                failureStreak = 0
                actions.append(.notify(.queueEnded))
            }
            return
        }
        failureStreak = 0
        edit(.halt)
        actions.append(.notify(.gaveUp(error)))
    }
}
