import CLibAV
import Foundation

struct WriterError: Error, CustomStringConvertible {
    let description: String
}

/// Encodes interleaved stereo at 48 kHz and writes it with tags and cover. The container follows from the file's name.
final class Writer {
    private var format: UnsafeMutablePointer<AVFormatContext>?
    private var encoder: UnsafeMutablePointer<AVCodecContext>?
    private var audio: UnsafeMutablePointer<AVStream>?
    private var resampler: OpaquePointer?
    private let packet = av_packet_alloc()

    static func write(_ song: Song, samples: [Float], to path: String) throws {
        let writer = Writer()
        try writer.open(song, path)
        try writer.encode(samples)
        try writer.close()
    }

    deinit {
        var gone = packet
        av_packet_free(&gone)
        avcodec_free_context(&encoder)
        swr_free(&resampler)
        if let io = format?.pointee.pb {
            var io: UnsafeMutablePointer<AVIOContext>? = io
            avio_closep(&io)
        }
        avformat_free_context(format)
    }

    private func check(_ status: Int32, _ what: String) throws {
        guard status >= 0 else { throw WriterError(description: "\(what) failed (\(status))") }
    }

    private func open(_ song: Song, _ path: String) throws {
        let kind = (path as NSString).pathExtension
        let names = [
            "opus": ("opus", "libopus"), "flac": ("flac", "flac"), "mp3": ("mp3", "libmp3lame"), "m4a": ("ipod", "aac"),
        ]
        guard let (container, codecName) = names[kind], let codec = avcodec_find_encoder_by_name(codecName) else {
            throw WriterError(description: "no encoder for .\(kind)")
        }
        try check(avformat_alloc_output_context2(&format, nil, container, path), "container")
        guard let format, let encoder = avcodec_alloc_context3(codec) else {
            throw WriterError(description: "out of memory")
        }
        self.encoder = encoder
        encoder.pointee.sample_rate = 48_000
        av_channel_layout_default(&encoder.pointee.ch_layout, 2)
        encoder.pointee.sample_fmt = codec.pointee.sample_fmts[0]
        encoder.pointee.bit_rate = kind == "flac" ? 0 : 160_000
        encoder.pointee.time_base = AVRational(num: 1, den: 48_000)
        if format.pointee.oformat.pointee.flags & AVFMT_GLOBALHEADER != 0 {
            encoder.pointee.flags |= Int32(bitPattern: UInt32(AV_CODEC_FLAG_GLOBAL_HEADER))
        }
        try check(avcodec_open2(encoder, codec, nil), "encoder")
        guard let audio = avformat_new_stream(format, nil) else { throw WriterError(description: "out of memory") }
        self.audio = audio
        audio.pointee.time_base = encoder.pointee.time_base
        try check(avcodec_parameters_from_context(audio.pointee.codecpar, encoder), "parameters")
        for (key, value) in [("title", song.title), ("artist", song.artist), ("album", "Demo Tape"), ("date", "2026")] {
            let target =
                kind == "opus"
                ? withUnsafeMutablePointer(to: &audio.pointee.metadata) { $0 }
                : withUnsafeMutablePointer(to: &format.pointee.metadata) { $0 }
            av_dict_set(target, key, value, 0)
        }
        let cover = Artwork.png(song.color, seed: song.score.seed)
        let picture = try addCover(cover, kind: kind, format, audio)
        try check(avio_open(&format.pointee.pb, path, AVIO_FLAG_WRITE), "file")
        try check(avformat_write_header(format, nil), "header")
        if let picture { try writeCover(cover, picture, format) }
        try check(
            swr_alloc_set_opts2(
                &resampler, &encoder.pointee.ch_layout, encoder.pointee.sample_fmt, 48_000, &encoder.pointee.ch_layout,
                AV_SAMPLE_FMT_FLT, 48_000, 0, nil), "converter")
        try check(swr_init(resampler), "converter")
    }

