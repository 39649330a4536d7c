import AudioRing
import MediaWire
import Synchronization

/// One track being produced. The ring of the moment is what the voice pump reads.
public final class MediaStream: Sendable {
    let id: UInt32
    private let engine: MediaEngine
    private let state: Mutex<State>
    /// Read by one consumer.
    public let events: AsyncStream<MediaStreamEvent>
    let sink: AsyncStream<MediaStreamEvent>.Continuation

    struct State: Sendable {
        var ring: AudioRing
        var options: StreamOptions
        var info = MediaInfo()
        var passthrough = false
        /// Position to report while a new ring has not played yet.
        var base: UInt64
    }

    init(id: UInt32, engine: MediaEngine, ring: AudioRing, options: StreamOptions) {
        self.id = id
        self.engine = engine
        state = Mutex(State(ring: ring, options: options, base: options.start))
        (events, sink) = AsyncStream.makeStream(of: MediaStreamEvent.self, bufferingPolicy: .bufferingNewest(32))
    }

    deinit { engine.forget(id) }

    public var ring: AudioRing { state.withLock { $0.ring } }
    public var info: MediaInfo { state.withLock { $0.info } }
    /// Whether Opus goes through untouched.
    public var isPassthrough: Bool { state.withLock { $0.passthrough } }
    var options: StreamOptions { state.withLock { $0.options } }

    /// Where the listeners are, in 48 kHz samples from the start of the track; at most
    /// `AudioRing.maximumPosition`, whatever the worker says.
    public var position: UInt64 {
        state.withLock { min(max($0.base, $0.ring.playedPosition), AudioRing.maximumPosition) }
    }

    /// Heard within 300 ms. 1 is unchanged volume; `filter` is a name of `AudioFilter`, empty for none.
    public func change(volume: Double, filter: String) async {
        state.withLock {
            $0.options.volume = volume
            $0.options.filter = filter
        }
        await engine.change(id, volume: volume, filter: filter)
    }

    /// Stops producing.
    public func close() async {
        await engine.close(id)
        sink.finish()
    }

    func opened(_ info: MediaInfo, passthrough: Bool) {
        state.withLock {
            $0.info = info
            $0.passthrough = passthrough
        }
    }

    /// A fresh ring that goes on where the last one stopped, and the options for it.
    func replaceRing(_ ring: AudioRing) -> StreamOptions {
        let options = state.withLock { state in
            state.base = min(max(state.base, state.ring.playedPosition), AudioRing.maximumPosition)
            state.options.start = state.base
            state.ring = ring
            return state.options
        }
        sink.yield(.ringReplaced)
        return options
    }
}
