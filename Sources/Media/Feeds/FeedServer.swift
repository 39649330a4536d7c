import CLinux
import Foundation
import Glibc
import MediaWire

/// Serves one feed to whichever worker plays it, on a thread of the feed's own. A worker that takes another's place goes on
/// where the one before was.
///
/// `@unchecked Sendable`: what is under "shared" is touched under `condition` only; everything else by the feed's thread.
final class FeedServer: @unchecked Sendable {
    /// What is kept for a worker that takes over, at most; in bytes and in packets.
    private static let maximumHistory = 256 << 10
    private static let maximumPackets = 64

    private let feed: any MediaFeed
    let options: MediaInputOptions
    let mayFallSilent: Bool

    // MARK: Shared

    private let condition = NSCondition()
    private var socket: Int32 = -1
    private var waiting: [Int32] = []
    private var isOver = false
    private var reads: UInt64 = 0
    private var isReading = false
    private var why: MediaError?

    // MARK: The thread's

    private struct Chunk {
        let offset: UInt64
        let bytes: [UInt8]
    }

    /// Where the feed's next read begins.
    private var position: UInt64 = 0
    /// What the worker may not have used yet, in order. Only of a feed that cannot seek.
    private var history: [Chunk] = []
    /// Of `history`, the next for a worker that took over.
    private var replay = 0
    /// The feed's offset where the worker's own count begins.
    private var base: UInt64 = 0
    private var buffer = [UInt8](repeating: 0, count: FeedWire.replyHeader + FeedWire.chunk)

    init(_ feed: any MediaFeed) {
        self.feed = feed
        mayFallSilent = feed.mayFallSilent
        var options = MediaInputOptions()
        options.isFeed = true
        options.format = feed.format
        options.canSeek = feed.canSeek
        options.length = feed.length ?? -1
        self.options = options
        let thread = Thread { [self] in work() }
        thread.name = "feed"
        thread.stackSize = 1 << 20
        thread.start()
    }

    private var isPackets: Bool { options.format == .opusPackets }

    // MARK: Any thread

    /// A descriptor for a worker; the one before is hung up. Nil where there is none to be had.
    func attach() -> MediaFile? {
        var pair: [Int32] = [-1, -1]
        guard tb_socket_pair(&pair) == 0 else { return nil }
        condition.withLock {
            if socket >= 0 { shutdown(socket, Int32(SHUT_RDWR)) }
            if isOver {
                close(pair[0])
            } else {
                // The thread closes the one before when it notices.
                waiting.append(pair[0])
                condition.signal()
            }
        }
        return MediaFile(descriptor: pair[1])
    }

    /// Nobody wants the feed any more: a blocked read is interrupted, and the feed is closed on its own thread. May be
    /// repeated. Does not wait: a feed that does not come back keeps its thread and nothing else.
    func finish() {
        let first = condition.withLock {
            defer { isOver = true }
            if socket >= 0 { shutdown(socket, Int32(SHUT_RDWR)) }
            condition.signal()
            return !isOver
        }
        if first { feed.interrupt() }
    }

    /// Number of the read that is under way; nil where the feed is not waited for.
    var currentRead: UInt64? { condition.withLock { isReading ? reads : nil } }
    /// Why the feed broke off, if it has.
    var failure: MediaError? { condition.withLock { why } }

    // MARK: The thread

    private func work() {
        while let next = nextSocket() {
            serve(next)
            condition.withLock {
                socket = -1
                close(next)
            }
        }
        feed.close()
    }

    /// Blocks until a worker is attached; nil once it is over.
    private func nextSocket() -> Int32? {
        condition.withLock {
            while waiting.isEmpty, !isOver { condition.wait() }
            guard !isOver, let newest = waiting.last else {
                for descriptor in waiting { close(descriptor) }
                waiting = []
                return nil
            }
            // Only the newest counts.
            for descriptor in waiting.dropLast() { close(descriptor) }
            waiting = []
            socket = newest
            return newest
        }
    }

