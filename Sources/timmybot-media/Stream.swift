import AudioRing
import CLibAV
import CLinux
import MediaWire
import Synchronization

/// One track on its way into a ring. Used by one thread at a time, but for `needsFilling`.
final class Stream {
    /// Packets in the ring that are aimed at: 240 ms, so that a change of volume or filter is heard within 300 ms.
    static let target = 12
    /// The same of what goes through untouched, so that no stall of this process is heard: a change takes the rest back. Not
    /// where the input cannot seek: what a lost worker leaves in its ring is lost then.
    static let deepTarget = 28
    /// How far a packet's time may be from where the track is, in samples: six hours. Beyond, it is not believed, and the
    /// packet follows the one before.
    private static let farthestJump: Int64 = 6 * 3_600 * 48_000

    let id: UInt32
    private let ring: AudioRing
    private let source: any PacketSource
    /// Where in the track the input begins; nil where that is seen at the first packet, which then is at `options.start`.
    private var origin: Int64?
    private var options: StreamOptions
    private var transcoder: Transcoder?
    private var atEnd = false
    private var nextPosition: UInt64
    /// Whether the source is Opus that can go through as it is.
    private var mayBeUntouched: Bool
    /// Of such a source: the last packets that were given out, and those that the transcoder has read ahead.
    private var kept: [KeptPacket] = []
    /// Read already, and to go through before the demuxer is asked.
    private var replay: [KeptPacket] = []
    private(set) var isOver = false
    private var hasPushed = false
    /// Whether the host knows that it is open.
    var isAnnounced = false
    /// Whether the input is still read on to the start.
    private var isSkipping = false
    /// What the ring is filled to. Written by the thread that fills.
    private let aim = Atomic(Stream.target)

    /// Samples before the start from which on packets are decoded: decoders need some to converge.
    private static let roll: Int64 = 3_840

    init(
        id: UInt32, source: any PacketSource, ring: AudioRing, options: StreamOptions, input: MediaInputOptions
    ) throws(WorkerError) {
        self.id = id
        self.ring = ring
        self.options = options
        self.source = source
        let start = min(options.start, AudioRing.maximumPosition)
        nextPosition = start / 960 * 960
        origin = Int64(min(input.origin, start))
        if start > input.origin, !source.seek(to: start - input.origin) {
            guard !source.canSeek else { throw WorkerError(.unreadable, "there is nothing at this place") }
            isSkipping = true
        }
        // What begins anywhere (live) says times that mean nothing here.
        if input.isFeed, !source.canSeek, start <= input.origin { origin = nil }
        mayBeUntouched = source.parameters.pointee.isPlainOpus
        if !mayBeUntouched || !options.isPlain { try startTranscoding(at: options.start) }
    }

    var info: MediaInfo { source.info }
    var isPassthrough: Bool { transcoder == nil }

    /// Heard within what already waits in the ring.
    func change(volume: Double, filter: String) throws(WorkerError) {
        options.volume = volume
        options.filter = filter
        if let transcoder { return transcoder.change(volume: volume, filter: filter) }
        if !options.isPlain { try leaveUntouched() }
    }

    private func startTranscoding(at start: UInt64, isPrimed: Bool = false) throws(WorkerError) {
        transcoder = try Transcoder(
            source.parameters, timeBase: source.timeBase, options: options, start: start, isPrimed: isPrimed)
    }

    /// Position in the track of a packet's or a frame's time.
    private func position(_ pts: Int64) -> Int64? {
        guard let own = source.position(pts) else { return nil }
        if origin == nil { origin = Int64(options.start) - own }
        let (sum, overflow) = own.addingReportingOverflow(origin ?? 0)
        return overflow ? nil : sum
    }

    /// In mid-track: the last packets prime decoder and encoder, so that the change itself is not heard.
    private func leaveUntouched() throws(WorkerError) {
        let taken = takeBack()
        try startTranscoding(at: nextPosition, isPrimed: kept.count - taken >= 4 && nextPosition >= 4 * 960)
        kept += replay
        replay = []
        for one in kept { try transcoder?.push(one.packet) { position($0) } }
    }

    /// What is further away than a change may be, out of the ring again; how many packets that are, the last of `kept`.
    private func takeBack() -> Int {
        guard kept.count >= ring.count else { return 0 }
        let taken = ring.takeBack(allBut: Self.target)
        if taken > 0 { nextPosition = kept[kept.count - taken].position }
        return taken
    }

    /// In mid-track: the packets that the transcoder has read and not yet given out follow as they are.
    private func returnToUntouched(from transcoder: Transcoder) {
        nextPosition = transcoder.position
        replay = kept.filter { $0.position >= nextPosition }
        kept.removeAll { $0.position >= nextPosition }
        self.transcoder = nil
    }

