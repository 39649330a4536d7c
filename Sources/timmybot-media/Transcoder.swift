import AudioRing
import CLibAV
import CLinux
import COpus
import MediaWire

/// Decodes, filters and encodes to 20 ms Opus packets. Owned by one thread at a time.
final class Transcoder {
    private static let frame = 960
    private static let channels = 2

    private var decoder: UnsafeMutablePointer<AVCodecContext>?
    /// While there is no filter.
    private var resampler: Resampler?
    private var graph: UnsafeMutablePointer<AVFilterGraph>?
    private var input: UnsafeMutablePointer<AVFilterContext>?
    private var output: UnsafeMutablePointer<AVFilterContext>?
    private let decoded: UnsafeMutablePointer<AVFrame>
    private let filtered: UnsafeMutablePointer<AVFrame>
    private let encoder: OpaquePointer
    private var filter = ""
    /// Of what is decoded, and `resampler` or `graph` is made for.
    private var inputFormat: (rate: Int32, format: Int32, channels: Int32) = (0, -1, 0)

    /// Interleaved stereo that waits to be encoded.
    private var waiting: [Float] = []
    private var consumed = 0
    private var gain: Float
    private var targetGain: Float
    /// Samples (48 kHz) before this are dropped; nil once reached.
    private var skipUntil: Int64?
    private(set) var position: UInt64
    private var packet = [UInt8](repeating: 0, count: 1275)

    /// Samples by which what libopus encodes comes out late.
    private static let lookahead: UInt64 = 312

    /// - Parameters:
    ///   - start: position of the first sample that is to come out, in 48 kHz samples.
    ///   - isPrimed: the source is given from some packets before `start` on. The packet before `start` then comes out first,
    ///     for nobody to hear, and the following ones are in step with the source's own: without the encoder's delay.
    init(
        _ parameters: UnsafeMutablePointer<AVCodecParameters>, timeBase: AVRational, options: StreamOptions,
        start: UInt64, isPrimed: Bool = false
    )
        throws(WorkerError)
    {
        guard let codec = avcodec_find_decoder(parameters.pointee.codec_id),
            let context = avcodec_alloc_context3(codec),
            let decoded = av_frame_alloc(), let filtered = av_frame_alloc()
        else { throw WorkerError(.unsupported, "no decoder for this codec") }
        var status: Int32 = 0
        guard let encoder = opus_encoder_create(48_000, Int32(Self.channels), OPUS_APPLICATION_AUDIO, &status) else {
            throw WorkerError(.internalError, "no Opus encoder")
        }
        tb_opus_set_bitrate(encoder, Int32(clamping: min(max(options.bitrate, 8_000), 510_000)))
        tb_opus_set_complexity(encoder, 10)
        tb_opus_set_music(encoder)
        decoder = context
        self.decoded = decoded
        self.filtered = filtered
        self.encoder = encoder
        gain = Float(options.volume)
        targetGain = gain
        filter = options.filter
        position = isPrimed ? start - 960 : start
        skipUntil = Int64(clamping: isPrimed ? start - 960 + Self.lookahead : start)
        context.pointee.thread_count = 1
        // No codec has frames of a minute; a file that says so wants memory and time.
        context.pointee.max_samples = 1 << 22
        context.pointee.pkt_timebase = timeBase
        avcodec_parameters_to_context(context, parameters)
        let opened = avcodec_open2(context, codec, nil)
        guard opened == 0 else { throw WorkerError(.unsupported, code: opened) }
    }

    deinit {
        avcodec_free_context(&decoder)
        avfilter_graph_free(&graph)
        var frame: UnsafeMutablePointer<AVFrame>? = decoded
        av_frame_free(&frame)
        frame = filtered
        av_frame_free(&frame)
        opus_encoder_destroy(encoder)
    }

    /// Heard within what already waits in the ring: volume as a ramp of 20 ms, a filter from the next decoded frame on.
    func change(volume: Double, filter: String) {
        targetGain = Float(volume)
        guard filter != self.filter else { return }
        self.filter = filter
        avfilter_graph_free(&graph)
        drainResampler()
    }

