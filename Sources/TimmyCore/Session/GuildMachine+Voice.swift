extension GuildMachine {
    mutating func startJoin(
        _ channel: ChannelID, for caller: Caller, pending: [PendingAdd] = [], resuming: [CommandID] = [],
        deferred: Deferred? = nil
    ) {
        let attempt = number()
        var from = restorable
        restorable = nil
        if case .connected(let here) = voice { from = here }
        if case .recovering(let recovery) = voice { from = recovery.channel }
        voice = .joining(
            Joining(
                attempt: attempt, channel: channel, pending: pending, resuming: resuming, deferred: deferred,
                users: [caller.user], from: from))
        actions.append(.join(channel, attempt: attempt))
    }

    /// Out of voice by our own will. The deck is cleared by `reconcile`, which keeps the position.
    mutating func leave() {
        voice = .out
        restorable = nil
        listeners = []
        air = .silent
        actions.append(.leave)
    }

    mutating func failWaiting(_ error: PlayerError) {
        for id in waitingCommands { actions.append(.reply(id, .failure(error))) }
        if case .joining(var joining) = voice {
            joining.pending = []
            joining.resuming = []
            joining.deferred = nil
            voice = .joining(joining)
        }
    }

    mutating func joined(_ attempt: UInt64) {
        switch voice {
        case .joining(let joining) where joining.attempt == attempt:
            voice = .connected(joining.channel)
            listeners = joining.present ?? joining.users
            settleAll(joining)
        case .recovering(let recovery) where recovery.attempt == attempt:
            voice = .connected(recovery.channel)
            actions.append(.notify(.reconnected))
        case .out:
            // A join that was given up came through after all.
            actions.append(.leave)
        default: break
        }
    }

    private mutating func settleAll(_ joining: Joining) {
        // What the bot came for was said before all the rest.
        if let first = joining.deferred {
            // It came for them: wherever it was dragged meanwhile, it does not go after them.
            var caller = first.caller
            caller.voiceChannel = joining.channel
            perform(first.command, first.id, caller)
        }
        for pending in joining.pending { settle(pending) }
        for id in joining.resuming {
            let reply = CommandReply(current: queue.current, position: position)
            actions.append(.reply(id, .success(reply)))
        }
    }

    private mutating func settle(_ pending: PendingAdd) {
        do throws(PlayerError) {
            let reply = try accept(pending)
            actions.append(.reply(pending.command, .success(reply)))
        } catch {
            actions.append(.reply(pending.command, .failure(error)))
        }
    }

    mutating func joinFailed(_ attempt: UInt64, _ error: PlayerError) {
        switch voice {
        case .joining(let joining) where joining.attempt == attempt:
            failWaiting(error)
            leave()
        case .recovering(var recovery) where recovery.attempt == attempt:
            recovery.attempt = nil
            recovery.tries += 1
            voice = .recovering(recovery)
            var retry = recovery.tries < settings.rejoinDelays.count
            if case .after = error.retry {} else { retry = false }
            if !retry {
                leave()
                actions.append(.notify(.reconnectFailed(error)))
            }
        default: break
        }
    }

    mutating func voiceChanged(_ event: VoiceEvent) {
        switch event {
        case .disconnected:
            if case .out = voice { return }
            failWaiting(.disconnectedWhileJoining)
            leave()
            actions.append(.notify(.disconnected))
        case .moved(let channel): moved(to: channel)
        case .lost(let error):
            guard case .connected(let channel) = voice else { return }
            guard case .after = error.retry else {
                leave()
                return actions.append(.notify(.reconnectFailed(error)))
            }
            voice = .recovering(Recovery(channel: channel))
            actions.append(.notify(.reconnecting(error)))
        case .suppressed(let isSuppressed):
            guard let channel = voice.channel else { return }
            actions.append(.notify(isSuppressed ? .waitingToSpeak(channel) : .allowedToSpeak(channel)))
        case .listeners(let users):
            if case .out = voice { return }
            listeners = users
            if case .joining(var joining) = voice {
                joining.present = users
                voice = .joining(joining)
            }
        }
    }

    /// Somebody dragged the bot, maybe before it had arrived.
    private mutating func moved(to channel: ChannelID) {
        guard let here = voice.channel, here != channel else { return }
        switch voice {
        case .out: return
        case .joining(var joining):
            joining.channel = channel
            joining.present = nil
            voice = .joining(joining)
        case .connected: voice = .connected(channel)
        case .recovering(var recovery):
            recovery.channel = channel
            voice = .recovering(recovery)
        }
        listeners = []
        actions.append(.notify(.moved(channel)))
    }

    mutating func restore() {
        guard case .out = voice, let channel = restorable else { return }
        restorable = nil
        guard queue.current != nil else { return }
        voice = .recovering(Recovery(channel: channel))
    }

    mutating func fired(_ kind: TimerKind, _ generation: UInt64) {
        guard armed[kind]?.generation == generation else { return }
        armed[kind] = nil
        switch kind {
        case .checkpoint: tick()
        case .idle, .alone:
            leave()
            actions.append(.notify(kind == .idle ? .leftIdle : .leftAlone))
        case .join: joinTimedOut()
        case .rejoin: rejoin()
        case .reopen: deck?.reopenDelay = nil
        }
    }

    private mutating func joinTimedOut() {
        switch voice {
        case .joining(let joining): joinFailed(joining.attempt, .joinTimedOut(joining.channel))
        case .recovering(let recovery):
            guard let attempt = recovery.attempt else { return }
            actions.append(.leave)
            joinFailed(attempt, .joinTimedOut(recovery.channel))
        default: break
        }
    }

    private mutating func rejoin() {
        guard case .recovering(var recovery) = voice, recovery.attempt == nil else { return }
        let attempt = number()
        recovery.attempt = attempt
        voice = .recovering(recovery)
        actions.append(.join(recovery.channel, attempt: attempt))
    }
}
