import AudioRing
import Foundation
import Media
import MediaWire
import Synchronization
import TimmyCore

/// One opened track between media worker and voice.
final class TrackStream: RingStream, Sendable {
    let events: AsyncStream<AudioStreamEvent>
    private let sink: AsyncStream<AudioStreamEvent>.Continuation
    private let stream: MediaStream
    private let settings: Mutex<(volume: Int, filter: TimmyCore.AudioFilter)>
    private let onNewRing = Mutex<(@Sendable () -> Void)?>(nil)
    private let watcher = Mutex<Task<Void, Never>?>(nil)

    init(_ stream: MediaStream, options: AudioOptions) {
        self.stream = stream
        settings = Mutex((options.volume, options.filter))
        (events, sink) = AsyncStream.makeStream(of: AudioStreamEvent.self, bufferingPolicy: .bufferingOldest(4))
        let task = Task { [weak self, stream] in
            for await event in stream.events { self?.take(event) }
        }
        watcher.withLock { $0 = task }
    }

    private func take(_ event: MediaStreamEvent) {
        switch event {
        case .ringReplaced: onNewRing.withLock { $0 }?()
        case .produced: break
        case .failed(let error):
            sink.yield(.failed(PlayerError(error)))
            sink.finish()
        }
    }

    var ring: AudioRing { stream.ring }
    var position: Duration { stream.position.samplesAsDuration }

    /// Called whenever the ring changes, until the stream is let go of.
    func follow(_ body: (@Sendable () -> Void)?) { onNewRing.withLock { $0 = body } }

    /// The voice side has sent the last packet.
    func finished() {
        sink.yield(.ended)
        sink.finish()
    }

    func broken(_ reason: String) {
        sink.yield(.failed(PlayerError(.mediaFailed, reason, retry: .after(.zero))))
        sink.finish()
    }

    func setVolume(_ percent: Int) async {
        let filter = settings.withLock { settings in
            settings.volume = percent
            return settings.filter
        }
        await apply(percent, filter)
    }

    func setFilter(_ filter: TimmyCore.AudioFilter) async {
        let volume = settings.withLock { settings in
            settings.filter = filter
            return settings.volume
        }
        await apply(volume, filter)
    }

    private func apply(_ volume: Int, _ filter: TimmyCore.AudioFilter) async {
        await stream.change(volume: Double(volume) / 100, filter: filter == .off ? "" : filter.rawValue)
    }

    func close() async {
        watcher.withLock { $0?.cancel() }
        follow(nil)
        sink.finish()
        await stream.close()
    }
}

extension UInt64 {
    /// 48 kHz samples as time, exact and for every value.
    var samplesAsDuration: Duration {
        let (seconds, rest) = quotientAndRemainder(dividingBy: 48_000)
        // A second has 10^18 attoseconds; 10^18 / 48000 is 62500 * 10^9 / 3.
        return Duration(secondsComponent: Int64(seconds), attosecondsComponent: Int64(rest) * 62_500_000_000_000 / 3)
    }
}

/// The media engine as the core's audio port.
struct EngineAudioPort: AudioPort {
    let engine: MediaEngine

    func open(_ media: any TimmyCore.Media, options: AudioOptions) async throws(PlayerError) -> any AudioStream {
        guard let media = media as? SourceMedia else {
            throw PlayerError(.mediaFailed, "unknown media", user: "This kind of source cannot be played yet.")
        }
        var wanted = StreamOptions()
        let latest = Int64(AudioRing.maximumPosition / 48)
        wanted.start = UInt64(min(max(0, options.startAt.milliseconds), latest)) * 48
        wanted.volume = Double(options.volume) / 100
        wanted.filter = options.filter == .off ? "" : options.filter.rawValue
        do throws(MediaError) {
            return TrackStream(try await engine.open(media.input, options: wanted), options: options)
        } catch {
            throw PlayerError(error)
        }
    }
}
