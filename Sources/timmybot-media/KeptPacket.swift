import CLibAV

/// A packet of the source that may be needed again, and where it belongs.
final class KeptPacket {
    let packet: UnsafeMutablePointer<AVPacket>
    /// Of its first sample, in 48 kHz samples.
    let position: UInt64

    /// Shares the bytes of `original`; nil where memory is short.
    init?(_ original: UnsafeMutablePointer<AVPacket>, position: UInt64) {
        guard let copy = av_packet_clone(original) else { return nil }
        packet = copy
        self.position = position
    }

    deinit {
        var gone: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&gone)
    }
}
