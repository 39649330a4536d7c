import CLibAV
import CLinux
import Glibc
import MediaWire

/// Where a demuxer's bytes come from: a descriptor or a feed. Used by one thread at a time.
class ByteInput {
    var canSeek: Bool { false }
    /// Whether so many bytes (or packets) could be read without waiting for anybody, or all that will ever come. A file's
    /// always can.
    func has(_ count: Int) -> Bool { true }

    /// Bytes into `buffer`, `AVERROR_EOF` at the end, or another error of libav's.
    func read(_ buffer: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 { tb_averror_io() }

    /// The new place, or an error of libav's. `whence` is lseek's, or `AVSEEK_SIZE`.
    func seek(_ offset: Int64, _ whence: Int32) -> Int64 { Int64(tb_averror_unseekable()) }

    /// libavformat's context over this input, which it borrows: the input must outlive it. Nil without memory.
    final func makeIO(_ size: Int) -> UnsafeMutablePointer<AVIOContext>? {
        guard let buffer = av_malloc(size) else { return nil }
        let io = avio_alloc_context(
            buffer.assumingMemoryBound(to: UInt8.self), Int32(size), 0, Unmanaged.passUnretained(self).toOpaque(),
            { opaque, buffer, count in
                guard let opaque, let buffer else { return tb_averror_io() }
                // A file that is searched from end to end computes between reads.
                if tb_cpu_budget_spent() { return tb_averror_exit() }
                return Unmanaged<ByteInput>.fromOpaque(opaque).takeUnretainedValue().read(buffer, count)
            }, nil,
            { opaque, offset, whence in
                guard let opaque else { return Int64(tb_averror_io()) }
                return Unmanaged<ByteInput>.fromOpaque(opaque).takeUnretainedValue().seek(offset, whence)
            })
        if let io { io.pointee.seekable = canSeek ? AVIO_SEEKABLE_NORMAL : 0 }
        return io
    }

    static func free(_ io: UnsafeMutablePointer<AVIOContext>) {
        av_free(io.pointee.buffer)
        var gone: UnsafeMutablePointer<AVIOContext>? = io
        avio_context_free(&gone)
    }
}

/// A file, or a pipe that cannot seek.
final class DescriptorInput: ByteInput {
    private let descriptor: Int32
    private let isSeekable: Bool

    /// Takes over `descriptor`.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        isSeekable = lseek(descriptor, 0, SEEK_SET) >= 0
    }

    deinit { close(descriptor) }

    override var canSeek: Bool { isSeekable }

    override func read(_ buffer: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 {
        while true {
            let got = Glibc.read(descriptor, buffer, Int(count))
            if got > 0 { return Int32(got) }
            if got == 0 { return tb_averror_eof() }
            if errno != EINTR { return tb_averror_io() }
        }
    }

    override func seek(_ offset: Int64, _ whence: Int32) -> Int64 {
        guard isSeekable else { return Int64(tb_averror_unseekable()) }
        if whence & AVSEEK_SIZE != 0 {
            var status = stat()
            return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : Int64(tb_averror_io())
        }
        let place = lseek(descriptor, Int(offset), whence & 3)
        return place >= 0 ? Int64(place) : Int64(tb_averror_io())
    }
}
