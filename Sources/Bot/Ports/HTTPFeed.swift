import CTimmyBot
import Dispatch
import Media
import MediaWire
import PluginHost
import Synchronization

/// Sound at an address: read by the media engine's thread, fetched by the host under the rules of the plugin that named it.
/// Goes elsewhere by Range requests where the server can, and connects again where a connection breaks.
///
/// `@unchecked Sendable`: what is under "the thread's" is touched by the feed's thread only, and before that by `connect`;
/// the rest is guarded by `state`.
final class HTTPFeed: MediaFeed, @unchecked Sendable {
    /// Attempts to connect again that come to nothing before it is given up, and the pauses before them.
    static let pauses: [Duration] = [.milliseconds(250), .seconds(1), .seconds(2)]
    /// Bytes after which earlier attempts are forgotten.
    private static let forgiveness = 64 << 10
    /// Between two pieces.
    private static let silence = Duration.seconds(10)
    /// The host's own to say.
    private static let ownHeaders: Set<String> = ["range", "if-range", "accept-encoding", "icy-metadata"]

    let canSeek: Bool
    let length: Int64?
    /// Whether it goes on for ever: what it says now is all that there is.
    let isLive: Bool
    private let address: PluginAddress
    private let clock: any Clock<Duration>

    private struct State {
        var stream: ByteStream?
        var connecting: Task<Void, Never>?
        var isInterrupted = false
    }
    private let state: Mutex<State>

    // MARK: The thread's

    private var position: UInt64 = 0
    private var attempts = 0
    private var readSinceAttempt = 0

    var format: MediaFormat { .container }
    /// Silence ends in an error of its own.
    var mayFallSilent: Bool { true }

    private init(
        _ address: PluginAddress, _ head: HTTPFetchResponse, isLive: Bool, clock: any Clock<Duration>
    ) {
        self.address = address
        self.clock = clock
        let range = ContentRange(head.header("content-range"))
        let size = head.header("content-length").flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil }
        let total = head.status == 206 ? range?.total : size
        let isStation = head.headers.contains { $0.name.hasPrefix("icy-") }
        self.isLive = isStation || isLive && total == nil
        let goesAnywhere = head.status == 206 || head.header("accept-ranges")?.lowercased() == "bytes"
        canSeek = !self.isLive && goesAnywhere && total != nil
        length = self.isLive ? nil : total
        state = Mutex(State(stream: head.body))
    }

    deinit { state.withLock { $0.stream }?.close() }

    /// Returns once the server has begun to answer. Throws in plain words.
    static func connect(
        _ address: PluginAddress, isLive: Bool, clock: any Clock<Duration> = ContinuousClock()
    ) async throws(PluginFailure) -> HTTPFeed {
        let head = try await fetch(address, from: 0)
        return HTTPFeed(address, head, isLive: isLive, clock: clock)
    }

    // MARK: Fetching

    private static func fetch(_ address: PluginAddress, from offset: UInt64) async throws(PluginFailure)
        -> HTTPFetchResponse
    {
        var request = HTTPFetchRequest(url: address.url)
        request.headers = address.headers.filter { !ownHeaders.contains($0.name.lowercased()) }
        request.headers += [HTTPHeader("range", "bytes=\(offset)-"), HTTPHeader("accept-encoding", "identity")]
        request.idleTimeout = silence
        let response: HTTPFetchResponse
        do throws(PluginFailure) {
            response = try await address.http.fetch(request, for: address.caller)
        } catch {
            throw HTTPTrouble.failure(error)
        }
        let origin = HTTPURL(response.url)?.origin ?? "the server"
        guard [200, 206].contains(response.status) else { throw HTTPTrouble.failure(response.status, of: origin) }
        let begins = response.status == 206 ? ContentRange(response.header("content-range"))?.first : 0
        guard begins == offset else {
            throw PluginFailure(code: TB_E_IO, detail: "\(origin) does not go to where it was asked to")
        }
        return response
    }

    /// Runs `body` while the feed's thread waits; `interrupt` cancels it.
    private func wait<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(PluginFailure) -> Value
    ) throws(PluginFailure) -> Value {
        let outcome = Mutex<Result<Value, PluginFailure>>(.failure(Self.interrupted))
        let done = DispatchSemaphore(value: 0)
        let box = Box(outcome)
        let task = Task {
            do throws(PluginFailure) {
                let value = try await body()
                box.outcome.withLock { $0 = .success(value) }
            } catch {
                box.outcome.withLock { $0 = .failure(error) }
            }
            done.signal()
        }
        let isLate = state.withLock { state in
            state.connecting = task
            return state.isInterrupted
        }
        if isLate { task.cancel() }
        done.wait()
        return try box.outcome.withLock { $0 }.get()
    }

    private final class Box<Value: Sendable>: Sendable {
        let outcome: Mutex<Result<Value, PluginFailure>>
        init(_ outcome: consuming Mutex<Result<Value, PluginFailure>>) { self.outcome = outcome }
    }

    private static let interrupted = PluginFailure(code: TB_E_CANCELLED, detail: "the track was let go of")

    private func connection() throws(PluginFailure) -> ByteStream {
        let (known, isInterrupted) = state.withLock { ($0.stream, $0.isInterrupted) }
        if isInterrupted { throw Self.interrupted }
        if let known { return known }
        let (address, offset) = (address, canSeek ? position : 0)
        let head = try wait { () async throws(PluginFailure) in try await Self.fetch(address, from: offset) }
        if canSeek, head.status == 206, ContentRange(head.header("content-range"))?.total != length {
            throw PluginFailure(code: TB_E_IO, detail: "what is at the address has changed")
        }
        return try use(head.body)
    }

    private func use(_ stream: ByteStream) throws(PluginFailure) -> ByteStream {
        let isWanted = state.withLock { state in
            if !state.isInterrupted { state.stream = stream }
            return !state.isInterrupted
        }
        guard isWanted else {
            stream.close()
            throw Self.interrupted
        }
        return stream
    }

    private func hangUp() {
        let stream = state.withLock { state in
            defer { state.stream = nil }
            return state.stream
        }
        stream?.close()
    }

    // MARK: Reading

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(MediaError) -> Int {
        do throws(PluginFailure) {
            while true {
                do throws(PluginFailure) {
                    return try readOnce(buffer)
                } catch {
                    try recover(from: error)
                }
            }
        } catch {
            throw MediaError(error)
        }
    }

    private func readOnce(_ buffer: UnsafeMutableRawBufferPointer) throws(PluginFailure) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        if let length, position >= UInt64(length) { return 0 }
        let count = try connection().read(base.assumingMemoryBound(to: UInt8.self), capacity: buffer.count)
        if count > 0 {
            position += UInt64(count)
            readSinceAttempt += Int(count)
            if readSinceAttempt >= Self.forgiveness { attempts = 0 }
            return Int(count)
        }
        // A station has no end, and something of a known length has it there.
        if count == 0, length == nil, !isLive { return 0 }
        throw HTTPTrouble.failure(
            PluginFailure(code: count == 0 ? TB_E_IO : Int32(clamping: count), detail: "the connection broke off"))
    }

    /// Connects again at the same place, or throws where that makes no sense any more.
    private func recover(from failure: PluginFailure) throws(PluginFailure) {
        hangUp()
        guard !state.withLock({ $0.isInterrupted }) else { throw Self.interrupted }
        guard attempts < Self.pauses.count, canSeek || isLive || position == 0, failure.code != TB_E_NOT_FOUND,
            failure.code != TB_E_AUTH, failure.code != TB_E_UNAVAILABLE
        else { throw failure }
        let (clock, pause) = (clock, Self.pauses[attempts])
        attempts += 1
        readSinceAttempt = 0
        try wait { () async throws(PluginFailure) in
            do { try await clock.sleep(for: pause) } catch { throw Self.interrupted }
        }
    }

    func seek(to offset: UInt64) throws(MediaError) {
        hangUp()
        position = offset
    }

    func interrupt() {
        let (stream, task) = state.withLock { state in
            state.isInterrupted = true
            return (state.stream, state.connecting)
        }
        task?.cancel()
        stream?.close()
    }

    func close() {
        interrupt()
        hangUp()
    }
}

