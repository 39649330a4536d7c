extension GuildMachine {
    mutating func add(
        _ tracks: [Track], _ mode: AddMode, _ id: CommandID, _ caller: Caller
    ) throws(PlayerError) -> CommandReply? {
        guard !tracks.isEmpty else { throw .notFound("that") }
        let entries = tracks.prefix(settings.queueLimit + 1).map { track in
            QueuedTrack(id: queue.mint(), track: track, requestedBy: caller.user, addedAt: wall)
        }
        let pending = PendingAdd(command: id, entries: Array(entries), mode: mode, user: caller.user)
        if case .joining(var joining) = voice {
            guard caller.voiceChannel == joining.channel || caller.isPrivileged else {
                throw .playingElsewhere(joining.channel)
            }
            joining.pending.append(pending)
            joining.users.insert(caller.user)
            voice = .joining(joining)
            return nil
        }
        guard let target = try channelToJoin(caller) else { return try accept(pending) }
        // Refuse what cannot succeed before anybody hears the bot come in.
        _ = try fitting(pending)
        if case .out = voice { isPaused = false }
        startJoin(target, for: caller, pending: [pending])
        return nil
    }

    /// Nil when the bot is where it should be.
    private func channelToJoin(_ caller: Caller) throws(PlayerError) -> ChannelID? {
        guard let here = voice.channel else {
            guard let channel = caller.voiceChannel else { throw .notInVoice }
            return channel
        }
        return caller.voiceChannel == here ? nil : caller.voiceChannel
    }

    mutating func resume(_ id: CommandID, _ caller: Caller) throws(PlayerError) -> CommandReply? {
        if queue.current == nil {
            guard !queue.upcoming.isEmpty else { throw .nothingPlaying }
            edit(.advance(.skipped, count: 1, at: wall))
        }
        isPaused = false
        if case .joining(var joining) = voice {
            joining.resuming.append(id)
            voice = .joining(joining)
            return nil
        }
        guard let target = try channelToJoin(caller) else { return CommandReply() }
        startJoin(target, for: caller, resuming: [id])
        return nil
    }

    /// Does `body` once the bot is where the caller is: a track that begins where nobody is would only seem to play. What
    /// cannot succeed, or leaves nothing to be heard, needs no way into a channel.
    mutating func audibly(
        _ command: GuildCommand, _ id: CommandID, _ caller: Caller,
        _ body: (inout GuildMachine) throws(PlayerError) -> CommandReply
    ) throws(PlayerError) -> CommandReply? {
        var trial = self
        let reply = try body(&trial)
        if trial.queue.current != nil, !isJoining, let target = try channelToJoin(caller) {
            startJoin(target, for: caller, deferred: Deferred(id: id, command: command, caller: caller))
            return nil
        }
        self = trial
        return reply
    }

    private var isJoining: Bool { if case .joining = voice { true } else { false } }

    private func fitting(_ pending: PendingAdd) throws(PlayerError) -> ArraySlice<QueuedTrack> {
        let share = settings.fairPlay.room(for: pending.user, in: queue)
        guard share > 0 else {
            throw PlayerError(
                .userLimit, "user \(pending.user) has \(settings.fairPlay.maxPerUser ?? 0) tracks queued",
                user:
                    "You already have \(settings.fairPlay.maxPerUser ?? 0) tracks in the queue. Wait until one has played.",
                retry: .afterUserAction)
        }
        let room = settings.queueLimit - queue.count
        guard room > 0 else {
            throw PlayerError(
                .queueFull, "the queue holds \(queue.count) tracks",
                user: "The queue is full: it holds \(settings.queueLimit) tracks.", retry: .afterUserAction)
        }
        return pending.entries.prefix(min(share, room))
    }

    mutating func accept(_ pending: PendingAdd) throws(PlayerError) -> CommandReply {
        let entries = Array(try fitting(pending))
        switch pending.mode {
        case .append: for change in settings.fairPlay.append(entries, to: queue) { edit(change) }
        case .next, .now: edit(.insert(entries, at: 0))
        }
        if queue.current == nil {
            edit(.advance(.skipped, count: 1, at: wall))
            isPaused = false
        } else if pending.mode == .now {
            edit(.advance(.skipped, count: 1, at: wall))
            isPaused = false
        }
        let first = entries[0].id
        return CommandReply(
            affected: entries, index: queue.upcoming.firstIndex { $0.id == first },
            startedNow: queue.current?.id == first,
            leftOut: pending.entries.count - entries.count, current: queue.current, position: position)
    }
}
