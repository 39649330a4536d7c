import CLibAV

/// Makes interleaved stereo floats at 48 kHz of what a decoder gives. Owned by one thread at a time.
final class Resampler {
    private static let rate: Int32 = 48_000
    private static let channels = 2
    /// Samples that one decoded frame may become: some 87 s. A file that says more wants memory.
    private static let maximum: Int32 = 1 << 22

    private var context: OpaquePointer?
    /// What `convert` and `drain` made, until they are called again.
    private(set) var samples: UnsafeMutablePointer<Float>
    private var capacity: Int32 = 8_192

    /// For frames like `frame`.
    init(_ frame: UnsafeMutablePointer<AVFrame>) throws(WorkerError) {
        samples = .allocate(capacity: Int(capacity) * Self.channels)
        var input = frame.pointee.ch_layout
        if input.order == AV_CHANNEL_ORDER_UNSPEC { av_channel_layout_default(&input, input.nb_channels) }
        var output = AVChannelLayout()
        av_channel_layout_default(&output, Int32(Self.channels))
        guard
            swr_alloc_set_opts2(
                &context, &output, AV_SAMPLE_FMT_FLT, Self.rate, &input, AVSampleFormat(frame.pointee.format),
                frame.pointee.sample_rate, 0, nil) >= 0, swr_init(context) >= 0
        else { throw WorkerError(.unsupported, "this format cannot be resampled") }
    }

    deinit {
        swr_free(&context)
        samples.deallocate()
    }

    /// Samples at 48 kHz by which what comes out next is behind what goes in next.
    var delay: Int64 { swr_get_delay(context, Int64(Self.rate)) }

    /// Samples that are now in `samples`.
    func convert(_ frame: UnsafeMutablePointer<AVFrame>) throws(WorkerError) -> Int {
        let count = frame.pointee.nb_samples, most = swr_get_out_samples(context, count)
        guard most >= 0, most <= Self.maximum else { throw WorkerError(.damaged, "impossible format") }
        reserve(most)
        let planes = UnsafeMutableRawPointer(frame.pointee.extended_data)
        let made = run(most, planes?.assumingMemoryBound(to: UnsafePointer<UInt8>?.self), count)
        guard made >= 0 else { throw WorkerError(.damaged, code: made) }
        return Int(made)
    }

    /// As `convert`, for what is still held back; afterwards it is of no more use.
    func drain() -> Int {
        let most = swr_get_out_samples(context, 0)
        guard most > 0, most <= Self.maximum else { return 0 }
        reserve(most)
        return Int(max(0, run(most, nil, 0)))
    }

    private func run(_ room: Int32, _ input: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ count: Int32) -> Int32 {
        samples.withMemoryRebound(to: UInt8.self, capacity: Int(room) * Self.channels * MemoryLayout<Float>.stride) {
            var target: UnsafeMutablePointer<UInt8>? = $0
            return swr_convert(context, &target, room, input, count)
        }
    }

    private func reserve(_ count: Int32) {
        guard count > capacity else { return }
        samples.deallocate()
        capacity = count
        samples = .allocate(capacity: Int(count) * Self.channels)
    }
}
