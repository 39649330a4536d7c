import CTimmyBot
import Synchronization

/// Bytes that the host pulls. `read`, `seek` and `close` are called on one thread, one after the other, and may block;
/// so a reader is a plain struct or class with no thoughts about threads.
public protocol Reader {
    /// Adds what there is, at least a byte; blocks until there is something. Nothing added means the end.
    mutating func read(into buffer: inout ReadBuffer) throws
    /// Goes to an offset in bytes. Called only where `canSeek`.
    mutating func seek(to offset: UInt64) throws
    /// Called exactly once, last.
    mutating func close()
    var canSeek: Bool { get }
    /// Asked for once, before the first read. It is called from any thread, and must make a blocked `read` return within
    /// 100 ms. Not needed where `read` never blocks for longer.
    var interrupt: (@Sendable () -> Void)? { get }
}

extension Reader {
    public mutating func seek(to offset: UInt64) throws { throw Failure(code: .unsupported, detail: "it cannot seek") }
    public mutating func close() {}
    public var canSeek: Bool { false }
    public var interrupt: (@Sendable () -> Void)? { nil }
}

/// Where a reader puts its bytes. It lives for one `read`.
public struct ReadBuffer: ~Copyable {
    private let start: UnsafeMutableRawPointer
    public let capacity: Int
    public private(set) var count = 0

    init(_ start: UnsafeMutableRawPointer, capacity: Int) {
        self.start = start
        self.capacity = capacity
    }

    public var free: Int { capacity - count }

    /// Takes as many of the bytes as there is room for.
    ///
    /// - Returns: how many that were; the rest is for the next `read`.
    @discardableResult
    public mutating func append(_ bytes: some Sequence<UInt8>) -> Int {
        if let taken = bytes.withContiguousStorageIfAvailable({ appendMemory(UnsafeRawBufferPointer($0)) }) {
            return taken
        }
        var taken = 0
        for byte in bytes.prefix(free) {
            start.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
            count += 1
            taken += 1
        }
        return taken
    }

    private mutating func appendMemory(_ bytes: UnsafeRawBufferPointer) -> Int {
        let taken = min(bytes.count, free)
        if let from = bytes.baseAddress { (start + count).copyMemory(from: from, byteCount: taken) }
        count += taken
        return taken
    }

    /// One sample of 16 bits, little-endian. The caller has looked whether there is room.
    mutating func append(sample: Int16) {
        start.storeBytes(of: sample.littleEndian, toByteOffset: count, as: Int16.self)
        count += 2
    }

    /// Lets `fill` write into what is free; it answers how many bytes it wrote.
    mutating func fill(_ fill: (UnsafeMutableRawPointer, Int) throws -> Int) rethrows {
        count += min(free, try fill(start + count, free))
    }
}

/// A reader behind the host's table. The host holds one reference, from `opened` to `close`.
final class ReaderBox {
    private var reader: any Reader
    private let interruption: (@Sendable () -> Void)?
    /// So that a reader that does not block is stopped as well.
    private let isInterrupted = Atomic(false)

    init(_ reader: some Reader) {
        self.reader = reader
        interruption = reader.interrupt
    }

    func raw() -> tb_reader_v1 {
        tb_reader_v1(
            ctx: Unmanaged.passRetained(self).toOpaque(), read: readerRead, seek: reader.canSeek ? readerSeek : nil,
            interrupt: readerInterrupt, close: readerClose)
    }

    func read(_ start: UnsafeMutablePointer<UInt8>?, _ capacity: Int) -> Int64 {
        guard let start, capacity > 0 else { return Int64(TB_E_INVALID) }
        guard !isInterrupted.load(ordering: .relaxed) else { return Int64(TB_E_CANCELLED) }
        var buffer = ReadBuffer(start, capacity: capacity)
        do {
            try reader.read(into: &buffer)
            return Int64(buffer.count)
        } catch {
            // What came before the failure counts; the next read meets the failure again.
            return buffer.count > 0 ? Int64(buffer.count) : Int64(Failure(error).status)
        }
    }

    func seek(_ offset: UInt64) -> tb_status {
        do {
            try reader.seek(to: offset)
            return TB_OK
        } catch {
            return Failure(error).status
        }
    }

    func interrupt() {
        isInterrupted.store(true, ordering: .relaxed)
        interruption?()
    }

    func close() { reader.close() }
}

private func box(_ context: UnsafeMutableRawPointer?) -> ReaderBox? {
    context.map { Unmanaged<ReaderBox>.fromOpaque($0).takeUnretainedValue() }
}

private let readerRead: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt8>?, Int) -> Int64 = {
    context, start, capacity in box(context)?.read(start, capacity) ?? Int64(TB_E_INVALID)
}
private let readerSeek: @convention(c) (UnsafeMutableRawPointer?, UInt64) -> tb_status = { context, offset in
    box(context)?.seek(offset) ?? TB_E_INVALID
}
private let readerInterrupt: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
    box(context)?.interrupt()
}
private let readerClose: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
    guard let context else { return }
    Unmanaged<ReaderBox>.fromOpaque(context).takeRetainedValue().close()
}
