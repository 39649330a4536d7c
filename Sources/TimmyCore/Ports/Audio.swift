/// What a source hands to the audio side: a URL with headers, a reader, packets. Opaque to the core.
public protocol Media: Sendable {}

public struct AudioOptions: Hashable, Sendable {
    /// Where in the track the first packet is to be. The media may already start there: both sides know how.
    public var startAt: Duration
    /// Percent, 0...200.
    public var volume: Int
    public var filter: AudioFilter

    public init(startAt: Duration = .zero, volume: Int = 100, filter: AudioFilter = .off) {
        self.startAt = startAt
        self.volume = volume
        self.filter = filter
    }
}

/// Turns media into something a voice port can send.
public protocol AudioPort: Sendable {
    /// Returns once the first packet is ready to be sent.
    func open(_ media: any Media, options: AudioOptions) async throws(PlayerError) -> any AudioStream
}

public enum AudioStreamEvent: Sendable {
    /// The last packet was handed to the voice port.
    case ended
    case failed(PlayerError)
}

/// One opened track. Nothing is read ahead without bound: it is pulled by the voice port.
public protocol AudioStream: AnyObject, Sendable {
    /// Where in the track the listener is, counted from the track's beginning (so it starts at `startAt`). Any thread.
    var position: Duration { get }
    /// Percent, 0...200.
    func setVolume(_ percent: Int) async
    func setFilter(_ filter: AudioFilter) async
    /// Gives everything back. Called exactly once, after the voice port was told to let go.
    func close() async
    /// At most one event, then it finishes. The session reads it exactly once.
    var events: AsyncStream<AudioStreamEvent> { get }
}
