import DAVE
import DiscordModel

/// DAVE's delivery service in a call. Membership changes are proposed one batch at a time: the next is proposed when all
/// have made the transition of the last, so nobody sends with keys that others cannot have yet.
extension SandboxWorld {
    /// Seconds that members have for a commit, and for op 23.
    private static let patience = 3.0

    /// Ops 26 and 28.
    func receiveDAVE(_ opcode: UInt8, _ payload: [UInt8], _ user: Snowflake, _ call: Snowflake) {
        guard calls[call]?.daveVersion ?? 0 > 0, calls[call]?.participants[user]?.isConnected == true else { return }
        switch opcode {
        case DAVEOpcode.keyPackage:
            do {
                try DAVEDeliveryService.check(keyPackage: payload, of: user.rawValue)
            } catch {
                return endParticipant(user, call: call, code: 4020, reason: "Bad key package")
            }
            calls[call]?.roster.arrivals[user] = payload
            propose(call)
        case DAVEOpcode.commitWelcome: commit(payload, user, call)
        default: log.debug("unexpected DAVE opcode", metadata: ["op": "\(opcode)"])
        }
    }

    // MARK: Proposals

    /// Proposes what is due, unless a batch is under way.
    func propose(_ call: Snowflake) {
        guard let roster = calls[call]?.roster, roster.transition == nil else { return }
        let here = Set(connected(call))
        if roster.service.isEstablished { grow(call, roster, here) } else { found(call, roster, here) }
    }

    /// Before the first commit: each user with a key package gets the adds of all others, and the first commit founds the
    /// group.
    private func found(_ call: Snowflake, _ roster: VoiceRoster, _ here: Set<Snowflake>) {
        let fresh = roster.arrivals.filter { here.contains($0.key) }
        let known = Set(roster.founding.map(\.user))
        guard !fresh.isEmpty else { return }
        // A second package of a user before the first commit: all start over.
        guard known.isDisjoint(with: fresh.keys), known.isSubset(of: here) else { return restart(call) }
        guard known.count + fresh.count >= 2 else { return }
        var service = roster.service
        let packages = fresh.sorted { $0.key < $1.key }.map { (user: $0.key.rawValue, keyPackage: $0.value) }
        guard let made = try? service.propose(add: packages) else { return restart(call) }
        let added = made.compactMap { entry in
            entry.user.map { (user: Snowflake(rawValue: $0), message: entry.message) }
        }
        calls[call]?.roster.service = service
        calls[call]?.roster.arrivals = roster.arrivals.filter { fresh[$0.key] == nil }
        calls[call]?.roster.founding += added
        calls[call]?.roster.proposed.formUnion(fresh.keys)
        calls[call]?.roster.proposedAt = now
        for user in known.union(fresh.keys) {
            // Newcomers also need what was proposed before them.
            let due = known.contains(user) ? added : roster.founding + added
            send(due.filter { $0.user != user }.map(\.message), to: user, call)
        }
    }

    private func grow(_ call: Snowflake, _ roster: VoiceRoster, _ here: Set<Snowflake>) {
        guard !roster.isWaiting else { return }
        let members = Set(roster.service.members.map { Snowflake(rawValue: $0) })
        let gone = members.subtracting(here).union(roster.expelled.intersection(members))
        let staying = members.subtracting(gone)
        guard !staying.isEmpty, here.count > 1 else { return restart(call) }
        // A member with a new package is removed first and added by the next batch.
        let returning = Set(roster.arrivals.keys).intersection(staying)
        let leaving = gone.union(staying.count > returning.count ? returning : [])
        let joining = roster.arrivals.filter { here.contains($0.key) && !members.contains($0.key) }
        guard !leaving.isEmpty || !joining.isEmpty else { return }
        var service = roster.service
        let packages = joining.sorted { $0.key < $1.key }.map { (user: $0.key.rawValue, keyPackage: $0.value) }
        guard let made = try? service.propose(add: packages, remove: leaving.sorted().map(\.rawValue)) else {
            return restart(call)
        }
        calls[call]?.roster.service = service
        calls[call]?.roster.arrivals = roster.arrivals.filter { joining[$0.key] == nil && here.contains($0.key) }
        calls[call]?.roster.expelled.subtract(leaving)
        calls[call]?.roster.proposed = leaving.union(joining.keys)
        calls[call]?.roster.proposedAt = now
        for user in members.subtracting(leaving).sorted() { send(made.map(\.message), to: user, call) }
    }

    private func send(_ proposals: [[UInt8]], to user: Snowflake, _ call: Snowflake) {
        guard !proposals.isEmpty else { return }
        tell(.binary(opcode: DAVEOpcode.proposals, DAVEDeliveryService.append(proposals)), user, call)
    }

    // MARK: Commits and transitions

