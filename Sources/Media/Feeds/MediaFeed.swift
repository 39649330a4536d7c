import MediaWire

/// Sound that the host reads for the worker: a plugin's reader, a pipe, a web server. All but `interrupt` is called on one
/// thread that belongs to the feed and may block.
public protocol MediaFeed: AnyObject, Sendable {
    var format: MediaFormat { get }
    var canSeek: Bool { get }
    /// Bytes; nil where it is not known.
    var length: Int64? { get }
    /// Whether nothing may come for as long as it likes, because it watches itself or arrives by itself. Of others the
    /// engine gives up where it would take a file for unreadable (`MediaConfiguration.inputLimit`).
    var mayFallSilent: Bool { get }
    /// Blocks until there is something: bytes into `buffer` (of Opus, one packet), 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(MediaError) -> Int
    /// Bytes from the beginning; of Opus packets, packets.
    func seek(to offset: UInt64) throws(MediaError)
    /// From any thread: a blocked `read` or `seek` returns soon, and later ones at once.
    func interrupt()
    /// Once, last; only an `interrupt` may still be on its way, or come, and is to do no harm.
    func close()
}

/// What a stream is made of.
public enum MediaInput: Sendable {
    /// - `origin`: where in the track it begins, in 48 kHz samples.
    case file(MediaFile, origin: UInt64 = 0)
    /// The engine takes it over and closes it in any case.
    case feed(any MediaFeed, origin: UInt64 = 0)
}

/// A stream's input as the engine keeps it.
enum StreamInput {
    case file(MediaFile, origin: UInt64)
    case feed(FeedServer, origin: UInt64)

    init(_ input: MediaInput) {
        switch input {
        case .file(let file, let origin): self = .file(file, origin: origin)
        case .feed(let feed, let origin): self = .feed(FeedServer(feed), origin: origin)
        }
    }

    var server: FeedServer? {
        if case .feed(let server, _) = self { server } else { nil }
    }

    /// What the next worker gets; nil where there is no descriptor to be had.
    /// - Parameter position: where it takes over, in 48 kHz samples; nil for the first one.
    func attach(takingOverAt position: UInt64?) -> (file: MediaFile, options: MediaInputOptions)? {
        var options = MediaInputOptions()
        switch self {
        case .file(let file, let origin):
            options.origin = origin
            return (file, options)
        case .feed(let server, let origin):
            options = server.options
            options.origin = server.options.canSeek ? origin : position ?? origin
            return server.attach().map { ($0, options) }
        }
    }

    func finish() { server?.finish() }
}
