import CTimmyBot

extension PluginInstance {
    /// `stop`, then `destroy` once nothing else runs, both on the lane and each within its deadline. Whatever it has not
    /// settled by then is cancelled. An instance that hangs, on its lane or anywhere else, is left as it is: its thread and
    /// memory stay, and it is not destroyed under its own feet.
    ///
    /// - Returns: whether it did both in time.
    @discardableResult
    func stop(_ deadlines: PluginHost.Deadlines, clock: any Clock<Duration>) async -> Bool {
        guard beginStop() else { return true }
        ports.stop()
        sounds.interruptAll()
        let stopped: Void? = await lane.perform("stop", within: deadlines.stop, clock: clock) { [self] in
            table.pointee.stop?(created)
            // What it is owed comes first: it may settle open tasks with it.
            ports.drain()
        }
        cancelOpenTasks()
        var isClean = stopped != nil
        if isClean {
            let destroyed = await lane.perform(
                "destroy", exclusive: true, within: deadlines.destroy, clock: clock
            ) { [self] in destroy() }
            isClean = destroyed ?? false
        }
        finish(isClean)
        return isClean
    }

    /// The same for a caller that does not wait for it.
    func stopSoon() {
        guard beginStop() else { return }
        ports.stop()
        sounds.interruptAll()
        let stopping = lane.submit("stop") { [self] in
            table.pointee.stop?(created)
            ports.drain()
            cancelOpenTasks()
        }
        if stopping == nil {
            cancelOpenTasks()
            finish(false)
            return
        }
        lane.submit("destroy", exclusive: true) { [self] in finish(destroy()) }
        lane.close()
    }

    /// The end of an instance whose `create` failed: there is nothing to stop, but what it began is cut off.
    func giveUp() {
        guard beginStop() else { return }
        ports.stop()
        lane.close()
        life.withLock { $0.phase = .over(isClean: false) }
    }

    /// On the lane. False where a reader, a completion, a hint or `match` does not come back, under whose feet nothing is
    /// destroyed.
    private func destroy() -> Bool {
        guard sounds.drain(), !ports.courier.isAnythingOwed else { return false }
        table.pointee.destroy?(created)
        return true
    }

    private func finish(_ isClean: Bool) {
        lane.close()
        life.withLock { $0.phase = .over(isClean: isClean) }
        if !isClean { log(TB_LOG_WARNING, "it did not stop in time and is left as it is; \(whatHoldsIt)") }
    }

    private var whatHoldsIt: String {
        if lane.stuck > 0 { return lane.stuckReason }
        if sounds.count > 0 { return "a reader does not come back" }
        if ports.courier.isAnythingOwed { return "a completion, cancel or match does not return" }
        return "its threads did not come to it"
    }

    /// Settles what is open with `TB_E_CANCELLED`; readers end by themselves.
    private func cancelOpenTasks() {
        for task in life.withLock({ Array($0.uses.values) }) where task != 0 {
            _ = tasks.settle(
                task, .failed(PluginFailure(code: TB_E_CANCELLED, detail: "\(id) is stopping")))
        }
    }
}
