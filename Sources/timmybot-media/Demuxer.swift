import AudioRing
import CLibAV
import CLinux
import Glibc
import MediaWire

/// A failure inside the worker, for the host to report.
struct WorkerError: Error {
    let failure: MediaFailure
    let detail: String

    init(_ failure: MediaFailure, _ detail: String) {
        self.failure = failure
        self.detail = detail
    }

    init(_ failure: MediaFailure, code: Int32) {
        var text = [CChar](repeating: 0, count: 128)
        av_strerror(code, &text, text.count)
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        self.init(failure, String(decoding: bytes, as: UTF8.self))
    }

    /// What a library call that was cut short for its CPU time comes to.
    static let tooExpensive = WorkerError(.tooExpensive, "decoding takes far longer than playing")
}

/// Reads packets of the best audio stream in a container. Owned by one thread at a time.
final class Demuxer: PacketSource {
    /// 48 kHz, the time base of everything behind the demuxer.
    static let rate = AVRational(num: 1, den: 48_000)
    private static let bufferSize = 32 << 10
    /// Packets of other streams (video, say) that may be skipped between two of ours.
    private static let maximumSkipped = 10_000

    /// Of a feed's input, the most that counts as needed for the next packet: no more is known to come.
    private static let largestNeed = 16 << 10

    private let source: ByteInput
    private var format: UnsafeMutablePointer<AVFormatContext>?
    let stream: UnsafeMutablePointer<AVStream>
    private let packet: UnsafeMutablePointer<AVPacket>
    /// Bytes that each of the last packets took from the input.
    private var needs = [Int](repeating: 0, count: 16)
    private var needIndex = 0
    /// As the container's head says it.
    private(set) var info = MediaInfo()