    /// Takes a packet, or nil at the end of the track. A damaged packet is passed over.
    func push(_ packet: UnsafeMutablePointer<AVPacket>?, position: (Int64) -> Int64?) throws(WorkerError) {
        let status = avcodec_send_packet(decoder, packet)
        guard status == 0 || packet == nil else { return }
        while avcodec_receive_frame(decoder, decoded) == 0 {
            let at = position(decoded.pointee.pts)
            try run(decoded, at: at)
            av_frame_unref(decoded)
            if tb_cpu_budget_spent() { throw .tooExpensive }
        }
        if packet == nil { drainResampler() }
    }

    private func run(_ frame: UnsafeMutablePointer<AVFrame>, at: Int64?) throws(WorkerError) {
        let format = (frame.pointee.sample_rate, frame.pointee.format, frame.pointee.ch_layout.nb_channels)
        guard format.0 > 0, format.0 <= 768_000, (1...64).contains(format.2) else {
            throw WorkerError(.damaged, "impossible format")
        }
        if AudioFilter(rawValue: filter) == nil { return try resample(frame, format, at: at) }
        if graph == nil || format != inputFormat { try build(frame, format) }
        // Whatever the decoder made of the file's times: what is not believed is no time at all.
        frame.pointee.pts =
            at.map { av_rescale_q($0, Demuxer.rate, AVRational(num: 1, den: format.0)) } ?? tb_no_pts()
        guard av_buffersrc_add_frame(input, frame) >= 0 else {
            throw WorkerError(.damaged, "frame does not fit the filter")
        }
        while av_buffersink_get_frame(output, filtered) >= 0 {
            collect(filtered)
            av_frame_unref(filtered)
        }
    }

    private func resample(
        _ frame: UnsafeMutablePointer<AVFrame>, _ format: (Int32, Int32, Int32), at: Int64?
    ) throws(WorkerError) {
        if resampler == nil || format != inputFormat {
            drainResampler()
            resampler = try Resampler(frame)
            inputFormat = format
        }
        guard let resampler else { return }
        let at = at.map { $0 - resampler.delay }
        let count = try resampler.convert(frame)
        collect(UnsafePointer(resampler.samples), count, at: at ?? tb_no_pts())
    }

    /// What it still holds belongs to the track too.
    private func drainResampler() {
        guard let resampler else { return }
        // Of a track that begins later, nothing is wanted yet.
        if skipUntil == nil {
            let count = resampler.drain()
            collect(UnsafePointer(resampler.samples), count, at: tb_no_pts())
        }
        self.resampler = nil
    }

    private func collect(_ frame: UnsafeMutablePointer<AVFrame>) {
        guard let data = frame.pointee.data.0 else { return }
        let samples = UnsafeRawPointer(data).assumingMemoryBound(to: Float.self)
        collect(samples, Int(frame.pointee.nb_samples), at: frame.pointee.pts)
    }

    /// Interleaved stereo at 48 kHz; `pts` is the first sample's position.
    private func collect(_ samples: UnsafePointer<Float>, _ count: Int, at pts: Int64) {
        guard count > 0 else { return }
        var first = 0
        if let until = skipUntil {
            let isBelievable = abs(Double(pts)) <= Double(AudioRing.maximumPosition)
            let at = isBelievable ? pts : until
            if at + Int64(count) <= until { return }
            first = Int(min(Int64(count), max(0, until - at)))
            skipUntil = nil
        }
        waiting.append(
            contentsOf: UnsafeBufferPointer(
                start: samples + first * Self.channels, count: (count - first) * Self.channels))
    }

