import CLibAV

extension AVCodecParameters {
    /// Whether the packets are what a listener's decoder expects: one Opus stream of at most two channels. Packets of several
    /// streams, even of two channels, are another format (RFC 7845, section 5.1.1); libavformat gives the header of every
    /// container as Ogg has it.
    var isPlainOpus: Bool {
        guard codec_id == AV_CODEC_ID_OPUS, ch_layout.nb_channels <= 2 else { return false }
        let head = UnsafeBufferPointer(start: extradata, count: Int(max(0, extradata_size)))
        // No header, or a short one, says nothing of other mappings.
        guard head.count > OpusHead.streamCount, head.starts(with: "OpusHead".utf8) else { return true }
        return head[OpusHead.mappingFamily] == 0 || head[OpusHead.streamCount] == 1
    }
}

/// Places in an identification header (RFC 7845, section 5.1).
private enum OpusHead {
    static let mappingFamily = 18
    static let streamCount = 19
}
