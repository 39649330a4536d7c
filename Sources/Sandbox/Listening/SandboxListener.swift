import COpus
import DAVE
import DiscordModel
import Synchronization

/// A member of a call inside this process that hears and records it: transport, DAVE and Opus undone.
/// May be used from any thread.
public final class SandboxListener: Sendable {
    /// One packet as it arrived.
    public struct Packet: Sendable, Equatable {
        /// Steady seconds, by the sandbox's clock.
        public let arrival: Double
        public let sender: Snowflake
        public let ssrc: UInt32
        public let sequence: UInt16
        /// In samples at 48 kHz.
        public let timestamp: UInt32
        /// Bytes of the Opus frame; 0 where it could not be decrypted.
        public let length: Int
    }

    /// Sums over what was heard from one sender.
    public struct Report: Sendable, Equatable {
        public var packets = 0
        /// Missing sequence numbers.
        public var lost = 0
        /// Packets that came after a later one.
        public var late = 0
        /// Jumps of the timestamp that the sequence does not explain (pauses).
        public var jumps = 0
        public var undecryptable = 0
        /// Undecryptable frames by what the decryptor said.
        public var refusals: [String: Int] = [:]
        /// Frames that were not end-to-end encrypted (silence frames excepted).
        public var clear = 0
        /// Frames of silence, encrypted or not.
        public var silence = 0
        /// Frames that libopus refused.
        public var corrupt = 0
        /// Packets with the transport nonce of an earlier one under the same key, which gives the key stream away.
        public var reusedNonces = 0
        /// Packets with an RTP payload type other than Opus'.
        public var wrongPayloadTypes = 0
    }

    public let user: Snowflake
    public let channel: Snowflake
    private let state: Mutex<ListenerState>
    private let clock: @Sendable () -> Double
    let fanout: OggFanout

    init(
        user: Snowflake, channel: Snowflake, seconds: Int, fanout: OggFanout, clock: @escaping @Sendable () -> Double
    ) {
        self.user = user
        self.channel = channel
        self.clock = clock
        self.fanout = fanout
        state = Mutex(ListenerState(maximumSamples: seconds * 48000))
    }

    func install(_ ratchet: KeyRatchet?, of sender: Snowflake) {
        state.withLock { $0.install(ratchet, of: sender, now: clock()) }
    }

    func hear(_ sender: Snowflake, _ packet: RTPPacket, _ frame: [UInt8], _ arrival: Double) {
        let opus = state.withLock { $0.hear(sender, packet, frame, arrival) }
        if let opus { fanout.push(opus, from: sender, now: arrival) }
    }

    /// What was heard from `sender` since the start or the last `clear()`.
    public func report(of sender: Snowflake) -> Report { state.withLock { $0.senders[sender]?.report ?? Report() } }

    public func packets() -> [Packet] { state.withLock { $0.packets } }

    /// Interleaved stereo at 48 kHz as decoded, lost packets concealed, pauses left out.
    public func pcm(of sender: Snowflake) -> [Int16] { state.withLock { $0.senders[sender]?.pcm ?? [] } }

    /// Forgets what was recorded.
    public func clear() { state.withLock { $0.clear() } }

    /// Frames recorded from `sender`, in units of 20 ms and whatever the sender used.
    public func frames(of sender: Snowflake) -> Int { state.withLock { $0.senders[sender]?.report.packets ?? 0 } }

    /// The recording as a RIFF WAV file.
    public func wav(of sender: Snowflake) -> [UInt8] { WAV.file(pcm(of: sender), channels: 2, sampleRate: 48000) }
}

struct ListenerState: ~Copyable {
    struct Sender {
        var decryptor = FrameDecryptor()
        var report = SandboxListener.Report()
        var decoder: OpusListenerDecoder?
        var pcm: [Int16] = []
        var last: (ssrc: UInt32, sequence: UInt16, timestamp: UInt32)?
    }

    static let silence: [UInt8] = [0xf8, 0xff, 0xfe]
    let maximumSamples: Int
    var senders: [Snowflake: Sender] = [:]
    var packets: [SandboxListener.Packet] = []

    init(maximumSamples: Int) { self.maximumSamples = maximumSamples }