    private func addCover(
        _ cover: [UInt8], kind: String, _ format: UnsafeMutablePointer<AVFormatContext>,
        _ audio: UnsafeMutablePointer<AVStream>
    ) throws -> UnsafeMutablePointer<AVStream>? {
        if kind == "opus" {
            av_dict_set(&audio.pointee.metadata, "METADATA_BLOCK_PICTURE", Self.pictureBlock(cover), 0)
            return nil
        }
        guard let stream = avformat_new_stream(format, nil) else { throw WriterError(description: "out of memory") }
        stream.pointee.codecpar.pointee.codec_type = AVMEDIA_TYPE_VIDEO
        stream.pointee.codecpar.pointee.codec_id = AV_CODEC_ID_PNG
        stream.pointee.codecpar.pointee.width = 256
        stream.pointee.codecpar.pointee.height = 256
        stream.pointee.codecpar.pointee.format = AV_PIX_FMT_RGB24.rawValue
        stream.pointee.disposition = Int32(AV_DISPOSITION_ATTACHED_PIC)
        stream.pointee.time_base = AVRational(num: 1, den: 90_000)
        return stream
    }

    private func writeCover(
        _ cover: [UInt8], _ stream: UnsafeMutablePointer<AVStream>, _ format: UnsafeMutablePointer<AVFormatContext>
    ) throws {
        try check(av_new_packet(packet, Int32(cover.count)), "cover")
        packet?.pointee.data.update(from: cover, count: cover.count)
        packet?.pointee.stream_index = stream.pointee.index
        packet?.pointee.flags |= AV_PKT_FLAG_KEY
        packet?.pointee.pts = 0
        packet?.pointee.dts = 0
        try check(av_interleaved_write_frame(format, packet), "cover")
    }

    /// FLAC's picture block as Ogg carries it: base64 in a comment (RFC 9639, section 8.8).
    private static func pictureBlock(_ png: [UInt8]) -> String {
        func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
        let type = Array("image/png".utf8)
        let block =
            word(3) + word(type.count) + type + word(0) + word(256) + word(256) + word(24) + word(0) + word(png.count)
            + png
        return Data(block).base64EncodedString()
    }

    private func encode(_ samples: [Float]) throws {
        guard let encoder, let frame = av_frame_alloc() else { return }
        defer {
            var gone: UnsafeMutablePointer<AVFrame>? = frame
            av_frame_free(&gone)
        }
        let size = encoder.pointee.frame_size > 0 ? Int(encoder.pointee.frame_size) : 4_096
        var at = 0
        while at * 2 < samples.count {
            let count = min(size, samples.count / 2 - at)
            av_frame_unref(frame)
            frame.pointee.nb_samples = Int32(count)
            frame.pointee.format = encoder.pointee.sample_fmt.rawValue
            frame.pointee.sample_rate = 48_000
            av_channel_layout_copy(&frame.pointee.ch_layout, &encoder.pointee.ch_layout)
            try check(av_frame_get_buffer(frame, 0), "frame")
            try samples.withUnsafeBytes { bytes in
                var input: UnsafePointer<UInt8>? = bytes.baseAddress?.advanced(by: 8 * at).assumingMemoryBound(
                    to: UInt8.self)
                try check(
                    swr_convert(resampler, frame.pointee.extended_data, Int32(count), &input, Int32(count)),
                    "conversion")
            }
            frame.pointee.pts = Int64(at)
            try check(avcodec_send_frame(encoder, frame), "encoding")
            try drain()
            at += count
        }
        try check(avcodec_send_frame(encoder, nil), "encoding")
        try drain()
    }

    private func drain() throws {
        guard let encoder, let audio, let packet else { return }
        while avcodec_receive_packet(encoder, packet) == 0 {
            packet.pointee.stream_index = audio.pointee.index
            av_packet_rescale_ts(packet, encoder.pointee.time_base, audio.pointee.time_base)
            try check(av_interleaved_write_frame(format, packet), "writing")
        }
    }

    private func close() throws { try check(av_write_trailer(format), "trailer") }
}
