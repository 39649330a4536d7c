import CTimmyBot
import Foundation

/// Bytes on their way from one writer to one reader, at most `capacity` of them at once. The writer waits for room without
/// holding a thread; the reader either waits the same way (`next`) or blocks a thread of its own (`read`).
///
/// `@unchecked Sendable`: every stored property is touched under `condition` only; the C functions get memory of the
/// caller's.
public final class BytePipe: @unchecked Sendable {
    public static let capacity = 256 << 10

    public enum End: Sendable, Equatable { case finished, failed(PluginFailure) }

    private let condition = NSCondition()
    private var chunks: [[UInt8]] = []
    /// Of the first chunk, what was read already.
    private var consumed = 0
    private var buffered = 0
    private var end: End?
    private var isClosed = false
    private var blockedReaders = 0
    private var writer: CheckedContinuation<Void, Never>?
    private var reader: CheckedContinuation<Void, Never>?
    private var onClose: (@Sendable () -> Void)?

    public init() {}

    /// What to do, once, when the reader does not want any more. At once where it does not already.
    public func whenClosed(_ action: @escaping @Sendable () -> Void) {
        let late = condition.withLock { () -> Bool in
            if isClosed || end != nil { return isClosed }
            onClose = action
            return false
        }
        if late { action() }
    }

    // MARK: Writer

    /// Waits for room. False where nobody reads any more.
    public func write(_ bytes: [UInt8]) async -> Bool {
        var offset = 0
        while offset < bytes.count {
            let taken = put(bytes, from: offset)
            guard let taken else { return false }
            offset += taken
            if taken == 0 { await room() }
        }
        return true
    }

    /// Ends the stream; what is buffered can still be read. The first end counts.
    public func finish(_ end: End = .finished) {
        let (waiting, action) = condition.withLock {
            () -> (CheckedContinuation<Void, Never>?, (@Sendable () -> Void)?) in
            if self.end == nil { self.end = end }
            condition.broadcast()
            defer { (reader, onClose) = (nil, nil) }
            return (reader, onClose)
        }
        waiting?.resume()
        // Kept alive until here: letting go under the lock could run its owner's deinit there.
        withExtendedLifetime(action) {}
    }

    /// How many bytes were taken; nil where nobody reads any more.
    private func put(_ bytes: [UInt8], from offset: Int) -> Int? {
        let (taken, waiting) = condition.withLock { () -> (Int?, CheckedContinuation<Void, Never>?) in
            guard !isClosed, end == nil else { return (nil, nil) }
            let count = min(bytes.count - offset, Self.capacity - buffered)
            guard count > 0 else { return (0, nil) }
            chunks.append(count == bytes.count ? bytes : Array(bytes[offset..<offset + count]))
            buffered += count
            condition.signal()
            defer { reader = nil }
            return (count, reader)
        }
        waiting?.resume()
        return taken
    }

    private func room() async {
        await withCheckedContinuation { continuation in
            let isReady = condition.withLock { () -> Bool in
                if isClosed || end != nil || buffered < Self.capacity { return true }
                writer = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    // MARK: Reader

    /// The next bytes; nil at the end. Throws what the stream failed with, `TB_E_CANCELLED` once it is closed.
    public func next() async throws(PluginFailure) -> [UInt8]? {
        while true {
            switch try take() {
            case .bytes(let bytes): return bytes
            case .end: return nil
            case .wait:
                await withTaskCancellationHandler {
                    await something()
                } onCancel: {
                    close()
                }
            }
        }
    }

    /// Blocks until there is something: bytes, 0 at the end, or a `TB_E_*`. Never on the cooperative pool.
    public func read(_ buffer: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int64 {
        condition.lock()
        blockedReaders += 1
        while buffered == 0, end == nil, !isClosed { condition.wait() }
        blockedReaders -= 1
        guard !isClosed else {
            condition.unlock()
            return Int64(TB_E_CANCELLED)
        }
        let copied = copyOut(buffer, capacity)
        var waiting: CheckedContinuation<Void, Never>?
        // Half empty, so that writer and reader do not take turns for every few bytes.
        if buffered <= Self.capacity / 2 { swap(&waiting, &writer) }
        let answer: Int64 =
            if copied > 0 { Int64(copied) } else if case .failed(let failure) = end { Int64(failure.code) } else { 0 }
        condition.unlock()
        waiting?.resume()
        return answer
    }

    /// Nothing is wanted any more: readers that wait get `TB_E_CANCELLED`, the writer stops. Harmless when repeated.
    public func close() {
        let (action, waiting) = condition.withLock {
            () -> ((@Sendable () -> Void)?, [CheckedContinuation<Void, Never>?]) in
            isClosed = true
            chunks = []
            (buffered, consumed) = (0, 0)
            condition.broadcast()
            defer { (onClose, reader, writer) = (nil, nil, nil) }
            return (onClose, [reader, writer])
        }
        for one in waiting { one?.resume() }
        action?()
    }

    public var bufferedCount: Int { condition.withLock { buffered } }

    /// Whether a thread is inside `read` and finds nothing yet.
    var isReaderBlocked: Bool { condition.withLock { blockedReaders > 0 } }

    private enum Taken { case bytes([UInt8]), end, wait }

    private func take() throws(PluginFailure) -> Taken {
        condition.lock()
        var waiting: CheckedContinuation<Void, Never>?
        defer {
            condition.unlock()
            waiting?.resume()
        }
        guard !isClosed else { throw PluginFailure(code: TB_E_CANCELLED, detail: "the stream was closed") }
        if let first = chunks.first {
            let bytes = consumed == 0 ? first : Array(first[consumed...])
            chunks.removeFirst()
            buffered -= bytes.count
            consumed = 0
            swap(&waiting, &writer)
            return .bytes(bytes)
        }
        switch end {
        case nil: return .wait
        case .finished: return .end
        case .failed(let failure): throw failure
        }
    }

    private func something() async {
        await withCheckedContinuation { continuation in
            let isReady = condition.withLock { () -> Bool in
                if isClosed || end != nil || buffered > 0 { return true }
                precondition(reader == nil, "a pipe has one reader")
                reader = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    /// Under the lock.
    private func copyOut(_ buffer: UnsafeMutablePointer<UInt8>, _ capacity: Int) -> Int {
        var copied = 0, finished = 0
        while copied < capacity, finished < chunks.count {
            let count = min(chunks[finished].count - consumed, capacity - copied)
            chunks[finished].withUnsafeBufferPointer { bytes in
                guard let start = bytes.baseAddress else { return }
                (buffer + copied).update(from: start + consumed, count: count)
            }
            copied += count
            consumed += count
            if consumed == chunks[finished].count { (finished, consumed) = (finished + 1, 0) }
        }
        chunks.removeFirst(finished)
        buffered -= copied
        return copied
    }
}

/// The reading end of a pipe. Letting go of it closes the pipe. One reader at a time.
public final class ByteStream: Sendable {
    private let pipe: BytePipe

    public init(_ pipe: BytePipe) { self.pipe = pipe }
    deinit { pipe.close() }

    /// As `BytePipe.next`.
    public func next() async throws(PluginFailure) -> [UInt8]? { try await pipe.next() }
    /// As `BytePipe.read`.
    public func read(_ buffer: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int64 {
        pipe.read(buffer, capacity: capacity)
    }
    public func close() { pipe.close() }
}