    mutating func install(_ ratchet: KeyRatchet?, of user: Snowflake, now: Double) {
        senders[user, default: Sender()].decryptor.install(ratchet, now: now)
    }

    mutating func clear() {
        packets = []
        for user in senders.keys {
            senders[user]?.report = SandboxListener.Report()
            senders[user]?.pcm = []
            senders[user]?.last = nil
        }
    }

    /// The Opus frame, or nil where it cannot be had.
    mutating func hear(_ user: Snowflake, _ packet: RTPPacket, _ frame: [UInt8], _ arrival: Double) -> [UInt8]? {
        var sender = senders[user] ?? Sender()
        defer { senders[user] = sender }
        sender.report.packets += 1
        if packet.reusesNonce { sender.report.reusedNonces += 1 }
        if packet.payloadType != RTPPacket.opus { sender.report.wrongPayloadTypes += 1 }
        let opened = Self.open(frame, &sender, arrival)
        if packets.count < 200_000 {
            packets.append(
                SandboxListener.Packet(
                    arrival: arrival, sender: user, ssrc: packet.ssrc, sequence: packet.sequence,
                    timestamp: packet.timestamp, length: opened?.count ?? 0))
        }
        let missing = Self.follow(packet, &sender)
        if maximumSamples > 0, let missing { record(opened, missing: missing, &sender) }
        return opened
    }

    private static func open(_ frame: [UInt8], _ sender: inout Sender, _ now: Double) -> [UInt8]? {
        do {
            let opened = try sender.decryptor.decrypt(frame, now: now)
            if opened == silence { sender.report.silence += 1 }
            if opened == frame, frame != silence { sender.report.clear += 1 }
            return opened
        } catch {
            sender.report.undecryptable += 1
            sender.report.refusals["\(error)", default: 0] += 1
            return nil
        }
    }

    /// Packets missing before this one; nil where it is late.
    private static func follow(_ packet: RTPPacket, _ sender: inout Sender) -> Int? {
        guard let last = sender.last, last.ssrc == packet.ssrc else {
            // Another SSRC is another voice session, whose numbers have nothing to do with the ones before.
            sender.last = (packet.ssrc, packet.sequence, packet.timestamp)
            return 0
        }
        let step = Int(Int16(bitPattern: packet.sequence &- last.sequence))
        guard step > 0 else {
            sender.report.late += 1
            return nil
        }
        sender.report.lost += step - 1
        if packet.timestamp &- last.timestamp != UInt32(step) * 960 { sender.report.jumps += 1 }
        sender.last = (packet.ssrc, packet.sequence, packet.timestamp)
        return step - 1
    }

    private func record(_ frame: [UInt8]?, missing: Int, _ sender: inout Sender) {
        if sender.decoder == nil { sender.decoder = OpusListenerDecoder() }
        guard let decoder = sender.decoder, sender.pcm.count < maximumSamples * 2 else { return }
        for _ in 0..<min(missing, 50) { sender.pcm += decoder.decode(nil) ?? [] }
        guard let samples = decoder.decode(frame) else {
            sender.report.corrupt += 1
            return
        }
        sender.pcm += samples
    }
}

/// libopus' decoder at 48 kHz stereo.
///
/// `@unchecked Sendable`: owned by one sender's state, which is behind the listener's lock.
final class OpusListenerDecoder: @unchecked Sendable {
    private let decoder: OpaquePointer
    private var samples = [Int16](repeating: 0, count: 5760 * 2)

    /// Nil where libopus has no memory.
    init?() {
        guard let decoder = opus_decoder_create(48000, 2, nil) else { return nil }
        self.decoder = decoder
    }

    deinit { opus_decoder_destroy(decoder) }

    /// Interleaved samples of a frame; nil conceals 20 ms of a lost one.
    func decode(_ frame: [UInt8]?) -> [Int16]? {
        let count =
            if let frame {
                opus_decode(decoder, frame, opus_int32(frame.count), &samples, 5760, 0)
            } else {
                opus_decode(decoder, nil, 0, &samples, 960, 0)
            }
        return count > 0 ? Array(samples.prefix(Int(count) * 2)) : nil
    }
}
