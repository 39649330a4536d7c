import CTimmyBot

/// How a source gives a track's sound.
public enum PluginMedia: Sendable {
    /// An open descriptor that the receiver now owns.
    case file(descriptor: Int32)
    /// The same, of what begins where the track was to begin, and not at the track's start.
    case remainder(descriptor: Int32)
    /// Something that the host fetches.
    case address(PluginAddress)
    /// Something that the plugin reads or pushes.
    case sound(any PluginSound)
}

/// An address with sound behind it, and the way there.
public struct PluginAddress: Sendable {
    public let url: String
    public let headers: [HTTPHeader]
    /// What the plugin says that it is; empty where it does not say.
    public let mime: String
    /// What it yields begins where the track was to begin, and not at the track's start.
    public let beginsAtStart: Bool
    /// On whose behalf it is fetched.
    public let caller: HTTPCaller
    public let http: any HTTPFetching
}

/// What the bytes of a `PluginSound` are.
public enum PluginSoundKind: Sendable, Equatable {
    case container
    /// Little-endian 16-bit stereo samples at 48 kHz.
    case pcm
    /// Opus packets of 20 ms, one a read.
    case opusPackets

    init?(_ kind: UInt32) {
        switch kind {
        case TB_MEDIA_BYTES: self = .container
        case TB_MEDIA_PCM_S16_48K_STEREO: self = .pcm
        case TB_MEDIA_OPUS_PACKETS: self = .opusPackets
        default: return nil
        }
    }
}

/// Sound that a plugin reads or pushes. All but `interrupt` on one thread, which may be held up; whoever lets go of it
/// without having closed it has it closed.
public protocol PluginSound: AnyObject, Sendable {
    var kind: PluginSoundKind { get }
    var canSeek: Bool { get }
    /// Bytes; nil where it is not known.
    var byteLength: Int64? { get }
    var beginsAtStart: Bool { get }
    /// Whether it arrives by itself, so that silence is no fault.
    var arrives: Bool { get }
    /// Blocks until there is something: bytes or one packet into `buffer`, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(PluginFailure) -> Int
    /// Bytes from the beginning; of packets, packets.
    func seek(to offset: UInt64) throws(PluginFailure)
    /// From any thread: a blocked `read` returns soon, and later ones at once.
    func interrupt()
    /// Harmless when repeated. Waits for an `interrupt` that is on its way.
    func close()
}
