import CTimmyBot

/// What changed by loading, replacing or unloading a plugin while the bot runs.
public struct PluginChange: Sendable, Equatable {
    public let plugin: String
    /// Discord must be told.
    public let commands: Bool
    public let sources: Bool
}

extension PluginHost {
    /// The version of a plugin that new calls go to.
    func current(_ id: String) -> PluginInstance? { state.withLock { $0.instances[id] } }

    private static func stopping(_ instance: PluginInstance) -> PluginFailure {
        PluginFailure(code: TB_E_UNAVAILABLE, detail: "\(instance.id) is stopping", retryAfter: .seconds(1))
    }

    /// Whether a call came to nothing only because its version was replaced, and had ended, before it got there: the
    /// version of now may be asked instead.
    func cameTooLate(_ outcome: TaskOutcome, for instance: PluginInstance) -> Bool {
        guard case .failed(let failure) = outcome, failure == Self.stopping(instance) else { return false }
        return current(instance.id).map { $0 !== instance } ?? false
    }

    /// Lets a call through to an instance, or says why not.
    func admit(_ instance: PluginInstance) throws(PluginFailure) -> PluginUse {
        guard let use = instance.use() else { throw Self.stopping(instance) }
        guard instance.breaker.withLock({ $0.admit(now: now) }) else {
            let last = instance.life.withLock { $0.lastFailure } ?? "?"
            throw PluginFailure(
                code: TB_E_UNAVAILABLE,
                detail: "\(instance.id) is resting after repeated failures; the last one: \(last)",
                retryAfter: .seconds(1))
        }
        return use
    }

    /// Draws the conclusions from a call's outcome: the lane's, the breaker's, and those about a new version.
    func judge(_ use: PluginUse, _ outcome: TaskOutcome, isTrial: Bool) {
        let instance = use.instance
        switch outcome {
        case .overdue(let failure):
            ledger.failed(instance.id, failure, isTimeout: true)
            _ = use.expire()
            failed(instance, failure.detail)
            if isTrial { conclude(instance) { $0.failed() } }
        case .failed(let failure) where failure.isThePlugins:
            ledger.failed(instance.id, failure)
            failed(instance, failure.detail)
            if isTrial { conclude(instance) { $0.failed() } }
        case .failed(let failure) where failure.code == TB_E_CANCELLED:
            // Where nobody waited for it any more, that says nothing about the plugin.
            ledger.answered(instance.id)
            instance.breaker.withLock { $0.unknown() }
            if isTrial { conclude(instance) { $0.unknown() } }
        default:
            ledger.answered(instance.id)
            instance.breaker.withLock { $0.succeeded() }
            if isTrial { conclude(instance) { $0.succeeded() } }
        }
    }

    /// One more failure of an instance; where its breaker opens, nothing stays queued.
    func failed(_ instance: PluginInstance, _ detail: String) {
        instance.log(TB_LOG_WARNING, detail)
        instance.life.withLock { life in
            life.failures += 1
            life.lastFailure = String(detail.prefix(300))
        }
        let (opened, failures) = instance.breaker.withLock { breaker in
            let was = breaker.isOpen(now: now)
            breaker.failed(now: now)
            return (!was && breaker.isOpen(now: now), breaker.failures)
        }
        guard opened else { return }
        instance.lane.dropAll("it is resting after \(failures) failures in a row")
        instance.log(
            TB_LOG_ERROR,
            "rests for \(Int(Breaker.pause)) s after \(failures) failures in a row; the last one: \(detail)")
    }

    /// Asks a plugin whether an input is its own. It may be asked from any thread, so all share one; where a plugin hangs
    /// there, the thread is left to it, and it is not asked again before it is back.
    func match(
        _ instance: PluginInstance, _ body: @escaping @Sendable (UnsafeMutableRawPointer?) -> Int
    ) async -> Int {
        // The call's own, so that it keeps the instance also where nobody waits for it any more.
        guard !instance.isHungInMatch.load(ordering: .acquiring), let use = instance.use() else { return 0 }
        let lane = state.withLock { state in
            let lane = state.matching ?? Lane(name: "match")
            state.matching = lane
            return lane
        }
        let answer = await lane.perform(
            "match", plugin: instance.id, within: configuration.deadlines.match, clock: clock,
            late: { [self] expiry in leave(lane, to: instance, expiry) }
        ) {
            defer { use.end() }
            // Where the whole bot stops, uses are not waited for; nothing is destroyed before this returns.
            guard instance.ports.courier.enter() else { return 0 }
            defer { instance.ports.courier.leave() }
            let answer = body(instance.created)
            instance.isHungInMatch.store(false, ordering: .releasing)
            return answer
        }
        return answer ?? 0
    }

    private func leave(_ lane: Lane, to instance: PluginInstance, _ expiry: Lane.Expiry) {
        // Only whose call runs is to blame; who waited behind it is not.
        guard expiry == .hangs else { return }
        instance.isHungInMatch.store(true, ordering: .releasing)
        state.withLock { if $0.matching === lane { $0.matching = nil } }
        lane.close()
        if lane.stuck == 0 { instance.isHungInMatch.store(false, ordering: .releasing) }
        failed(instance, "\(instance.id): match does not return within \(configuration.deadlines.match)")
    }
}

extension PluginFailure {
    /// Whether it speaks against the plugin that said it. What a person typed wrong and is told about (`TB_E_INVALID` with
    /// a text for them) does not: else five typing errors would have a sound plugin rest. Nor does what others do to it,
    /// a platform that is slow (`TB_E_TIMEOUT`) among it. `TB_E_INTERNAL` does, whatever is said beside it.
    fileprivate var isThePlugins: Bool { code == TB_E_INVALID ? userText.isEmpty : code == TB_E_INTERNAL }
}