    init(_ input: ByteInput) throws(WorkerError) {
        source = input
        guard let packet = av_packet_alloc(), let context = avformat_alloc_context(),
            let io = source.makeIO(Self.bufferSize)
        else { throw WorkerError(.internalError, "out of memory") }
        self.packet = packet
        context.pointee.pb = io
        context.pointee.flags |= AVFMT_FLAG_CUSTOM_IO
        context.pointee.probesize = 1 << 20
        context.pointee.max_analyze_duration = 2_000_000
        context.pointee.max_streams = 64
        context.pointee.max_probe_packets = 256
        context.pointee.max_index_size = 1 << 18
        context.pointee.interrupt_callback = AVIOInterruptCB(
            callback: { _ in tb_cpu_budget_spent() ? 1 : 0 }, opaque: nil)
        var opened: UnsafeMutablePointer<AVFormatContext>? = context
        let status = avformat_open_input(&opened, nil, nil, nil)
        guard status == 0, let format = opened else {
            ByteInput.free(io)
            var gone: UnsafeMutablePointer<AVPacket>? = packet
            av_packet_free(&gone)
            throw tb_cpu_budget_spent() ? .tooExpensive : WorkerError(.unsupported, code: status)
        }
        self.format = format
        // Opus and FLAC say all in their headers; others need a look at some packets.
        let first = format.pointee.nb_streams > 0 ? format.pointee.streams[0] : nil
        let known = [AV_CODEC_ID_OPUS, AV_CODEC_ID_FLAC].contains { $0 == first?.pointee.codecpar.pointee.codec_id }
        if !known || format.pointee.nb_streams != 1 { avformat_find_stream_info(format, nil) }
        let index = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, nil, 0)
        let isSpent = tb_cpu_budget_spent()
        guard !isSpent, index >= 0, let found = format.pointee.streams[Int(index)] else {
            var closing: UnsafeMutablePointer<AVFormatContext>? = format
            avformat_close_input(&closing)
            ByteInput.free(io)
            var gone: UnsafeMutablePointer<AVPacket>? = packet
            av_packet_free(&gone)
            throw isSpent ? .tooExpensive : WorkerError(.noAudio, "no audio stream")
        }
        stream = found
        for other in 0..<Int(format.pointee.nb_streams) where other != Int(index) {
            format.pointee.streams[other]?.pointee.discard = AVDISCARD_ALL
        }
        info = describe()
    }

    deinit {
        var gone: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&gone)
        let io = format?.pointee.pb
        avformat_close_input(&format)
        if let io { ByteInput.free(io) }
    }

    var parameters: UnsafeMutablePointer<AVCodecParameters> { stream.pointee.codecpar }

    var timeBase: AVRational { stream.pointee.time_base }
    var canSeek: Bool { source.canSeek }

    /// As much is there as any of the last packets took.
    var hasInput: Bool {
        guard source is FeedInput, let io = format?.pointee.pb else { return true }
        let buffered = io.pointee.buf_end - io.pointee.buf_ptr
        let need = min(Self.largestNeed, max(1, needs.max() ?? 1))
        return buffered >= need || source.has(need - buffered)
    }

    /// Whether a read has failed: that is no damage to the file, and not its end, whatever the demuxer makes of it.
    private var isBroken: Bool { format?.pointee.pb.map { $0.pointee.error < 0 } ?? false }

    private var place: Int64 { format?.pointee.pb.map { avio_seek($0, 0, SEEK_CUR) } ?? 0 }

    /// The next packet of our stream, valid until the next call; nil at the end.
    func next() throws(WorkerError) -> UnsafeMutablePointer<AVPacket>? {
        let before = place
        defer {
            needs[needIndex] = Int(clamping: max(0, place - before))
            needIndex = (needIndex + 1) % needs.count
        }
        return try read()
    }

    private func read() throws(WorkerError) -> UnsafeMutablePointer<AVPacket>? {
        for _ in 0..<Self.maximumSkipped {
            av_packet_unref(packet)
            let status = av_read_frame(format, packet)
            if status < 0, tb_cpu_budget_spent() { throw .tooExpensive }
            if status < 0, isBroken { throw WorkerError(.unreadable, "the input broke off") }
            if status == tb_averror_eof() { return nil }
            guard status >= 0 else { throw WorkerError(.damaged, code: status) }
            if packet.pointee.stream_index == stream.pointee.index, packet.pointee.size > 0 { return packet }
        }
        throw WorkerError(.damaged, "no audio among many packets")
    }

    /// Position of `pts` in 48 kHz samples from the start of the track; nil where the packet does not say.
    func position(_ pts: Int64) -> Int64? {
        guard pts != tb_no_pts() else { return nil }
        let start = stream.pointee.start_time
        let base = start == tb_no_pts() || parameters.pointee.codec_id == AV_CODEC_ID_OPUS ? 0 : start
        let (distance, overflow) = pts.subtractingReportingOverflow(base)
        guard !overflow else { return nil }
        let samples = av_rescale_q(distance, stream.pointee.time_base, Self.rate)
        return abs(Double(samples)) <= Self.farthest ? samples : nil
    }

    /// Samples beyond which a time is not believed; as a `Double`, because the smallest `Int64` has no magnitude.
    private static let farthest = Double(AudioRing.maximumPosition)

    /// Goes to the last packet at or before `samples` (48 kHz); false where the input cannot seek.
    func seek(to samples: UInt64) -> Bool {
        guard canSeek else { return false }
        // Opus decoders need 80 ms to converge (RFC 7845, section 4.6); other codecs are content with less.
        let early = max(0, Int64(min(samples, 1 << 40)) - 3_840)
        let target = av_rescale_q(early, Self.rate, stream.pointee.time_base)
        return av_seek_frame(format, stream.pointee.index, target, AVSEEK_FLAG_BACKWARD) >= 0
    }

    // MARK: Describing

    /// Lets go of tags and pictures. Both can be large, and what plays for an hour shares its memory with all the others.
    func forgetExtras() {
        guard let format else { return }
        av_dict_free(&format.pointee.metadata)
        for index in 0..<Int(format.pointee.nb_streams) {
            guard let stream = format.pointee.streams[index] else { continue }
            av_dict_free(&stream.pointee.metadata)
            av_packet_unref(&stream.pointee.attached_pic)
        }
    }

    private func describe() -> MediaInfo {
        var info = MediaInfo()
        guard let format else { return info }
        info.container = Self.text(format.pointee.iformat.pointee.name)
        info.codec = Self.text(avcodec_get_name(parameters.pointee.codec_id))
        info.channels = Int(parameters.pointee.ch_layout.nb_channels)
        info.sampleRate = Int(parameters.pointee.sample_rate)
        let duration = stream.pointee.duration
        if duration > 0 {
            info.duration = UInt64(
                clamping: av_rescale_q(duration, stream.pointee.time_base, AVRational(num: 1, den: 1_000)))
        } else if format.pointee.duration > 0 {
            info.duration = UInt64(format.pointee.duration / 1_000)
        }
        info.title = tag("title")
        info.artist = tag("artist").isEmpty ? tag("album_artist") : tag("artist")
        info.album = tag("album")
        return info
    }

    private func tag(_ name: String) -> String {
        for dictionary in [format?.pointee.metadata, stream.pointee.metadata] {
            if let entry = av_dict_get(dictionary, name, nil, 0) { return Self.text(entry.pointee.value) }
        }
        return ""
    }

    /// Bounded UTF-8 without control characters.
    private static func text(_ pointer: UnsafePointer<CChar>?) -> String {
        guard let pointer else { return "" }
        let bytes = UnsafeRawBufferPointer(start: pointer, count: strnlen(pointer, 4 * MediaWire.tagLength))
        let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }
        return String(String(String.UnicodeScalarView(scalars)).prefix(MediaWire.tagLength))
    }

    /// The embedded picture, where there is one of a known type and bearable size.
    var artwork: (bytes: UnsafeRawBufferPointer, type: String)? {
        guard let format else { return nil }
        for index in 0..<Int(format.pointee.nb_streams) {
            guard let stream = format.pointee.streams[index],
                stream.pointee.disposition & Int32(AV_DISPOSITION_ATTACHED_PIC) != 0
            else { continue }
            let picture = stream.pointee.attached_pic
            guard picture.size > 0, picture.size <= MediaWire.artworkCapacity, let data = picture.data else { continue }
            switch stream.pointee.codecpar.pointee.codec_id {
            case AV_CODEC_ID_PNG: return (UnsafeRawBufferPointer(start: data, count: Int(picture.size)), "image/png")
            case AV_CODEC_ID_MJPEG: return (UnsafeRawBufferPointer(start: data, count: Int(picture.size)), "image/jpeg")
            default: continue
            }
        }
        return nil
    }
}