    private func build(_ frame: UnsafeMutablePointer<AVFrame>, _ format: (Int32, Int32, Int32)) throws(WorkerError) {
        avfilter_graph_free(&graph)
        graph = avfilter_graph_alloc()
        guard let graph else { throw WorkerError(.internalError, "out of memory") }
        graph.pointee.nb_threads = 1
        var layout = frame.pointee.ch_layout
        if layout.order == AV_CHANNEL_ORDER_UNSPEC { av_channel_layout_default(&layout, format.2) }
        var name = [CChar](repeating: 0, count: 256)
        av_channel_layout_describe(&layout, &name, name.count)
        let described = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let sampleFormat = String(cString: av_get_sample_fmt_name(AVSampleFormat(format.1)))
        let source =
            "time_base=1/\(format.0):sample_rate=\(format.0):sample_fmt=\(sampleFormat):channel_layout=\(described)"
        let effect = AudioFilter(rawValue: filter).map { "\($0.graph)," } ?? ""
        let chain =
            "aresample=48000,aformat=sample_fmts=flt:channel_layouts=stereo,\(effect)aformat=sample_fmts=flt:sample_rates=48000:channel_layouts=stereo"
        var inputs: UnsafeMutablePointer<AVFilterInOut>?, outputs: UnsafeMutablePointer<AVFilterInOut>?
        guard avfilter_graph_create_filter(&input, avfilter_get_by_name("abuffer"), "in", source, nil, graph) >= 0,
            avfilter_graph_create_filter(&output, avfilter_get_by_name("abuffersink"), "out", nil, nil, graph) >= 0,
            avfilter_graph_parse2(graph, chain, &inputs, &outputs) >= 0, let first = inputs, let last = outputs,
            avfilter_link(input, 0, first.pointee.filter_ctx, UInt32(first.pointee.pad_idx)) >= 0,
            avfilter_link(last.pointee.filter_ctx, UInt32(last.pointee.pad_idx), output, 0) >= 0,
            avfilter_graph_config(graph, nil) >= 0
        else {
            avfilter_inout_free(&inputs)
            avfilter_inout_free(&outputs)
            throw WorkerError(.unsupported, "this format cannot be filtered")
        }
        avfilter_inout_free(&inputs)
        avfilter_inout_free(&outputs)
        inputFormat = format
    }

    /// The next packet, or nil where more input is needed. At the end of the track the last frame is filled with silence.
    func nextPacket(atEnd: Bool, _ use: (UnsafeRawBufferPointer, UInt64) -> Bool) throws(WorkerError) -> Bool {
        let needed = Self.frame * Self.channels
        let available = waiting.count - consumed
        if available < needed {
            guard atEnd, available > 0 else { return false }
            waiting += [Float](repeating: 0, count: needed - available)
        }
        applyGain(needed)
        let length = waiting.withUnsafeBufferPointer { samples -> Int32 in
            guard let base = samples.baseAddress else { return -1 }
            return opus_encode_float(encoder, base + consumed, Int32(Self.frame), &packet, 1275)
        }
        guard length > 0 else { throw WorkerError(.internalError, "Opus encoding failed") }
        consumed += needed
        if consumed >= 32 * needed {
            waiting.removeFirst(consumed)
            consumed = 0
        }
        defer { position += UInt64(Self.frame) }
        return packet.withUnsafeBytes { use(UnsafeRawBufferPointer(rebasing: $0[..<Int(length)]), position) }
    }

    private func applyGain(_ count: Int) {
        guard gain != 1 || targetGain != 1 else { return }
        let step = (targetGain - gain) / Float(Self.frame)
        waiting.withUnsafeMutableBufferPointer { samples in
            for index in 0..<count / Self.channels {
                gain += step
                for channel in 0..<Self.channels {
                    let place = consumed + index * Self.channels + channel
                    samples[place] = max(-1, min(1, samples[place] * gain))
                }
            }
        }
        gain = targetGain
    }

    /// Whether nothing is left of a change of volume.
    var isAtFullVolume: Bool { gain == 1 && targetGain == 1 }

    /// Whether a frame waits to be encoded, so that no more input is needed now.
    var hasFrame: Bool { waiting.count - consumed >= Self.frame * Self.channels }
}
