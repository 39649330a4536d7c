import Synchronization

/// Stands between a voice port and the session that is made after it; keeps what comes before.
final class EventRelay: Sendable {
    private struct State {
        weak var session: GuildSession?
        var isAttached = false
        var early: [VoiceEvent] = []
    }

    private let state = Mutex(State())

    func attach(_ session: GuildSession) {
        state.withLock { state in
            state.session = session
            state.isAttached = true
            // Under the lock, so that nothing overtakes them; posting only appends to an inbox.
            for event in state.early { session.handle(event) }
            state.early = []
        }
    }

    func deliver(_ event: VoiceEvent) {
        state.withLock { state in
            if state.isAttached { state.session?.handle(event) } else { state.early.append(event) }
        }
    }
}