    /// From any thread.
    var needsFilling: Bool { ring.count < aim.load(ordering: .relaxed) }

    private var depth: Int { transcoder == nil && source.canSeek ? Self.deepTarget : Self.target }

    /// Whether somebody could hear something, or all is over.
    var hasOutput: Bool { isOver || hasPushed }

    /// Whether there is something to top the ring up with.
    private var hasInput: Bool {
        atEnd || !replay.isEmpty || transcoder?.hasFrame == true || source.hasInput
    }

    /// Tops up the ring, as far as there is input. Returns whether the stream goes on.
    func fill() throws(WorkerError) -> Bool {
        if try !skipAhead() { return true }
        // Bounded: a listener who takes packets as fast as they come must not make this look like a hang.
        for _ in 0..<Self.deepTarget where ring.count < depth && !isOver && hasInput {
            if let transcoder {
                try transcode(transcoder)
            } else {
                try passThrough()
            }
        }
        aim.store(depth, ordering: .relaxed)
        return !isOver
    }

    /// Reads on to shortly before the start where the input cannot go there. False where that has to wait for input.
    private func skipAhead() throws(WorkerError) -> Bool {
        while isSkipping {
            guard source.hasInput else { return false }
            if tb_cpu_budget_spent() { throw .tooExpensive }
            let packet = try source.next()
            if let packet, let position = position(packet.pointee.pts) {
                let length = max(0, av_rescale_q(packet.pointee.duration, source.timeBase, Demuxer.rate))
                if position + min(length, Self.farthestJump) + Self.roll < Int64(nextPosition) { continue }
            }
            isSkipping = false
            if let packet, transcoder == nil {
                try pass(packet, at: believable(packet.pointee.pts))
            } else {
                try push(packet)
            }
        }
        return true
    }

    private func finish() {
        isOver = true
        ring.finish(.ended)
    }

    private func passThrough() throws(WorkerError) {
        if !replay.isEmpty {
            let next = replay.removeFirst()
            return try pass(next.packet, at: next.position)
        }
        guard let packet = try source.next() else { return finish() }
        try pass(packet, at: believable(packet.pointee.pts))
    }

    private func pass(_ packet: UnsafeMutablePointer<AVPacket>, at position: UInt64) throws(WorkerError) {
        let bytes = UnsafeRawBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size))
        guard Self.isTwentyMilliseconds(bytes) else {
            // Another framing: from here on it is decoded and cut anew.
            mayBeUntouched = false
            try startTranscoding(at: nextPosition)
            try push(packet)
            for one in replay { try push(one.packet) }
            (kept, replay) = ([], [])
            return
        }
        keep(packet, at: position)
        if position + 960 <= options.start { return }
        guard ring.push(bytes, position: position) else { throw WorkerError(.damaged, "packet does not fit") }
        hasPushed = true
        nextPosition = position + 960
    }

    private func believable(_ pts: Int64) -> UInt64 {
        guard let position = position(pts), abs(position - Int64(nextPosition)) <= Self.farthestJump else {
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

    /// Five packets that were given out are enough to prime with, and those in the ring may be taken back; the cap is for times
    /// that do not advance.
    private func keep(_ packet: UnsafeMutablePointer<AVPacket>, at position: UInt64) {
        guard let copy = KeptPacket(packet, position: position) else { return }
        kept.append(copy)
        let needed = transcoder == nil ? ring.count + 6 : 5
        while kept.count > 64 || (kept.count > needed && kept[5].position + 960 <= nextPosition) { kept.removeFirst() }
    }

    private func transcode(_ transcoder: Transcoder) throws(WorkerError) {
        if mayBeUntouched, options.isPlain, transcoder.isAtFullVolume {
            returnToUntouched(from: transcoder)
            return try passThrough()
        }
        while !transcoder.hasFrame, !atEnd {
            if tb_cpu_budget_spent() { throw .tooExpensive }
            guard hasInput else { return }
            try push(try source.next())
        }
        let pushed = try transcoder.nextPacket(atEnd: atEnd) { bytes, position in
            // What only primed the encoder.
            if position < self.nextPosition { return true }
            self.nextPosition = position + 960
            self.hasPushed = true
            return self.ring.push(bytes, position: position)
        }
        if !pushed, atEnd { finish() }
    }

    private func push(_ packet: UnsafeMutablePointer<AVPacket>?) throws(WorkerError) {
        if packet == nil { atEnd = true }
        if mayBeUntouched, let packet { keep(packet, at: believable(packet.pointee.pts)) }
        try transcoder?.push(packet) { position($0) }
    }

    func fail() { ring.finish(.failed) }
}
