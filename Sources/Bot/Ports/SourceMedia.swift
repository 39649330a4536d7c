import AudioRing
import Media
import MediaWire
import PluginHost
import TimmyCore

/// What a source gave, as the media engine takes it.
struct SourceMedia: TimmyCore.Media {
    let input: MediaInput

    /// Connects where it is an address.
    init(_ media: PluginMedia, startAt: Duration, isLive: Bool) async throws(PluginFailure) {
        let latest = Int64(AudioRing.maximumPosition / 48)
        let start = UInt64(min(max(0, startAt.milliseconds), latest)) * 48
        switch media {
        case .file(let descriptor): input = .file(MediaFile(descriptor: descriptor))
        case .remainder(let descriptor): input = .file(MediaFile(descriptor: descriptor), origin: start)
        case .address(let address):
            let feed = try await HTTPFeed.connect(address, isLive: isLive)
            input = .feed(feed, origin: address.beginsAtStart || feed.isLive ? start : 0)
        case .sound(let sound):
            input = .feed(PluginFeed(sound), origin: sound.beginsAtStart ? start : 0)
        }
    }
}

/// A plugin's reader or pipe as the media engine reads it.
final class PluginFeed: MediaFeed {
    private let sound: any PluginSound

    init(_ sound: any PluginSound) { self.sound = sound }

    var format: MediaFormat {
        switch sound.kind {
        case .container: .container
        case .pcm: .pcm
        case .opusPackets: .opusPackets
        }
    }
    var canSeek: Bool { sound.canSeek }
    var length: Int64? { sound.byteLength }
    var mayFallSilent: Bool { sound.arrives }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(MediaError) -> Int {
        do throws(PluginFailure) { return try sound.read(into: buffer) } catch { throw MediaError(error) }
    }

    func seek(to offset: UInt64) throws(MediaError) {
        do throws(PluginFailure) { try sound.seek(to: offset) } catch { throw MediaError(error) }
    }

    func interrupt() { sound.interrupt() }
    func close() { sound.close() }
}

extension MediaError {
    init(_ failure: PluginFailure) {
        self.init(
            .unreadable, failure.detail, user: failure.userText.isEmpty ? nil : failure.userText,
            retryAfter: failure.retry)
    }
}
