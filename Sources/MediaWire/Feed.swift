/// How a worker gets at sound that no descriptor holds: over a SOCK_SEQPACKET socket it asks, and the host reads a plugin's
/// reader or a web server for it. Each request gets one reply, in order. All numbers are little-endian; offsets count bytes,
/// and packets where the input consists of packets.
public enum FeedWire {
    /// Bytes of one reply's payload at most.
    public static let chunk = 64 << 10
    /// Offset of a request that goes on where the last one ended.
    public static let onwards = UInt64.max
    /// Bytes of a request: the offset, and up to where the worker has used what it got, both `UInt64`.
    public static let requestSize = 16
    /// Bytes before a reply's payload: the payload's size, 0 at the end or below 0 for an error, as an `Int64`.
    public static let replyHeader = 8
    /// Status of a reply to a request for an offset that cannot be reached.
    public static let cannotSeek: Int64 = -1
    /// Status of a reply where reading failed.
    public static let failed: Int64 = -2
}

/// What the input of a stream is.
public enum MediaFormat: String, Codable, Sendable, Equatable {
    /// A container that libavformat knows.
    case container
    /// Little-endian 16-bit stereo samples at 48 kHz.
    case pcm
    /// Opus packets, one a reply.
    case opusPackets
}

/// How the worker reads a stream's input.
public struct MediaInputOptions: Codable, Sendable, Equatable {
    public var format = MediaFormat.container
    /// Whether the descriptor is a socket of `FeedWire` instead of a file or a pipe.
    public var isFeed = false
    /// Of a feed.
    public var canSeek = false
    /// Of a feed, in bytes; -1 where it is not known.
    public var length: Int64 = -1
    /// Where in the track the input begins, in 48 kHz samples.
    public var origin: UInt64 = 0

    public init() {}
}
