/// Samples that a plugin makes: 16 bits, 48 kHz, stereo. Called on one thread.
public protocol PCMSource {
    /// Adds frames, up to `buffer.free` of them. Nothing added means the end.
    mutating func render(into buffer: inout PCMBuffer) throws
    /// Goes to a frame. Called only where `canSeek`.
    mutating func seek(toFrame frame: UInt64) throws
    mutating func close()
    var canSeek: Bool { get }
}

extension PCMSource {
    public mutating func seek(toFrame frame: UInt64) throws {
        throw Failure(code: .unsupported, detail: "it cannot seek")
    }
    public mutating func close() {}
    public var canSeek: Bool { false }
}

/// Where a `PCMSource` puts its frames. It lives for one `render`.
public struct PCMBuffer: ~Copyable {
    public static let sampleRate = 48_000
    var bytes: ReadBuffer

    /// How many frames there is room for.
    public var free: Int { bytes.free / 4 }

    /// One frame; false where there is no room.
    @discardableResult
    public mutating func append(left: Int16, right: Int16) -> Bool {
        guard free > 0 else { return false }
        bytes.append(sample: left)
        bytes.append(sample: right)
        return true
    }
}

/// Packets that are ready to be sent. Called on one thread.
public protocol OpusSource {
    /// One packet of 20 ms; nil at the end. Blocks until there is one.
    mutating func nextPacket() throws -> [UInt8]?
    mutating func close()
    /// As of `Reader`.
    var interrupt: (@Sendable () -> Void)? { get }
}

extension OpusSource {
    public mutating func close() {}
    public var interrupt: (@Sendable () -> Void)? { nil }
}

/// Frames as bytes, for buffers of any size: where not even one frame fits, its bytes are given out by and by.
struct PCMReader<Source: PCMSource>: Reader {
    var source: Source
    private var rest: [UInt8] = []
    private static var frame: Int { 4 }

    init(source: Source) { self.source = source }

    var canSeek: Bool { source.canSeek }

    mutating func read(into buffer: inout ReadBuffer) throws {
        if rest.isEmpty, buffer.free < Self.frame { rest = try oneFrame() }
        if !rest.isEmpty { rest.removeFirst(buffer.append(rest)) }
        guard buffer.free >= Self.frame else { return }
        try buffer.fill { start, capacity in
            var frames = PCMBuffer(bytes: ReadBuffer(start, capacity: capacity & ~(Self.frame - 1)))
            try source.render(into: &frames)
            return frames.bytes.count
        }
    }

    private mutating func oneFrame() throws -> [UInt8] {
        try withUnsafeTemporaryAllocation(byteCount: Self.frame, alignment: 4) { memory in
            guard let start = memory.baseAddress else { return [] }
            var frames = PCMBuffer(bytes: ReadBuffer(start, capacity: Self.frame))
            try source.render(into: &frames)
            return Array(memory.prefix(frames.bytes.count))
        }
    }

    mutating func seek(to offset: UInt64) throws {
        rest = []
        try source.seek(toFrame: offset / UInt64(Self.frame))
    }

    mutating func close() { source.close() }
}

struct OpusReader<Source: OpusSource>: Reader {
    var source: Source
    /// A packet that did not fit: a packet is never split.
    private var waiting: [UInt8]?

    init(source: Source) { self.source = source }

    var interrupt: (@Sendable () -> Void)? { source.interrupt }

    mutating func read(into buffer: inout ReadBuffer) throws {
        guard let packet = try waiting ?? source.nextPacket() else { return }
        guard packet.count <= buffer.free else {
            waiting = packet
            throw Failure(code: .invalid, detail: "an Opus packet of \(packet.count) bytes does not fit")
        }
        waiting = nil
        guard !packet.isEmpty else { throw Failure(detail: "an empty Opus packet") }
        buffer.append(packet)
    }

    mutating func close() { source.close() }
}
