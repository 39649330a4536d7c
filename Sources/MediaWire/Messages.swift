/// Messages between the host and a media worker, one JSON object per SOCK_SEQPACKET datagram.
///
/// Descriptors travel beside the JSON: `open` carries input and ring; `probe` carries input and a memfd of
/// `MediaWire.artworkCapacity` bytes that the worker fills with the embedded artwork.
public enum MediaWire {
    /// Bytes of one message.
    public static let maximumMessage = 32 << 10
    /// Bytes of embedded artwork that are kept.
    public static let artworkCapacity = 4 << 20
    /// Characters of one tag.
    public static let tagLength = 300
    /// Bytes of data that a worker may have, heap and all.
    public static let workerMemory = 1 << 30
}

/// How a stream is to sound.
public struct StreamOptions: Codable, Sendable, Equatable {
    /// Where to start, in 48 kHz samples.
    public var start: UInt64 = 0
    /// 1 is unchanged; 0 to 2.
    public var volume = 1.0
    /// Name of a filter, empty for none.
    public var filter = ""
    /// Bits per second where the stream is encoded.
    public var bitrate = 128_000

    public init() {}

    /// Whether Opus can go through untouched.
    public var isPlain: Bool { volume == 1 && filter.isEmpty }
}

/// Filters by name, as libavfilter writes them.
public enum AudioFilter: String, CaseIterable, Sendable {
    case bassboost
    case soft
    case night

    public var graph: String {
        switch self {
        case .bassboost: "bass=g=7:f=110:w=0.6"
        case .soft: "treble=g=-5:f=6000,bass=g=2"
        case .night: "acompressor=threshold=0.1:ratio=4:attack=20:release=250:makeup=2"
        }
    }
}

/// What the host asks for.
public enum WorkerRequest: Codable, Sendable, Equatable {
    case open(id: UInt32, options: StreamOptions, input: MediaInputOptions = MediaInputOptions())
    case change(id: UInt32, volume: Double, filter: String)
    case close(id: UInt32)
    case probe(id: UInt32)
    case ping(number: UInt32)
}

/// What a file is.
public struct MediaInfo: Codable, Sendable, Equatable {
    public var container = ""
    public var codec = ""
    /// Milliseconds; 0 where it is not known.
    public var duration: UInt64 = 0
    public var channels = 0
    public var sampleRate = 0
    public var title = ""
    public var artist = ""
    public var album = ""
    /// Bytes of artwork in the memfd, and their type.
    public var artworkSize = 0
    public var artworkType = ""

    public init() {}
}

/// Why a stream or a probe came to nothing.
public enum MediaFailure: String, Codable, Sendable {
    case unreadable
    case noAudio
    case unsupported
    case damaged
    case tooExpensive
    case internalError
}

/// What the worker answers.
public enum WorkerReply: Codable, Sendable, Equatable {
    case ready
    case opened(id: UInt32, info: MediaInfo, passthrough: Bool)
    case ended(id: UInt32)
    case failed(id: UInt32, failure: MediaFailure, detail: String)
    case probed(id: UInt32, info: MediaInfo)
    /// The threads that have been at one thing for long.
    case pong(number: UInt32, lanes: [LaneReport])
}

/// A thread of the worker that has been at the stream or probe `id` for `wall` milliseconds, of which it computed for
/// `cpu` milliseconds; what is missing it waited for input or for a processor.
public struct LaneReport: Codable, Sendable, Equatable {
    public var id: UInt32
    public var cpu: Int
    public var wall: Int

    public init(id: UInt32, cpu: Int, wall: Int) {
        self.id = id
        self.cpu = cpu
        self.wall = wall
    }
}
