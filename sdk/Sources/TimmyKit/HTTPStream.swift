import CTimmyBot
import Glibc
import Synchronization

/// An answer whose body is read by and by: with `for try await chunk in stream`, or handed to the host as
/// `Media.stream`. Closed when it is dropped.
public final class HTTPStream: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = TimmyKit.Failure

    public let head: HTTP.Response
    private let host: Host
    private let number: UInt64

    init(host: Host, head: HTTP.Response, number: UInt64) {
        self.host = host
        self.head = head
        self.number = number
    }

    deinit { close() }

    /// A blocked read ends; closing twice is harmless.
    public func close() { Self.close(host, number) }

    static func close(_ host: Host, _ number: UInt64) { host.tables.http?.pointee.close?(host.raw, number) }

    /// Blocks; for the reader's and the kit's own threads.
    func read(into start: UnsafeMutablePointer<UInt8>, _ capacity: Int) throws(Failure) -> Int {
        let count = host.tables.http?.pointee.read?(host.raw, number, start, capacity) ?? Int64(TB_E_UNSUPPORTED)
        guard count >= 0 else { throw Failure(status: Int32(clamping: count), "http read") }
        return Swift.min(Int(count), capacity)
    }

    public func makeAsyncIterator() -> Iterator { Iterator(pump: StreamPump(self)) }

    /// Chunks of up to 64 KiB. One iterator for a stream.
    public struct Iterator: AsyncIteratorProtocol {
        let pump: StreamPump

        public func next() async throws(Failure) -> [UInt8]? { try await pump.next() }
        public func next(isolation actor: isolated (any Actor)?) async throws(Failure) -> [UInt8]? {
            try await pump.next()
        }
    }
}

/// Reads on a thread of its own, because reading blocks and Swift's pool must not. The thread sleeps between chunks and
/// ends with the stream.
final class StreamPump: Sendable {
    private typealias Waiting = CheckedContinuation<Result<[UInt8]?, Failure>, Never>

    /// What the thread needs, without the pump: so that a dropped pump ends the thread.
    private final class Work: Sendable {
        let stream: HTTPStream
        let state = Mutex((waiting: Waiting?.none, isOver: false))
        let wanted = Gate()

        init(_ stream: HTTPStream) { self.stream = stream }

        func run() {
            while true {
                wanted.wait()
                let (waiting, isOver) = state.withLock { state in
                    defer { state.waiting = nil }
                    return (state.waiting, state.isOver)
                }
                guard let waiting else {
                    if isOver { return }
                    continue
                }
                let result = chunk()
                if case .success(.some) = result {
                } else {
                    state.withLock { $0.isOver = true }
                }
                waiting.resume(returning: result)
                if state.withLock({ $0.isOver && $0.waiting == nil }) { return }
            }
        }

        private func chunk() -> Result<[UInt8]?, Failure> {
            do throws(Failure) {
                let bytes = try [UInt8](capacity: StreamPump.chunk, filledBy: stream)
                return .success(bytes.isEmpty ? nil : bytes)
            } catch {
                return .failure(error)
            }
        }
    }

    private static let chunk = 64 << 10
    /// How many are reading, for tests.
    static let threads = Atomic(0)
    private let work: Work

    init(_ stream: HTTPStream) {
        work = Work(stream)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(work)
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                StreamPump.threads.add(1, ordering: .relaxed)
                Unmanaged<Work>.fromOpaque(context).takeRetainedValue().run()
                StreamPump.threads.subtract(1, ordering: .relaxed)
                return nil
            }, context.toOpaque())
        if status == 0 {
            pthread_detach(thread)
        } else {
            context.release()
            work.state.withLock { $0.isOver = true }
        }
    }

    deinit {
        work.state.withLock { $0.isOver = true }
        work.wanted.open()
    }

    func next() async throws(Failure) -> [UInt8]? {
        let work = work
        let result: Result<[UInt8]?, Failure> = await withTaskCancellationHandler {
            await withCheckedContinuation { waiting in
                let isOver = work.state.withLock { state in
                    if !state.isOver { state.waiting = waiting }
                    return state.isOver
                }
                if isOver { waiting.resume(returning: .success(nil)) } else { work.wanted.open() }
            }
        } onCancel: {
            work.stream.close()
        }
        return try result.get()
    }
}

extension [UInt8] {
    fileprivate init(capacity: Int, filledBy stream: HTTPStream) throws(Failure) {
        var failure: Failure?
        self.init(unsafeUninitializedCapacity: capacity) { memory, count in
            guard let start = memory.baseAddress else { return }
            do throws(Failure) { count = try stream.read(into: start, capacity) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

/// A streamed body on the host's reader thread.
struct StreamReader: Reader {
    let stream: HTTPStream

    var interrupt: (@Sendable () -> Void)? { { [stream] in stream.close() } }

    mutating func read(into buffer: inout ReadBuffer) throws {
        try buffer.fill { start, capacity in
            try stream.read(into: start.assumingMemoryBound(to: UInt8.self), capacity)
        }
    }

    mutating func close() { stream.close() }
}
