import CTimmyBot
import Synchronization

/// One plugin's pipes. Numbers are never used twice.
final class PipePort: Sendable {
    static let maximumOpen = 16

    private struct State {
        var next: UInt64 = 1
        var pipes: [UInt64: PluginPipe] = [:]
        /// Of `pipes`, those that were handed over.
        var opened: Set<UInt64> = []
        /// Those that the host did not take when they were handed over: nobody will hear what is in them.
        var refused: Set<UInt64> = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let plugin: String

    init(plugin: String) { self.plugin = plugin }

    /// The number of a new pipe, or why there is none.
    func create(_ kind: PluginSoundKind, capacity: UInt64) -> Result<UInt64, PluginFailure> {
        state.withLock { state in
            guard !state.isStopped else { return .failure(PluginFailure(code: TB_E_CANCELLED, detail: "stopping")) }
            guard state.pipes.count < Self.maximumOpen else {
                return .failure(PluginFailure(code: TB_E_RATE_LIMIT, detail: "\(Self.maximumOpen) pipes are open"))
            }
            let number = state.next
            state.next += 1
            state.pipes[number] = PluginPipe(kind, capacity: capacity, plugin: plugin) { [weak self] in
                self?.forget(number)
            }
            return .success(number)
        }
    }

    /// One that is open; nil for a number that is none or is over.
    func pipe(_ number: UInt64) -> PluginPipe? { state.withLock { $0.pipes[number] } }

    /// The pipe, for its one listener; nil where it has one already or is none.
    func claim(_ number: UInt64) -> PluginPipe? {
        state.withLock { state in
            guard let pipe = state.pipes[number], state.opened.insert(number).inserted else { return nil }
            state.refused.remove(number)
            return pipe
        }
    }

    /// Nobody took it after all. Where its end has come already, that was the last of it.
    func release(_ number: UInt64) {
        let pipe = state.withLock { state in
            if state.opened.remove(number) != nil { state.refused.insert(number) }
            return state.pipes[number]
        }
        if let pipe, pipe.isFinished { pipe.close() }
    }

    /// What nobody listens to goes away with its end, unless it has something to be heard.
    func finish(_ number: UInt64, _ status: Int32) {
        guard let pipe = pipe(number) else { return }
        pipe.finish(status)
        // Looked at afterwards: who gives it back at this moment sees the end, or is seen here.
        let (isUnheard, isRefused) = state.withLock { (!$0.opened.contains(number), $0.refused.contains(number)) }
        if isUnheard, isRefused || status != TB_OK || pipe.isEmpty { pipe.close() }
    }

    func stop() {
        let pipes = state.withLock { state in
            state.isStopped = true
            return Array(state.pipes.values)
        }
        for pipe in pipes { pipe.close() }
    }

    var openCount: Int { state.withLock { $0.pipes.count } }

    private func forget(_ number: UInt64) {
        state.withLock { state in
            state.pipes[number] = nil
            state.opened.remove(number)
            state.refused.remove(number)
        }
    }
}