    private func serve(_ socket: Int32) {
        (replay, base) = (0, history.first?.offset ?? position)
        var request = [UInt8](repeating: 0, count: FeedWire.requestSize)
        while true {
            let count = recv(socket, &request, request.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count == FeedWire.requestSize else { return }
            let size = answer(Self.number(request.prefix(8)), used: Self.number(request.suffix(8)))
            guard send(socket, buffer, size, Int32(MSG_NOSIGNAL)) == size else { return }
        }
    }

    private static func number(_ bytes: some BidirectionalCollection<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Fills `buffer` with the reply; how many bytes it has.
    private func answer(_ offset: UInt64, used: UInt64) -> Int {
        if !options.canSeek {
            guard offset == FeedWire.onwards else { return header(FeedWire.cannotSeek) }
            forget(before: base &+ used)
            if replay < history.count {
                defer { replay += 1 }
                return reply(history[replay].bytes)
            }
        }
        do throws(MediaError) {
            if offset != FeedWire.onwards, offset != position {
                // The worker is not trusted: what no file has would count past the end of the numbers.
                guard offset <= Int64.max else { return header(FeedWire.cannotSeek) }
                try reading { () throws(MediaError) in try feed.seek(to: offset) }
                position = offset
            }
            let count = try reading { () throws(MediaError) in try read() }
            if count > 0, !options.canSeek { keep(Chunk(offset: position, bytes: Array(payload(count)))) }
            position += isPackets ? (count > 0 ? 1 : 0) : UInt64(count)
            return header(Int64(count)) + count
        } catch {
            condition.withLock { why = why ?? error }
            return header(FeedWire.failed)
        }
    }

    private func reading<Value>(_ body: () throws(MediaError) -> Value) throws(MediaError) -> Value {
        condition.withLock {
            reads += 1
            isReading = true
        }
        defer { condition.withLock { isReading = false } }
        return try body()
    }

    private func read() throws(MediaError) -> Int {
        var outcome: Result<Int, MediaError> = .success(0)
        buffer.withUnsafeMutableBytes { bytes in
            let target = UnsafeMutableRawBufferPointer(rebasing: bytes[FeedWire.replyHeader...])
            do throws(MediaError) { outcome = .success(try feed.read(into: target)) } catch {
                outcome = .failure(error)
            }
        }
        let count = try outcome.get()
        guard (0...FeedWire.chunk).contains(count) else {
            throw MediaError(.internalError, "a feed gave more than there was room for")
        }
        return count
    }

    private func payload(_ count: Int) -> ArraySlice<UInt8> {
        buffer[FeedWire.replyHeader..<FeedWire.replyHeader + count]
    }

    // MARK: For who takes over

    private func units(_ chunk: Chunk) -> UInt64 { isPackets ? 1 : UInt64(chunk.bytes.count) }

    private func keep(_ chunk: Chunk) {
        history.append(chunk)
        replay = history.count
        let most = isPackets ? Self.maximumPackets : Self.maximumHistory
        var size = history.reduce(0) { $0 + Int(units($1)) }
        while size > most, let first = history.first {
            size -= Int(units(first))
            history.removeFirst()
            replay -= 1
        }
    }

    private func forget(before offset: UInt64) {
        while let first = history.first, replay > 0, first.offset + units(first) <= offset {
            history.removeFirst()
            replay -= 1
        }
    }

    private func reply(_ bytes: [UInt8]) -> Int {
        buffer.replaceSubrange(FeedWire.replyHeader..<FeedWire.replyHeader + bytes.count, with: bytes)
        return header(Int64(bytes.count)) + bytes.count
    }

    private func header(_ value: Int64) -> Int {
        withUnsafeBytes(of: value.littleEndian) { bytes in
            for (index, byte) in bytes.enumerated() { buffer[index] = byte }
        }
        return FeedWire.replyHeader
    }
}
