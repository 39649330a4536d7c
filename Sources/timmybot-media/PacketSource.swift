import CLibAV
import MediaWire

/// One audio stream's packets, from whatever they are in. Used by one thread at a time.
protocol PacketSource: AnyObject {
    var parameters: UnsafeMutablePointer<AVCodecParameters> { get }
    /// Of the packets' times.
    var timeBase: AVRational { get }
    var info: MediaInfo { get }
    var canSeek: Bool { get }
    /// Whether the next packet most likely comes without waiting for anybody.
    var hasInput: Bool { get }

    /// The next packet, valid until the next call; nil at the end.
    func next() throws(WorkerError) -> UnsafeMutablePointer<AVPacket>?
    /// Position of a packet's time in 48 kHz samples from where the input begins; nil where it does not say.
    func position(_ pts: Int64) -> Int64?
    /// Goes to a packet at or shortly before `samples` (48 kHz, from where the input begins); false where it cannot.
    func seek(to samples: UInt64) -> Bool
}

/// Opens what a descriptor holds, which it takes over.
enum Input {
    static func open(_ input: ByteInput, _ format: MediaFormat) throws(WorkerError) -> any PacketSource {
        switch (format, input as? FeedInput) {
        case (.pcm, _): return try PCMPackets(input)
        case (.opusPackets, let feed?): return try OpusPackets(feed)
        case (.opusPackets, nil): throw WorkerError(.internalError, "packets come from feeds only")
        case (.container, _):
            let demuxer = try Demuxer(input)
            demuxer.forgetExtras()
            return demuxer
        }
    }

    static func make(_ descriptor: Int32, _ options: MediaInputOptions) -> ByteInput {
        options.isFeed
            ? FeedInput(descriptor: descriptor, options: options) : DescriptorInput(descriptor: descriptor)
    }
}

/// A packet and codec parameters that are let go of together.
final class PacketStore {
    let packet: UnsafeMutablePointer<AVPacket>
    let parameters: UnsafeMutablePointer<AVCodecParameters>

    init(_ codec: AVCodecID) throws(WorkerError) {
        guard let packet = av_packet_alloc() else { throw WorkerError(.internalError, "out of memory") }
        guard let parameters = avcodec_parameters_alloc() else {
            var gone: UnsafeMutablePointer<AVPacket>? = packet
            av_packet_free(&gone)
            throw WorkerError(.internalError, "out of memory")
        }
        self.packet = packet
        self.parameters = parameters
        parameters.pointee.codec_type = AVMEDIA_TYPE_AUDIO
        parameters.pointee.codec_id = codec
        parameters.pointee.sample_rate = 48_000
        av_channel_layout_default(&parameters.pointee.ch_layout, 2)
    }

    deinit {
        var gone: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&gone)
        var finished: UnsafeMutablePointer<AVCodecParameters>? = parameters
        avcodec_parameters_free(&finished)
    }

    /// An empty packet of `count` bytes at a time.
    func fill(_ count: Int, at time: UInt64) throws(WorkerError) -> UnsafeMutablePointer<UInt8> {
        av_packet_unref(packet)
        guard av_new_packet(packet, Int32(count)) == 0, let data = packet.pointee.data else {
            throw WorkerError(.internalError, "out of memory")
        }
        packet.pointee.pts = Int64(clamping: time)
        return data
    }
}