    private func commit(_ payload: [UInt8], _ user: Snowflake, _ call: Snowflake) {
        guard var service = calls[call]?.roster.service, calls[call]?.roster.transition == nil else { return }
        guard mayCommit(user, call, service) else { return }
        let accepted: DAVEDeliveryService.AcceptedCommit
        do {
            accepted = try service.accept(commitWelcome: payload, from: user.rawValue)
        } catch {
            return log.debug("commit not taken", metadata: ["user": "\(user)", "why": "\(error)"])
        }
        guard let id = calls[call]?.roster.nextTransition else { return }
        let head = [UInt8(id >> 8), UInt8(truncatingIfNeeded: id)]
        let here = Set(connected(call))
        let staying = Set(accepted.staying.map { Snowflake(rawValue: $0) }).intersection(here)
        let welcomed = accepted.welcomes.filter { here.contains(Snowflake(rawValue: $0.key)) }
        calls[call]?.roster.service = service
        calls[call]?.roster.committers.append(user)
        calls[call]?.roster.proposed = []
        calls[call]?.roster.founding = []
        calls[call]?.roster.nextTransition = id == .max ? 1 : id + 1
        let waiting = staying.union(welcomed.keys.map { Snowflake(rawValue: $0) })
        calls[call]?.roster.transition = VoiceRoster.Transition(id: id, waiting: waiting, since: now)
        for member in staying {
            tell(.binary(opcode: DAVEOpcode.announceCommitTransition, head + accepted.commit), member, call)
        }
        for (member, welcome) in welcomed {
            tell(.binary(opcode: DAVEOpcode.welcome, head + welcome), Snowflake(rawValue: member), call)
        }
        let body: JSONValue = [
            "channel_id": .id(call), "committer": .id(user), "transition_id": .number(id),
            "members": .array(service.members.sorted().map { .id(Snowflake(rawValue: $0)) }),
        ]
        announce("DAVE_COMMIT", body)
        if waiting.isEmpty { execute(call) }
    }

    /// False where the test wants somebody else's commit to come first, who can make one.
    private func mayCommit(_ user: Snowflake, _ call: Snowflake, _ service: DAVEDeliveryService) -> Bool {
        guard let first = firstCommitters[call], first != user, connected(call).contains(first) else { return true }
        return !service.members.isEmpty && !service.members.contains(first.rawValue)
    }

    /// From now on the commits of `user` come before all others', as long as it is there to make one. Nil for no order.
    public func setCommitter(_ user: Snowflake?, of channel: Snowflake) { firstCommitters[channel] = user }

    /// Whose commits made the epochs of the call so far.
    public func committers(of channel: Snowflake) -> [Snowflake] { calls[channel]?.roster.committers ?? [] }

    /// Op 23.
    func transitionReady(_ id: Int64?, _ user: Snowflake, _ call: Snowflake) {
        guard let transition = calls[call]?.roster.transition, id == Int64(transition.id) else { return }
        calls[call]?.roster.transition?.waiting.remove(user)
        if calls[call]?.roster.transition?.waiting.isEmpty == true { execute(call) }
    }

    private func execute(_ call: Snowflake) {
        guard let transition = calls[call]?.roster.transition else { return }
        calls[call]?.roster.transition = nil
        let members = calls[call]?.roster.service.members ?? []
        for user in connected(call) where members.contains(user.rawValue) {
            tell(
                .text(opcode: VoiceOpcode.daveExecuteTransition, ["transition_id": .number(transition.id)]), user, call)
        }
        announce("DAVE_TRANSITION", ["channel_id": .id(call), "transition_id": .number(transition.id)])
        propose(call)
    }

    /// Op 31: the member is taken out, and added again when its new key package is here.
    func invalidCommit(_ user: Snowflake, _ call: Snowflake) {
        guard calls[call] != nil else { return }
        announce("DAVE_INVALID", ["channel_id": .id(call), "user_id": .id(user)])
        calls[call]?.roster.arrivals[user] = nil
        calls[call]?.roster.expelled.insert(user)
        let isWaitedFor = calls[call]?.roster.transition?.waiting.remove(user) != nil
        if isWaitedFor, calls[call]?.roster.transition?.waiting.isEmpty == true { return execute(call) }
        if calls[call]?.roster.service.isEstablished == false { return restart(call) }
        propose(call)
    }

    // MARK: Leaving and starting over

    /// A participant is gone from `call`.
    func left(_ user: Snowflake, _ call: Snowflake) {
        guard let body = calls[call], body.daveVersion > 0 else { return }
        calls[call]?.roster.arrivals[user] = nil
        calls[call]?.roster.expelled.remove(user)
        calls[call]?.roster.transition?.waiting.remove(user)
        let here = connected(call)
        guard here.count > 1 else {
            if body.roster.service.isEstablished || body.roster.isWaiting { restart(call) }
            return
        }
        if !body.roster.service.isEstablished, body.roster.proposed.contains(user) { return restart(call) }
        if calls[call]?.roster.transition?.waiting.isEmpty == true { return execute(call) }
        propose(call)
    }

    /// Op 24 with epoch 1: all forget the group and send new key packages. Also the reset of a sole member.
    func restart(_ call: Snowflake) {
        calls[call]?.roster.reset()
        let here = connected(call)
        for user in here {
            let epoch: JSONValue = ["protocol_version": 1, "epoch": 1, "transition_id": 0]
            tell(.text(opcode: VoiceOpcode.davePrepareEpoch, epoch), user, call)
            guard here.count == 1 else { continue }
            tell(
                .text(opcode: VoiceOpcode.davePrepareTransition, ["protocol_version": 1, "transition_id": 0]), user,
                call)
        }
        announce("DAVE_RESTART", ["channel_id": .id(call)])
    }

    func tickRoster(_ call: Snowflake) {
        guard let roster = calls[call]?.roster else { return }
        if let transition = roster.transition, now - transition.since > Self.patience {
            log.debug("transition without all members", metadata: ["missing": "\(transition.waiting)"])
            execute(call)
        } else if roster.isWaiting, roster.transition == nil, now - roster.proposedAt > Self.patience {
            log.debug("nobody committed in time", metadata: ["channel": "\(call)"])
            restart(call)
        }
    }

    /// Users in the call's MLS group.
    public func encryptedMembers(of channel: Snowflake) -> [Snowflake] {
        (calls[channel]?.roster.service.members ?? []).sorted().map { Snowflake(rawValue: $0) }
    }
}
