import CLibAV

/// A generated cover as PNG: rings in the song's colour.
enum Artwork {
    private static let side = 256

    static func png(_ color: (red: UInt8, green: UInt8, blue: UInt8), seed: UInt32) -> [UInt8] {
        guard let codec = avcodec_find_encoder(AV_CODEC_ID_PNG), let context = avcodec_alloc_context3(codec),
            let frame = av_frame_alloc(), let packet = av_packet_alloc()
        else { return [] }
        var owned:
            (
                context: UnsafeMutablePointer<AVCodecContext>?, frame: UnsafeMutablePointer<AVFrame>?,
                packet: UnsafeMutablePointer<AVPacket>?
            ) = (context, frame, packet)
        defer {
            avcodec_free_context(&owned.context)
            av_frame_free(&owned.frame)
            av_packet_free(&owned.packet)
        }
        context.pointee.width = Int32(side)
        context.pointee.height = Int32(side)
        context.pointee.pix_fmt = AV_PIX_FMT_RGB24
        context.pointee.time_base = AVRational(num: 1, den: 1)
        frame.pointee.width = Int32(side)
        frame.pointee.height = Int32(side)
        frame.pointee.format = AV_PIX_FMT_RGB24.rawValue
        guard avcodec_open2(context, codec, nil) == 0, av_frame_get_buffer(frame, 0) == 0,
            let pixels = frame.pointee.data.0
        else { return [] }
        paint(pixels, stride: Int(frame.pointee.linesize.0), color, seed)
        guard avcodec_send_frame(context, frame) == 0, avcodec_receive_packet(context, packet) == 0 else { return [] }
        return Array(UnsafeBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size)))
    }

    private static func paint(
        _ pixels: UnsafeMutablePointer<UInt8>, stride: Int, _ color: (red: UInt8, green: UInt8, blue: UInt8),
        _ seed: UInt32
    ) {
        let centre = (x: Int(seed * 37 % 160) + 48, y: Int(seed * 53 % 160) + 48)
        for y in 0..<side {
            for x in 0..<side {
                let dx = x - centre.x, dy = y - centre.y
                let ring = Int((Double(dx * dx + dy * dy)).squareRoot()) / (10 + Int(seed % 9)) % 3
                let shade = 60 + 70 * ring - y / 6
                for (index, part) in [color.red, color.green, color.blue].enumerated() {
                    pixels[y * stride + 3 * x + index] = UInt8(clamping: Int(part) * shade / 160)
                }
            }
        }
    }
}
