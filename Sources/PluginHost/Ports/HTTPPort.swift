import CTimmyBot
import Foundation
import Synchronization

/// One plugin's requests and open streams.
final class HTTPPort: Sendable {
    static let maximumRunning = 32
    static let maximumStreams = 16
    static let requestsPerSecond = 50.0
    static let burst = 200.0

    typealias Authorization = @Sendable () async throws(PluginFailure) -> Secret
    typealias Answer = Result<(head: HTTPFetchResponse, body: [UInt8], stream: UInt64), PluginFailure>

    private enum Stream: Sendable {
        /// Its head is not there yet.
        case reserved
        case open(ByteStream)
    }

    private struct State {
        var next: UInt64 = 1
        var running = 0
        var streams: [UInt64: Stream] = [:]
        var bucket = TokenBucket(rate: requestsPerSecond, burst: burst)
        var isStopped = false
    }

    private let state = Mutex(State())
    private let service: any HTTPFetching
    private let caller: HTTPCaller
    private let courier: Courier
    private let background: Background
    private let time: any TimeService

    init(
        _ service: any HTTPFetching, caller: HTTPCaller, courier: Courier, background: Background,
        time: any TimeService
    ) {
        self.service = service
        self.caller = caller
        self.courier = courier
        self.background = background
        self.time = time
    }

    /// Starts a request; on `TB_OK`, `done` is called once, on the courier's thread.
    /// - Parameter authorization: gets the account's header; nil for none.
    func start(
        _ request: HTTPFetchRequest, asStream: Bool, authorization: Authorization? = nil,
        _ done: @escaping @Sendable (Answer) -> Void
    ) -> tb_status {
        let (status, id) = admit(asStream: asStream)
        guard status == TB_OK else { return status }
        background.keep(Promise(courier, done)) { [self] in
            let answer = await answer(request, authorization, asStream ? id : nil)
            // Counted down first: whoever got an answer may start the next at once.
            state.withLock { $0.running -= 1 }
            return answer
        }
        return TB_OK
    }

    private func admit(asStream: Bool) -> (tb_status, UInt64) {
        state.withLock { state in
            guard !state.isStopped else { return (TB_E_CANCELLED, 0) }
            guard state.running < Self.maximumRunning, !asStream || state.streams.count < Self.maximumStreams,
                state.bucket.take(now: Double(time.monotonicMilliseconds()) / 1_000), courier.owe()
            else { return (TB_E_RATE_LIMIT, 0) }
            let id = state.next
            state.next += 1
            state.running += 1
            if asStream { state.streams[id] = .reserved }
            return (TB_OK, id)
        }
    }

    private func answer(
        _ request: HTTPFetchRequest, _ authorization: Authorization?, _ stream: UInt64?
    ) async -> Answer {
        do throws(PluginFailure) {
            var request = request
            if let authorization { request.authorization = try await authorization().reveal() }
            guard let stream else {
                let (head, body) = try await service.fetchAll(request, for: caller)
                return .success((head, body, 0))
            }
            let head = try await service.fetch(request, for: caller)
            let isKept = state.withLock { state in
                guard state.streams[stream] != nil else { return false }
                state.streams[stream] = .open(head.body)
                return true
            }
            guard isKept else { throw PluginFailure(code: TB_E_CANCELLED, detail: "the plugin is being stopped") }
            return .success((head, [], stream))
        } catch {
            if let stream { state.withLock { _ = $0.streams.removeValue(forKey: stream) } }
            return .failure(error)
        }
    }

    /// Blocks; `TB_E_STALE` for a stream that is not open.
    func read(_ stream: UInt64, _ buffer: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int64 {
        guard case .open(let body) = state.withLock({ $0.streams[stream] }) else { return Int64(TB_E_STALE) }
        return body.read(buffer, capacity: capacity)
    }

    func close(_ stream: UInt64) {
        let found = state.withLock { state -> Stream? in
            // One whose head is on its way was never shown to the plugin, so a number that hits it is a guess.
            guard case .open = state.streams[stream] else { return nil }
            return state.streams.removeValue(forKey: stream)
        }
        if case .open(let body) = found { body.close() }
    }

    func stop() {
        let streams = state.withLock { state in
            state.isStopped = true
            defer { state.streams = [:] }
            return Array(state.streams.values)
        }
        for case .open(let body) in streams { body.close() }
    }

    var openStreams: Int { state.withLock { $0.streams.count } }
}
