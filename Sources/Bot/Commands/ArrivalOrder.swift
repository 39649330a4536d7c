import PluginHost
import Synchronization

/// Keeps the effects of a guild's interactions in the order of their arrival, without one that takes long holding up
/// others.
///
/// Every interaction takes a ticket when it arrives. It is handed to its plugin once the one before it has reached the
/// player, or has been answered, or has taken longer than `patience`. A `play` that searches lets others pass; only what
/// it adds waits for earlier ones that still search.
final class ArrivalOrder: Sendable {
    /// How long an interaction waits for what came before to reach the player.
    static let patience = Duration.milliseconds(250)
    /// How long what was found waits for earlier searches: a little more than a search may take.
    static let searchPatience = Duration.seconds(10)

    struct Ticket: Sendable, Hashable {
        let guild: UInt64
        let number: UInt64
    }

    private enum Stage { case fresh, searching }

    private struct Entry {
        let number: UInt64
        let call: PluginInvocation
        /// Texts that the user gave, to tell apart calls that are otherwise alike.
        let hints: Set<String>
        var stage = Stage.fresh
    }

    private struct Waiter {
        let ticket: Ticket
        let forSearches: Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var next: UInt64 = 1
        var guilds: [UInt64: [Entry]] = [:]
        var waiters: [UInt64: Waiter] = [:]

        func mayGo(_ ticket: Ticket, _ forSearches: Bool) -> Bool {
            !(guilds[ticket.guild] ?? []).contains {
                $0.number < ticket.number && ($0.stage == .fresh || forSearches)
            }
        }

        /// Takes out the waiters whose turn it is.
        mutating func due() -> [CheckedContinuation<Void, Never>] {
            let ready = waiters.filter { mayGo($0.value.ticket, $0.value.forSearches) }
            for id in ready.keys { waiters[id] = nil }
            return ready.values.map(\.continuation)
        }
    }

    private let state = Mutex(State())
    private let clock: any Clock<Duration>

    init(clock: any Clock<Duration> = ContinuousClock()) { self.clock = clock }

    /// Interactions that have a ticket, for tests.
    var count: Int { state.withLock { $0.guilds.values.reduce(0) { $0 + $1.count } } }

    /// - Parameter call: as the plugin will be given it.
    func arrive(_ call: PluginInvocation, hints: Set<String>) -> Ticket {
        state.withLock { state in
            defer { state.next += 1 }
            state.guilds[call.guild, default: []].append(Entry(number: state.next, call: call, hints: hints))
            return Ticket(guild: call.guild, number: state.next)
        }
    }

    /// Returns when the plugin may be called.
    func turn(_ ticket: Ticket) async { await wait(ticket, forSearches: false, Self.patience) }

    /// The ticket of the interaction that a plugin acts for, and that has not reached the player yet.
    /// - Parameter hint: what the plugin asks for.
    func ticket(for call: PluginInvocation, hint: String) -> Ticket? {
        state.withLock { state in
            let mine = (state.guilds[call.guild] ?? []).filter { entry in
                entry.stage == .fresh && entry.call.user == call.user && entry.call.channel == call.channel
                    && entry.call.command == call.command
            }
            let found = mine.first { $0.hints.contains(hint) } ?? mine.first
            return found.map { Ticket(guild: call.guild, number: $0.number) }
        }
    }

    /// From now on only other searches wait for it.
    func searches(_ ticket: Ticket) {
        change { state in
            guard let index = state.guilds[ticket.guild]?.firstIndex(where: { $0.number == ticket.number }) else {
                return
            }
            state.guilds[ticket.guild]?[index].stage = .searching
        }
    }

    /// Returns when what a search found may be added.
    func turnToAdd(_ ticket: Ticket) async { await wait(ticket, forSearches: true, Self.searchPatience) }

    /// Nobody waits for it any more. Harmless where it has left before.
    func leave(_ ticket: Ticket) {
        change { state in
            state.guilds[ticket.guild]?.removeAll { $0.number == ticket.number }
            if state.guilds[ticket.guild]?.isEmpty == true { state.guilds[ticket.guild] = nil }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let due = state.withLock { state in
            body(&state)
            return state.due()
        }
        for continuation in due { continuation.resume() }
    }

    private func wait(_ ticket: Ticket, forSearches: Bool, _ limit: Duration) async {
        let id = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        let timer = Task { [clock] in
            do { try await clock.sleep(for: limit) } catch { return }
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
        }
        defer { timer.cancel() }
        await withCheckedContinuation { continuation in
            let goes = state.withLock { state -> Bool in
                if state.mayGo(ticket, forSearches) { return true }
                state.waiters[id] = Waiter(ticket: ticket, forSearches: forSearches, continuation: continuation)
                return false
            }
            if goes { continuation.resume() }
        }
    }
}
