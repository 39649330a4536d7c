import AudioRing
import CLibAV
import CLinux
import MediaWire

/// One track on its way into a ring. Used by one thread at a time, but for `needsFilling`.
final class Stream {
    /// Packets in the ring that are aimed at: 240 ms, so that a change of volume or filter is heard within 300 ms.
    static let target = 12
    /// How far a packet's time may be from where the track is, in samples: six hours. Beyond, it is not believed, and the
    /// packet follows the one before.
    private static let farthestJump: Int64 = 6 * 3_600 * 48_000

    let id: UInt32
    private let ring: AudioRing
    private let demuxer: Demuxer
    private var options: StreamOptions
    private var transcoder: Transcoder?
    private var atEnd = false
    private var nextPosition: UInt64
    /// The last packets that went through, to prime a decoder that takes over in mid-track.
    private var recent: [UnsafeMutablePointer<AVPacket>] = []
    private(set) var isOver = false

    /// Takes over `descriptor`.
    init(id: UInt32, descriptor: Int32, ring: AudioRing, options: StreamOptions) throws(WorkerError) {
        self.id = id
        self.ring = ring
        self.options = options
        demuxer = try Demuxer(descriptor: descriptor)
        nextPosition = min(options.start, AudioRing.maximumPosition) / 960 * 960
        if options.start > 0, !demuxer.seek(to: options.start) {
            throw WorkerError(.unsupported, "this input cannot seek")
        }
        let codec = demuxer.parameters.pointee
        let untouched = codec.codec_id == AV_CODEC_ID_OPUS && codec.ch_layout.nb_channels <= 2 && options.isPlain
        if !untouched { try startTranscoding(at: options.start) }
    }

    deinit { forgetRecent() }

    var info: MediaInfo { demuxer.info }
    var isPassthrough: Bool { transcoder == nil }

    func change(volume: Double, filter: String) throws(WorkerError) {
        options.volume = volume
        options.filter = filter
        if let transcoder { return transcoder.change(volume: volume, filter: filter) }
        guard !options.isPlain else { return }
        try startTranscoding(at: nextPosition)
        for packet in recent { try push(packet) }
        forgetRecent()
    }

    private func startTranscoding(at start: UInt64) throws(WorkerError) {
        transcoder = try Transcoder(
            demuxer.parameters, timeBase: demuxer.stream.pointee.time_base, options: options, start: start)
    }

    /// From any thread.
    var needsFilling: Bool { ring.count < Self.target }

    /// Tops up the ring. Returns whether the stream goes on.
    func fill() throws(WorkerError) -> Bool {
        // Bounded: a listener who takes packets as fast as they come must not make this look like a hang.
        for _ in 0..<Self.target where ring.count < Self.target && !isOver {
            if let transcoder {
                try transcode(transcoder)
            } else {
                try passThrough()
            }
        }
        return !isOver
    }

    private func finish() {
        isOver = true
        ring.finish(.ended)
    }

    private func passThrough() throws(WorkerError) {
        guard let packet = try demuxer.next() else { return finish() }
        let bytes = UnsafeRawBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size))
        guard Self.isTwentyMilliseconds(bytes) else {
            // Another framing: from here on it is decoded and cut anew.
            try startTranscoding(at: nextPosition)
            return try push(packet)
        }
        let position = believable(packet.pointee.pts)
        remember(packet)
        if position + 960 <= options.start { return }
        guard ring.push(bytes, position: position) else { throw WorkerError(.damaged, "packet does not fit") }
        nextPosition = position + 960
    }

    private func believable(_ pts: Int64) -> UInt64 {
        guard let position = demuxer.position(pts), abs(position - Int64(nextPosition)) <= Self.farthestJump else {
            return nextPosition
        }
        return UInt64(max(0, position))
    }

    /// RFC 6716, section 3.1: one frame (code 0) of 20 ms.
    static func isTwentyMilliseconds(_ packet: UnsafeRawBufferPointer) -> Bool {
        guard let toc = packet.first, toc & 3 == 0, packet.count <= AudioRing.maximumPacketSize else { return false }
        let configuration = toc >> 3
        switch configuration {
        case 0..<12: return configuration % 4 == 1
        case 12..<16: return configuration % 2 == 1
        default: return configuration % 4 == 3
        }
    }

    private func remember(_ packet: UnsafeMutablePointer<AVPacket>) {
        guard let copy = av_packet_clone(packet) else { return }
        recent.append(copy)
        if recent.count > 5 {
            var gone: UnsafeMutablePointer<AVPacket>? = recent.removeFirst()
            av_packet_free(&gone)
        }
    }

    private func forgetRecent() {
        for packet in recent {
            var gone: UnsafeMutablePointer<AVPacket>? = packet
            av_packet_free(&gone)
        }
        recent = []
    }

    private func transcode(_ transcoder: Transcoder) throws(WorkerError) {
        while !transcoder.hasFrame, !atEnd {
            if tb_cpu_budget_spent() { throw .tooExpensive }
            try push(try demuxer.next())
        }
        let pushed = try transcoder.nextPacket(atEnd: atEnd) { bytes, position in
            self.nextPosition = position + 960
            return self.ring.push(bytes, position: position)
        }
        if !pushed, atEnd { finish() }
    }

    private func push(_ packet: UnsafeMutablePointer<AVPacket>?) throws(WorkerError) {
        if packet == nil { atEnd = true }
        try transcoder?.push(packet) { demuxer.position($0) }
    }

    func fail() { ring.finish(.failed) }
}
