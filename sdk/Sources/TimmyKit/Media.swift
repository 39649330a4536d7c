import Synchronization

/// How the host gets at a track's sound. Prefer an address: then the host does all the work.
public struct Media: Sendable {
    enum Content: Sendable {
        case file(Int32)
        case url(String, [Header])
        case reader(ReaderKind, Handover)
        case pipe(Pipe)
    }

    /// Equal to the ABI's kinds.
    enum ReaderKind: UInt32, Sendable { case bytes = 2, pcm, opus }

    let content: Content
    var type = ""
    var byteLength: Int64?
    var isStarted = false

    private init(_ content: Content) { self.content = content }

    /// An open, read-only descriptor; the host takes it over.
    public static func file(descriptor: Int32) -> Media { Media(.file(descriptor)) }

    /// The host fetches it, under the rules of `Host.http`.
    public static func url(_ url: String, headers: [Header] = []) -> Media { Media(.url(url, headers)) }

    /// A container that the plugin reads.
    ///
    /// - Parameters:
    ///   - type: MIME, a hint.
    ///   - length: in bytes, where it is known.
    public static func bytes(_ reader: sending some Reader, type: String = "", length: Int64? = nil) -> Media {
        var media = Media(.reader(.bytes, Handover(reader)))
        media.type = type
        media.byteLength = length
        return media
    }

    /// Samples that the plugin makes, at 48 kHz in stereo.
    public static func pcm(_ source: sending some PCMSource) -> Media {
        Media(.reader(.pcm, Handover(PCMReader(source: source))))
    }

    /// Ready Opus packets of 20 ms.
    public static func opus(_ source: sending some OpusSource) -> Media {
        Media(.reader(.opus, Handover(OpusReader(source: source))))
    }

    /// Sound that arrives by itself.
    public static func pipe(_ pipe: Pipe) -> Media { Media(.pipe(pipe)) }

    /// The body of a streamed answer, as it comes in.
    public static func stream(_ stream: HTTPStream) -> Media {
        bytes(
            StreamReader(stream: stream), type: stream.head.header("content-type") ?? "",
            length: stream.head.header("content-length").flatMap { Int64($0) })
    }

    /// The same, said to begin at the `startMilliseconds` that `open` was called with, not at the start of the track.
    public func started() -> Media {
        var copy = self
        copy.isStarted = true
        return copy
    }
}

/// A reader on its way from the author's code to the host.
///
/// `@unchecked Sendable`: the reader was given up by its maker (`sending`), lies here untouched, and is taken once.
final class Handover: @unchecked Sendable {
    private let reader: Mutex<ReaderBox?>

    init(_ reader: sending some Reader) { self.reader = Mutex(ReaderBox(reader)) }

    func take() -> ReaderBox? {
        reader.withLock { reader in
            defer { reader = nil }
            return reader
        }
    }

    /// One that never reached the host is closed all the same.
    deinit { take()?.close() }
}
