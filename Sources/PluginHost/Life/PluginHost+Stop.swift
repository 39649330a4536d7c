import Foundation

extension PluginHost {
    private func takeAll() -> [PluginInstance] {
        state.withLock { state in
            let all =
                state.instances.values + state.fallbacks.values.map(\.instance) + state.retiring
            state.matching?.close()
            state = State()
            state.isClosed = true
            return Array(all)
        }
    }

    /// Asks every plugin to stop and does not wait for it. Their code stays mapped.
    public func shutdown() {
        for instance in takeAll() { instance.stopSoon() }
        announce.finish()
    }

    /// Stops every plugin, all at once and each within its deadlines. What is open is cancelled.
    public func close() async {
        let all = takeAll()
        await withTaskGroup(of: Void.self) { group in
            for instance in all {
                group.addTask { [self] in _ = await instance.stop(configuration.deadlines, clock: clock) }
            }
        }
        announce.finish()
    }

    /// Removes the copies that earlier processes left in the cache folder; what this one has loaded stays.
    public func removeStaleCopies() {
        let kept = state.withLock { state in
            (Array(state.instances.values) + state.fallbacks.values.map(\.instance) + state.retiring).map {
                ($0.copy as NSString).lastPathComponent
            }
        }
        PluginLoader.removeCopies(in: configuration.cacheDirectory, except: Set(kept))
    }
}
