extension GuildMachine {
    /// Whether `caller` may use the player now.
    public func check(_ caller: Caller) throws(PlayerError) {
        if caller.isPrivileged { return }
        guard let channel = caller.voiceChannel else { throw .notInVoice }
        guard let here = voice.channel, here != channel else { return }
        var present = listeners
        if case .joining(let joining) = voice { present.formUnion(joining.users) }
        if !present.subtracting([caller.user]).isEmpty { throw .playingElsewhere(here) }
    }

    mutating func perform(_ command: GuildCommand, _ id: CommandID, _ caller: Caller) {
        let before = self
        do throws(PlayerError) {
            try check(caller)
            if let text = caller.textChannel { textChannel = text }
            if let reply = try run(command, id, caller) { actions.append(.reply(id, .success(finished(reply)))) }
        } catch {
            // A refused command leaves nothing behind, however far it got.
            self = before
            actions.append(.reply(id, .failure(error)))
        }
    }

    private func finished(_ reply: CommandReply) -> CommandReply {
        var reply = reply
        reply.current = queue.current
        reply.position = position
        return reply
    }

    /// Nil means that the reply comes later.
    private mutating func run(
        _ command: GuildCommand, _ id: CommandID, _ caller: Caller
    ) throws(PlayerError) -> CommandReply? {
        switch command {
        case .add(let tracks, let mode): return try add(tracks, mode, id, caller)
        case .resume: return try resume(id, caller)
        case .skip(let count, let seen):
            return try audibly(command, id, caller) { (machine) throws(PlayerError) in try machine.skip(count, seen) }
        case .previous:
            return try audibly(command, id, caller) { (machine) throws(PlayerError) in try machine.previous() }
        case .stop: return try stop()
        case .pause:
            guard queue.current != nil else { throw .nothingPlaying }
            isPaused = true
        case .seek(let target): try seek(target)
        case .volume(let percent):
            guard (0...200).contains(percent) else { throw .invalid("The volume must be between 0 and 200.") }
            volume = percent
        case .filter(let name): try setFilter(name)
        case .loop(let mode): if mode != queue.loop { edit(.loop(mode)) }
        case .shuffle(let seed): try shuffle(seed)
        case .remove(let range): return try remove(range)
        case .move(let from, let to): return try move(from, to)
        case .clear: return try clear()
        }
        return CommandReply()
    }

    private mutating func setFilter(_ name: AudioFilter) throws(PlayerError) {
        guard name == .off || settings.filters?.contains(name) != false else {
            throw .invalid("I don't know the filter “\(name.rawValue.prefix(40))”.")
        }
        filter = name
    }

    private mutating func shuffle(_ seed: UInt64) throws(PlayerError) {
        guard queue.upcoming.count > 1 else {
            throw .invalid("There is nothing to shuffle: fewer than two tracks are waiting.")
        }
        var random = SplitMix64(seed: seed)
        edit(queue.shuffled(using: &random))
    }

    private mutating func remove(_ range: Range<Int>) throws(PlayerError) -> CommandReply {
        let found = range.clamped(to: 0..<queue.upcoming.count)
        guard !found.isEmpty else { throw .invalid("There is no track at that place in the queue.") }
        let removed = Array(queue.upcoming[found])
        edit(.remove(lower: found.lowerBound, upper: found.upperBound))
        return CommandReply(affected: removed)
    }

    private mutating func move(_ from: Int, _ to: Int) throws(PlayerError) -> CommandReply {
        guard queue.upcoming.indices.contains(from), queue.upcoming.indices.contains(to) else {
            throw .invalid("There is no track at that place in the queue.")
        }
        let entry = queue.upcoming[from]
        edit(.move(from: from, to: to))
        return CommandReply(affected: [entry], index: to)
    }

    private mutating func clear() throws(PlayerError) -> CommandReply {
        guard !queue.upcoming.isEmpty else { throw .invalid("The queue is already empty.") }
        let removed = queue.upcoming
        edit(.clear)
        return CommandReply(affected: removed)
    }

    private mutating func skip(_ count: Int, _ seen: EntryID?) throws(PlayerError) -> CommandReply {
        guard count >= 1 else { throw .invalid("Tell me how many tracks to skip, at least 1.") }
        guard let current = queue.current else {
            // After a streak of broken tracks nothing plays, but tracks may still wait.
            guard seen == nil, !queue.upcoming.isEmpty else { throw .nothingPlaying }
            edit(.advance(.skipped, count: count, at: wall))
            isPaused = false
            return CommandReply()
        }
        guard seen == nil || seen == current.id else {
            throw PlayerError(
                .invalidArgument, "entry \(current.id) plays, not the one to skip", user: "That track is already over.",
                retry: .never)
        }
        let skipped = [current] + queue.upcoming.prefix(count - 1)
        edit(.advance(.skipped, count: count, at: wall))
        isPaused = false
        restartIfSame(current.id)
        if queue.current == nil { actions.append(.notify(.queueEnded)) }
        return CommandReply(affected: skipped)
    }

    /// A queue of one that loops skips to itself: that must be heard as a fresh start.
    private mutating func restartIfSame(_ id: EntryID) {
        guard queue.current?.id == id else { return }
        retireDeck()
        resumeAt = nil
    }

    private mutating func previous() throws(PlayerError) -> CommandReply {
        if queue.canGoBack {
            edit(.previous(at: wall))
            isPaused = false
        } else {
            guard queue.current != nil else { throw .nothingPlaying }
            isPaused = false
            jump(to: .zero)
        }
        return CommandReply()
    }

    private mutating func stop() throws(PlayerError) -> CommandReply {
        if case .out = voice, queue.isEmpty { throw .nothingPlaying }
        let dropped = queue.upcoming
        failWaiting(.stoppedWhileJoining)
        if !queue.isEmpty { edit(.stop) }
        isPaused = false
        leave()
        return CommandReply(affected: dropped)
    }

    private mutating func seek(_ target: SeekTarget) throws(PlayerError) {
        guard let current = queue.current else { throw .nothingPlaying }
        guard current.track.isSeekable else { throw .invalid("This track can't be wound forward or back.") }
        let end = current.track.duration
        switch target {
        case .absolute(let place):
            guard place >= .zero else { throw .invalid("The time must not be negative.") }
            if let end, place >= end { throw .invalid("The track is only \(end.clockText) long.") }
            jump(to: place)
        case .relative(let step):
            let place = max(.zero, position + step)
            jump(to: end.map { min(place, max(.zero, $0 - .seconds(1))) } ?? place)
        }
    }
}
