import CLibAV
import Glibc
import MediaWire

/// Bytes, or packets, that the host reads for us (`FeedWire`). What comes next is asked for before it is needed, and
/// taken from the socket without waiting wherever somebody looks for it.
final class FeedInput: ByteInput {
    /// Bytes, and packets, that are kept ready; no more is asked for while there are as many.
    private static let aheadBytes = 64 << 10
    private static let aheadPackets = 12
    /// Requests that may be under way: a reader that gives little at a time is asked several times ahead.
    private static let maximumAsked = 16

    private let descriptor: Int32
    private let options: MediaInputOptions
    private let received = UnsafeMutableRawBufferPointer.allocate(
        byteCount: FeedWire.replyHeader + FeedWire.chunk, alignment: 8)
    /// What has come and is not used yet; of the first, `used` bytes are.
    private var chunks: [[UInt8]] = []
    private var used = 0
    private var ready = 0
    /// Of the next byte or packet that is used.
    private var position: UInt64 = 0
    /// Requests without a reply.
    private var asked = 0
    /// Bytes, or packets, of the last reply.
    private var lastSize: Int
    /// Nothing more will come; `hasFailed` where that is not because it was all.
    private var isOver = false
    private(set) var hasFailed = false

    /// Takes over `descriptor`.
    init(descriptor: Int32, options: MediaInputOptions) {
        self.descriptor = descriptor
        self.options = options
        lastSize = options.format == .opusPackets ? 1 : FeedWire.chunk
        super.init()
        ask(options.canSeek ? 0 : FeedWire.onwards)
    }

    deinit {
        close(descriptor)
        received.deallocate()
    }

    override var canSeek: Bool { options.canSeek }
    private var isPackets: Bool { options.format == .opusPackets }

    override func has(_ count: Int) -> Bool {
        collect()
        return ready >= count || isOver
    }

    override func read(_ target: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 {
        guard fetch(), let first = chunks.first else { return hasFailed ? tb_averror_io() : tb_averror_eof() }
        let size = min(first.count - used, Int(count))
        first.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            UnsafeMutableRawPointer(target).copyMemory(from: base + used, byteCount: size)
        }
        advance(size)
        return Int32(size)
    }

    /// One packet of a feed of packets; nil at the end. Waits where there is none yet.
    func nextPacket() -> [UInt8]? {
        guard fetch(), let packet = chunks.first else { return nil }
        chunks.removeFirst()
        ready -= 1
        position += 1
        collect()
        return packet
    }

    private func advance(_ size: Int) {
        used += size
        ready -= size
        position += UInt64(size)
        guard let first = chunks.first, used == first.count else { return }
        chunks.removeFirst()
        used = 0
        collect()
    }

    // MARK: Elsewhere

    override func seek(_ offset: Int64, _ whence: Int32) -> Int64 {
        if whence & AVSEEK_SIZE != 0 { return options.length >= 0 ? options.length : Int64(tb_averror_unseekable()) }
        guard options.canSeek else { return Int64(tb_averror_unseekable()) }
        let base: Int64
        switch whence & 3 {
        case SEEK_SET: base = 0
        case SEEK_CUR: base = Int64(clamping: position)
        default:
            guard options.length >= 0 else { return Int64(tb_averror_unseekable()) }
            base = options.length
        }
        let (sum, overflow) = base.addingReportingOverflow(offset)
        guard !overflow, sum >= 0 else { return Int64(tb_averror_io()) }
        go(to: UInt64(sum))
        return hasFailed ? Int64(tb_averror_io()) : sum
    }

    /// The next byte or packet is to be that one.
    func go(to place: UInt64) {
        guard !hasFailed else { return }
        if !isPackets, place >= position, place < position + UInt64(ready) { return skip(Int(place - position)) }
        // What is on its way is for another place.
        while asked > 0, !hasFailed { receive(waits: true) }
        guard !hasFailed else { return }
        (chunks, used, ready) = ([], 0, 0)
        isOver = false
        position = place
        ask(place)
    }

    private func skip(_ count: Int) {
        var left = count
        while left > 0, let first = chunks.first {
            let size = min(left, first.count - used)
            advance(size)
            left -= size
        }
    }

    // MARK: The wire

    private func ask(_ offset: UInt64) {
        let request = [offset, position].flatMap { number in
            (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
        }
        let sent = request.withUnsafeBytes { bytes in
            withMessage(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) {
                sendmsg(descriptor, &$0, Int32(MSG_NOSIGNAL))
            }
        }
        guard sent == FeedWire.requestSize else { return end(failed: true) }
        asked += 1
    }

    private func withMessage(_ bytes: UnsafeMutableRawPointer?, _ count: Int, _ body: (inout msghdr) -> Int) -> Int {
        var vector = iovec(iov_base: bytes, iov_len: count)
        return withUnsafeMutablePointer(to: &vector) { vector in
            var message = msghdr()
            message.msg_iov = vector
            message.msg_iovlen = 1
            return body(&message)
        }
    }

    private func end(failed: Bool) {
        isOver = true
        hasFailed = hasFailed || failed
    }

    /// Waits until there is something to use; false at the end.
    private func fetch() -> Bool {
        collect()
        while ready == 0, !isOver { receive(waits: true) }
        return ready > 0
    }

    /// Takes what has come, and asks for what is needed next.
    private func collect() {
        askAhead()
        while asked > 0, !hasFailed, receive(waits: false) { askAhead() }
    }

    private func askAhead() {
        let room = isPackets ? Self.aheadPackets : Self.aheadBytes
        while !isOver, asked < Self.maximumAsked, ready < room, asked == 0 || ready + asked * lastSize < room {
            ask(FeedWire.onwards)
        }
    }

    /// Takes the reply to the first of what was asked; false where it has not come.
    @discardableResult
    private func receive(waits: Bool) -> Bool {
        if asked == 0 { ask(FeedWire.onwards) }
        guard asked > 0 else { return false }
        var size = 0
        repeat {
            size = withMessage(received.baseAddress, received.count) {
                recvmsg(descriptor, &$0, waits ? 0 : Int32(MSG_DONTWAIT))
            }
        } while size < 0 && errno == EINTR
        if size < 0, errno == EAGAIN { return false }
        asked -= 1
        let status = size >= FeedWire.replyHeader ? Self.status(received.prefix(8)) : FeedWire.failed
        guard status > 0, status <= Int64(size - FeedWire.replyHeader) else {
            end(failed: status != 0)
            return true
        }
        // The end stays the end.
        guard !isOver else { return true }
        chunks.append(Array(received[FeedWire.replyHeader..<FeedWire.replyHeader + Int(status)]))
        lastSize = isPackets ? 1 : Int(status)
        ready += lastSize
        return true
    }

    private static func status(_ bytes: some Collection<UInt8>) -> Int64 {
        Int64(bitPattern: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