/// `Content-Range: bytes 0-99/1000` (RFC 9110, section 14.4).
struct ContentRange: Equatable {
    let first: UInt64
    /// Nil where it is not known.
    let total: Int64?

    init?(_ text: String?) {
        guard let text, text.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = parts[0].split(separator: "-").first.flatMap({ UInt64($0) }) else {
            return nil
        }
        self.first = first
        total = Int64(parts[1]).flatMap { $0 >= 0 ? $0 : nil }
    }
}

/// What went wrong on the way to a server, in plain words.
enum HTTPTrouble {
    static func failure(_ status: Int, of origin: String) -> PluginFailure {
        let (code, text): (Int32, String) =
            switch status {
            case 401, 403, 451: (TB_E_AUTH, "The server does not let me have this track")
            case 404, 410: (TB_E_NOT_FOUND, "This track is not at its address any more")
            case 429, 503: (TB_E_RATE_LIMIT, "The server of this track has too much to do")
            case 408: (TB_E_TIMEOUT, "The server of this track did not wait for me")
            case 500...: (TB_E_IO, "The server of this track has a problem")
            // The same request would get the same answer.
            default: (TB_E_UNAVAILABLE, "The server of this track gave an answer that I do not understand")
            }
        return PluginFailure(code: code, userText: "\(text) (HTTP \(status)).", detail: "\(origin): HTTP \(status)")
    }

    static func failure(_ failure: PluginFailure) -> PluginFailure {
        let text =
            switch failure.code {
            case TB_E_TIMEOUT: "The server of this track does not answer."
            case TB_E_UNAVAILABLE: "I may not fetch this track from where it is."
            case TB_E_INVALID: "The address of this track makes no sense."
            case TB_E_CANCELLED: ""
            default: "The server of this track cannot be reached."
            }
        return PluginFailure(
            code: failure.code, userText: failure.userText.isEmpty ? text : failure.userText, detail: failure.detail,
            retryAfter: failure.retryAfter)
    }
}
