import CLibAV
import COpus
import Glibc
import MediaWire

/// Samples without a container: 16-bit little-endian stereo at 48 kHz. Takes what is there instead of waiting for a whole
/// packet, which libavformat would do.
final class PCMPackets: PacketSource {
    private static let frame = 4
    /// Bytes of a packet at most: 20 ms.
    private static let largest = 960 * frame

    private let input: ByteInput
    private let store: PacketStore
    /// Of the next sample, from where the input begins.
    private var time: UInt64 = 0
    private var waiting = [UInt8](repeating: 0, count: largest)
    /// Bytes of a sample that is not whole yet.
    private var rest = 0

    init(_ input: ByteInput) throws(WorkerError) {
        self.input = input
        store = try PacketStore(AV_CODEC_ID_PCM_S16LE)
        store.parameters.pointee.format = AV_SAMPLE_FMT_S16.rawValue
        store.parameters.pointee.bits_per_coded_sample = 16
        store.parameters.pointee.block_align = Int32(Self.frame)
    }

    var parameters: UnsafeMutablePointer<AVCodecParameters> { store.parameters }
    var timeBase: AVRational { Demuxer.rate }
    var canSeek: Bool { input.canSeek }
    var hasInput: Bool { input.has(Self.frame - rest) }

    var info: MediaInfo {
        var info = MediaInfo()
        (info.container, info.codec, info.channels, info.sampleRate) = ("s16le", "pcm_s16le", 2, 48_000)
        let size = input.seek(0, AVSEEK_SIZE)
        if size > 0 { info.duration = UInt64(size) / UInt64(Self.frame) / 48 }
        return info
    }

    func next() throws(WorkerError) -> UnsafeMutablePointer<AVPacket>? {
        while true {
            let got = waiting.withUnsafeMutableBufferPointer { bytes -> Int32 in
                guard let base = bytes.baseAddress else { return tb_averror_io() }
                return input.read(base + rest, Int32(bytes.count - rest))
            }
            // Half a sample at the end is none.
            if got == tb_averror_eof() { return nil }
            guard got > 0 else { throw WorkerError(.unreadable, code: got) }
            let whole = (rest + Int(got)) / Self.frame * Self.frame
            defer {
                waiting.replaceSubrange(0..<rest + Int(got) - whole, with: Array(waiting[whole..<rest + Int(got)]))
                rest = rest + Int(got) - whole
            }
            guard whole > 0 else { continue }
            let data = try store.fill(whole, at: time)
            waiting.withUnsafeBufferPointer { data.update(from: $0.baseAddress ?? UnsafePointer(data), count: whole) }
            time += UInt64(whole / Self.frame)
            return store.packet
        }
    }

    func position(_ pts: Int64) -> Int64? { pts == tb_no_pts() ? nil : pts }

    func seek(to samples: UInt64) -> Bool {
        let place = min(samples, 1 << 40)
        guard canSeek, input.seek(Int64(place) * Int64(Self.frame), SEEK_SET) >= 0 else { return false }
        (time, rest) = (place, 0)
        return true
    }
}

/// Opus packets without a container.
final class OpusPackets: PacketSource {
    /// Packets that make no sense and may be passed over between two that do.
    private static let maximumSkipped = 10_000
    /// Decoders need 80 ms to converge (RFC 7845, section 4.6): packets.
    private static let roll: UInt64 = 4

    private let input: FeedInput
    private let store: PacketStore
    private var time: UInt64 = 0

    init(_ input: FeedInput) throws(WorkerError) {
        self.input = input
        store = try PacketStore(AV_CODEC_ID_OPUS)
    }

    var parameters: UnsafeMutablePointer<AVCodecParameters> { store.parameters }
    var timeBase: AVRational { Demuxer.rate }
    var canSeek: Bool { input.canSeek }
    var hasInput: Bool { input.has(1) }

    var info: MediaInfo {
        var info = MediaInfo()
        (info.container, info.codec, info.channels, info.sampleRate) = ("opus packets", "opus", 2, 48_000)
        return info
    }

    func next() throws(WorkerError) -> UnsafeMutablePointer<AVPacket>? {
        for _ in 0..<Self.maximumSkipped {
            guard let bytes = input.nextPacket() else {
                if input.hasFailed { throw WorkerError(.unreadable, "the packets broke off") }
                return nil
            }
            let samples = opus_packet_get_nb_samples(bytes, Int32(bytes.count), 48_000)
            guard samples > 0 else { continue }
            let data = try store.fill(bytes.count, at: time)
            bytes.withUnsafeBufferPointer { data.update(from: $0.baseAddress ?? UnsafePointer(data), count: $0.count) }
            time += UInt64(samples)
            return store.packet
        }
        throw WorkerError(.damaged, "no Opus among many packets")
    }

    func position(_ pts: Int64) -> Int64? { pts == tb_no_pts() ? nil : pts }

    func seek(to samples: UInt64) -> Bool {
        guard canSeek else { return false }
        let packet = min(samples, 1 << 40) / 960
        let first = packet - min(packet, Self.roll)
        input.go(to: first)
        time = first * 960
        return !input.hasFailed
    }
}
