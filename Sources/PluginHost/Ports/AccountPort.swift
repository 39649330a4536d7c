import CTimmyBot
import Synchronization

/// One plugin's handles of linked accounts: numbers that mean something to it alone, and for an hour.
final class AccountPort: Sendable {
    static let lifetimeMilliseconds: UInt64 = 3_600_000
    /// The oldest go first.
    static let maximumHandles = 1_024

    struct Holder: Sendable {
        let provider: OAuthProvider
        let user: UInt64
    }

    private struct Entry {
        let holder: Holder
        let until: UInt64
    }

    private struct State {
        var handles: [UInt64: Entry] = [:]
        var order: [UInt64] = []
    }

    private let state = Mutex(State())
    private let service: any AccountService
    private let time: any TimeService

    init(_ service: any AccountService, time: any TimeService) {
        self.service = service
        self.time = time
    }

    /// A handle for an account that can be used now.
    func open(_ provider: OAuthProvider, user: UInt64) async throws(PluginFailure) -> (handle: UInt64, scopes: String) {
        let scopes = try await service.scopes(provider, user: user)
        let entry = Entry(
            holder: Holder(provider: provider, user: user),
            until: time.monotonicMilliseconds() + Self.lifetimeMilliseconds)
        return state.withLock { state in
            var handle: UInt64
            // Below 2^63, for languages without unsigned numbers.
            repeat { handle = .random(in: 1...UInt64(Int64.max)) } while state.handles[handle] != nil
            state.handles[handle] = entry
            state.order.append(handle)
            if state.order.count > Self.maximumHandles { state.handles[state.order.removeFirst()] = nil }
            return (handle, scopes)
        }
    }

    /// Whose account a handle is; nil where it is none of this plugin's, or too old.
    func holder(_ handle: UInt64) -> Holder? {
        let now = time.monotonicMilliseconds()
        return state.withLock { state in
            guard let entry = state.handles[handle], now < entry.until else { return nil }
            return entry.holder
        }
    }

    func authorization(_ holder: Holder) async throws(PluginFailure) -> Secret {
        try await service.authorization(holder.provider, user: holder.user)
    }
}
