import CTimmyBot
import Foundation
import Glibc
import PluginHost

/// Names to addresses, whatever addresses they are.
public protocol NameResolving: Sendable {
    /// Throws `TB_E_IO` where the name has none, `TB_E_CANCELLED` where the task is.
    func addresses(of name: String) async throws(PluginFailure) -> [IPAddress]
}

/// `getaddrinfo` on threads of its own, since it blocks for as long as a name server pleases. Names that are being looked
/// up are looked up once, and remembered for a short while.
///
/// `@unchecked Sendable`: every stored property is touched under `condition` only.
public final class NameResolver: NameResolving, @unchecked Sendable {
    public typealias Lookup = @Sendable (String) -> [IPAddress]

    static let threadCount = 4
    static let maximumNames = 1_024
    static let maximumWaiting = 256
    /// getaddrinfo tells no time to live; a minute lets connections be reused and follows changes soon enough.
    static let memory = 60_000.0
    static let memoryOfFailure = 5_000.0

    private enum Known {
        case looking([UInt64: CheckedContinuation<[IPAddress]?, Never>])
        case known([IPAddress], until: Double)
    }

    private let condition = NSCondition()
    private var names: [String: Known] = [:]
    private var waiting: [String] = []
    private var nextWaiter: UInt64 = 0
    private var threads = 0, idle = 0
    private let lookup: Lookup
    private let now: @Sendable () -> Double

    /// - Parameter now: milliseconds on any steady clock.
    public init(
        lookup: @escaping Lookup = { NameResolver.system($0) },
        now: @escaping @Sendable () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) / 1e6 }
    ) {
        self.lookup = lookup
        self.now = now
    }

    public func addresses(of name: String) async throws(PluginFailure) -> [IPAddress] {
        if let literal = IPAddress(name) { return [literal] }
        let id = condition.withLock {
            nextWaiter += 1
            return nextWaiter
        }
        let found = await withTaskCancellationHandler {
            await withCheckedContinuation { enter(name, id, $0) }
        } onCancel: {
            leave(name, id)
        }
        guard let found else {
            throw Task.isCancelled
                ? PluginFailure(code: TB_E_CANCELLED, detail: "cancelled while \(name) was looked up")
                : PluginFailure(code: TB_E_RATE_LIMIT, detail: "too many names are being looked up")
        }
        guard !found.isEmpty else { throw PluginFailure(code: TB_E_IO, detail: "\(name) has no address") }
        return found
    }

    /// Answers at once where the name is known or too much waits.
    private func enter(_ name: String, _ id: UInt64, _ waiter: CheckedContinuation<[IPAddress]?, Never>) {
        enum Step { case answer([IPAddress]?), wait, start }
        let step = condition.withLock { () -> Step in
            if Task.isCancelled { return .answer(nil) }
            switch names[name] {
            case .known(let addresses, let until) where now() < until: return .answer(addresses)
            case .looking(var waiters):
                waiters[id] = waiter
                names[name] = .looking(waiters)
                return .wait
            default: break
            }
            guard waiting.count < Self.maximumWaiting, makeRoom() else { return .answer(nil) }
            names[name] = .looking([id: waiter])
            waiting.append(name)
            condition.signal()
            guard idle < waiting.count, threads < Self.threadCount else { return .wait }
            threads += 1
            return .start
        }
        switch step {
        case .answer(let addresses): waiter.resume(returning: addresses)
        case .wait: break
        case .start: startThread()
        }
    }

    private func leave(_ name: String, _ id: UInt64) {
        let waiter = condition.withLock { () -> CheckedContinuation<[IPAddress]?, Never>? in
            guard case .looking(var waiters) = names[name] else { return nil }
            let waiter = waiters.removeValue(forKey: id)
            names[name] = .looking(waiters)
            return waiter
        }
        waiter?.resume(returning: nil)
    }

    /// Under the lock. Forgets what is out of date, then what is known; never a name that somebody waits for.
    private func makeRoom() -> Bool {
        if names.count < Self.maximumNames { return true }
        let now = now()
        for isForgettable in [{ (until: Double) in until <= now }, { _ in true }] {
            names = names.filter { if case .known(_, let until) = $0.value { !isForgettable(until) } else { true } }
            if names.count < Self.maximumNames { return true }
        }
        return false
    }

    /// Threads end when there is nothing to do for ten seconds.
    private func startThread() {
        let thread = Thread { [weak self] in
            while let name = self?.nextName() { self?.resolve(name) }
        }
        thread.name = "resolver"
        thread.stackSize = 1 << 19
        thread.start()
    }

    private func nextName() -> String? {
        condition.withLock {
            idle += 1
            defer { idle -= 1 }
            let limit = Date(timeIntervalSinceNow: 10)
            while waiting.isEmpty {
                guard condition.wait(until: limit) else { break }
            }
            if waiting.isEmpty {
                threads -= 1
                return nil
            }
            return waiting.removeFirst()
        }
    }

    private func resolve(_ name: String) {
        let found = lookup(name)
        let waiters = condition.withLock { () -> [CheckedContinuation<[IPAddress]?, Never>] in
            guard case .looking(let waiters) = names[name] else { return [] }
            names[name] = .known(found, until: now() + (found.isEmpty ? Self.memoryOfFailure : Self.memory))
            return Array(waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: found) }
    }

    /// Blocks. In the order of RFC 6724; empty where there is none.
    public static func system(_ name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &first) == 0 else { return [] }
        defer { freeaddrinfo(first) }
        var found: [IPAddress] = []
        var entry = first
        while let one = entry, found.count < 32 {
            if let address = IPAddress(one.pointee.ai_addr), !found.contains(address) { found.append(address) }
            entry = one.pointee.ai_next
        }
        return found
    }
}
