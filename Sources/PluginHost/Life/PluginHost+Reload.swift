import CTimmyBot
import Foundation

/// What a reload came to.
public enum PluginReload: Sendable, Equatable {
    /// The file is the one that is loaded.
    case unchanged(PluginManifest)
    case loaded(PluginManifest)
    case replaced(PluginManifest, with: PluginManifest)
}

extension PluginHost {
    /// Replaces a plugin with what its file, or another one, holds now.
    ///
    /// New calls go to the new version at once; what runs in the old one ends there. The old one is kept until the new one
    /// has done one of its first three calls, or a minute has passed; where those three all fail it comes back.
    ///
    /// - Parameter idOrPath: a path where it has a slash; else the id of a loaded plugin, whose file is read again.
    /// - Throws: why the new one is not used; the old one goes on as if nothing had been.
    @discardableResult
    public func reload(_ idOrPath: String) async throws(PluginRefusal) -> PluginReload {
        if idOrPath.contains("/") { return try await reload(PluginCandidate(file: idOrPath)) }
        guard let instance = current(idOrPath) else { throw PluginRefusal("no plugin \(idOrPath) is loaded") }
        return try await reload(PluginCandidate(file: instance.file), expecting: idOrPath)
    }

    /// - Parameter id: what the file's plugin must be; any where nil.
    @discardableResult
    public func reload(
        _ candidate: PluginCandidate, expecting id: String? = nil
    ) async throws(PluginRefusal) -> PluginReload {
        let result = await onThread { [self] () -> Result<PluginReload, PluginRefusal> in
            do throws(PluginRefusal) {
                return .success(try replace(with: candidate, expecting: id))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Takes a plugin out of service. What runs in it may end.
    public func unload(_ id: String) throws(PluginRefusal) {
        try exclusively(id) { () throws(PluginRefusal) in
            let (last, fallback) = state.withLock { ($0.take(id), $0.fallbacks.removeValue(forKey: id)) }
            guard let last else { throw PluginRefusal("no plugin \(id) is loaded") }
            for generation in [last, fallback].compactMap({ $0 }) { retire(generation.instance) }
            logger.notice("plugin \(id) \(last.instance.manifest.version) unloaded")
            tell(id, from: last, to: nil)
        }
    }

    /// Blocking work gets a thread of its own, never one of the cooperative pool.
    func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    /// The same for a thread that may block while the new version starts.
    public func replace(
        with candidate: PluginCandidate, expecting id: String? = nil
    ) throws(PluginRefusal) -> PluginReload {
        if let refusal = candidate.refusal { throw PluginRefusal(refusal) }
        let file = try PluginLoader.read(candidate.file, expecting: candidate.digest)
        let manifest = file.manifest
        guard id == nil || id == manifest.id else {
            throw PluginRefusal("its id is \(manifest.id), and \(id ?? "") was to be replaced")
        }
        return try exclusively(manifest.id) { () throws(PluginRefusal) in
            let settings = try settings(of: manifest.id)
            if let last = current(manifest.id), last.digest == file.digest, last.configuration == settings {
                return .unchanged(manifest)
            }
            let next = try generation(of: file, settings)
            let trial = current(manifest.id) == nil ? nil : Trial(now: now)
            next.instance.trial.withLock { $0 = trial }
            guard let last = try install(next) else {
                logger.notice("plugin \(manifest.id) \(manifest.version) loaded")
                tell(manifest.id, from: nil, to: next)
                return .loaded(manifest)
            }
            keep(last)
            watch(next.instance)
            logger.notice("plugin \(manifest.id) \(last.instance.manifest.version) replaced by \(manifest.version)")
            tell(manifest.id, from: last, to: next)
            return .replaced(last.instance.manifest, with: manifest)
        }
    }

    /// The file's instance: an earlier one of the very same build and configuration where that is still alive, since two of them would
    /// share their static data, and else a new one.
    private func generation(of file: PluginFile, _ settings: String) throws(PluginRefusal) -> PluginGeneration {
        let id = file.manifest.id
        let (fallback, retiring) = state.withLock { state in
            (
                state.fallbacks[id],
                state.retiring.filter { $0.id == id && $0.digest == file.digest && $0.configuration == settings }
            )
        }
        if let fallback, fallback.instance.digest == file.digest, fallback.instance.configuration == settings {
            state.withLock { $0.fallbacks[id] = nil }
            return fallback
        }
        for old in retiring {
            if old.revive() {
                state.withLock { state in state.retiring.removeAll { $0 === old } }
                return PluginGeneration(instance: old, commands: try commands(of: old))
            }
            guard waitForEnd(of: old) else {
                throw PluginRefusal("this very build hangs in this process and does not stop; restart to load it again")
            }
        }
        return try prepare(file, settings: settings)
    }

    /// Waits, blocking, for an instance that is stopping. Whether it was destroyed.
    private func waitForEnd(of instance: PluginInstance) -> Bool {
        let limit = configuration.deadlines.stop + configuration.deadlines.destroy + .seconds(1)
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            if case .over(let isClean) = instance.life.withLock({ $0.phase }) { return isClean }
            usleep(2_000)
        }
        return false
    }

    // MARK: The old one

    /// Keeps what was replaced ready to come back, unless something proven is kept already.
    private func keep(_ last: PluginGeneration) {
        let id = last.instance.id
        let isProven = last.instance.trial.withLock { $0.map { $0.verdict == .passed } ?? true }
        let unneeded = state.withLock { state -> PluginGeneration? in
            if !isProven, state.fallbacks[id] != nil { return last }
            defer { state.fallbacks[id] = last }
            return state.fallbacks[id]
        }
        if let unneeded { retire(unneeded.instance) }
    }

    /// Ends the trial when its time is over.
    private func watch(_ instance: PluginInstance) {
        Task { [self] in
            do { try await clock.sleep(for: .seconds(Trial.length)) } catch { return }
            conclude(instance) { $0.expire() }
        }
    }

    /// Tells a new version's trial of something and does what follows from it.
    func conclude(_ instance: PluginInstance, _ event: (inout Trial) -> Void) {
        let verdict = instance.trial.withLock { trial -> Trial.Verdict? in
            guard trial != nil else { return nil }
            let before = trial?.verdict
            trial.map {
                var next = $0; event(&next); trial = next
            }
            return trial?.verdict == before ? nil : trial?.verdict
        }
        switch verdict {
        case .passed:
            let last = state.withLock { state -> PluginGeneration? in
                guard state.instances[instance.id] === instance else { return nil }
                return state.fallbacks.removeValue(forKey: instance.id)
            }
            if let last { retire(last.instance) }
        case .failed: takeBack(instance)
        case .open, nil: break
        }
    }

    /// The version before comes back.
    private func takeBack(_ instance: PluginInstance) {
        let id = instance.id
        let changed = state.withLock { state -> (bad: PluginGeneration, good: PluginGeneration)? in
            guard state.instances[id] === instance, let good = state.fallbacks.removeValue(forKey: id) else {
                return nil
            }
            // The old one's commands were there before; a name that somebody else took meanwhile stays with them.
            let free = good.commands.filter { state.commands[$0.name].map { $0.plugin == id } ?? true }
            let bad = state.swap(PluginGeneration(instance: good.instance, commands: free))
            return bad.map { ($0, PluginGeneration(instance: good.instance, commands: free)) }
        }
        guard let (bad, good) = changed else { return }
        let reason = instance.life.withLock { $0.lastFailure } ?? "?"
        let text =
            "version \(instance.manifest.version) failed its first \(Trial.calls) calls and \(good.instance.manifest.version) is back; \(reason)"
        good.instance.trial.withLock { $0 = nil }
        good.instance.life.withLock { $0.lastFailure = text }
        good.instance.log(TB_LOG_ERROR, text)
        retire(bad.instance)
        tell(id, from: bad, to: good)
    }

    /// Lets what runs in an instance end, and then stops and destroys it.
    private func retire(_ instance: PluginInstance) {
        state.withLock { $0.retiring.append(instance) }
        instance.drain { [self] in
            Task {
                let isClean = await instance.stop(configuration.deadlines, clock: clock)
                if isClean { state.withLock { state in state.retiring.removeAll { $0 === instance } } }
            }
        }
    }

    private func tell(_ id: String, from last: PluginGeneration?, to next: PluginGeneration?) {
        let commands = (last?.commands ?? []).map(\.shape) != (next?.commands ?? []).map(\.shape)
        let sources = (last?.hasSource ?? false) != (next?.hasSource ?? false)
        if commands || sources { announce.yield(PluginChange(plugin: id, commands: commands, sources: sources)) }
    }
}

extension PluginCommand {
    /// All that Discord is told of it.
    fileprivate var shape: String { "\(name)|\(text)|\(permissions)|\(parameters)" }
}
