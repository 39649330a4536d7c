import Foundation
import Glibc
import MediaWire
import Synchronization
import TestSupport

@testable import Media

/// Sound from the test's memory, as a plugin or a web server would give it.
///
/// `@unchecked Sendable`: everything mutable is touched under `condition`.
final class TestFeed: MediaFeed, @unchecked Sendable {
    enum Content {
        case bytes([UInt8])
        case packets([[UInt8]])

        var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .packets(let packets): packets.count
            }
        }
    }

    let format: MediaFormat
    let canSeek: Bool
    let mayFallSilent: Bool
    let length: Int64?
    /// Bytes of one read at most.
    let piece: Int
    private let content: Content
    private let ignoresInterrupt: Bool
    private let condition = NSCondition()
    private var allowed: Int
    private var position = 0
    private var isInterrupted = false
    private var isReleased = false
    private var error: MediaError?
    private var waiting = 0
    private(set) var closes = 0
    private(set) var interrupts = 0
    private(set) var seeks: [UInt64] = []

    /// - Parameter allowed: bytes or packets that are there to begin with; all where nil.
    init(
        _ content: Content, _ format: MediaFormat = .container, canSeek: Bool = false, mayFallSilent: Bool = false,
        piece: Int = 64 << 10, allowed: Int? = nil, ignoresInterrupt: Bool = false
    ) {
        self.content = content
        self.format = format
        self.canSeek = canSeek
        self.mayFallSilent = mayFallSilent
        self.piece = piece
        self.allowed = allowed ?? .max
        self.ignoresInterrupt = ignoresInterrupt
        length = canSeek && format != .opusPackets ? Int64(content.count) : nil
    }

    /// Lets `count` more through.
    func allow(_ count: Int) {
        condition.withLock {
            allowed = min(content.count, allowed) + count
            condition.broadcast()
        }
    }

    func breakOff(_ error: MediaError) {
        condition.withLock {
            self.error = error
            condition.broadcast()
        }
    }

    /// Ends a read that does not heed `interrupt`.
    func release() {
        condition.withLock {
            isReleased = true
            condition.broadcast()
        }
    }

    var isClosed: Bool { condition.withLock { closes > 0 } }
    var served: Int { condition.withLock { position } }
    /// Whether somebody waits in `read`.
    var isReading: Bool { condition.withLock { waiting > 0 } }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(MediaError) -> Int {
        condition.lock()
        defer { condition.unlock() }
        waiting += 1
        defer { waiting -= 1 }
        while position >= allowed, position < content.count, error == nil, !isReleased,
            ignoresInterrupt || !isInterrupted
        { condition.wait() }
        if let error { throw error }
        if isInterrupted { throw MediaError(.unreadable, "interrupted") }
        guard position < content.count else { return 0 }
        switch content {
        case .bytes(let bytes):
            let size = min(piece, buffer.count, min(allowed, bytes.count) - position)
            buffer.copyBytes(from: bytes[position..<position + size])
            position += size
            return size
        case .packets(let packets):
            buffer.copyBytes(from: packets[position])
            position += 1
            return packets[position - 1].count
        }
    }

    func seek(to offset: UInt64) throws(MediaError) {
        condition.withLock {
            seeks.append(offset)
            position = Int(clamping: offset)
        }
    }

    func interrupt() {
        condition.withLock {
            interrupts += 1
            isInterrupted = true
            condition.broadcast()
        }
    }

    func close() { condition.withLock { closes += 1 } }
}

/// A song's bytes.
func songBytes(_ name: String) async throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: try await Songs.shared.path(name))))
}

/// A song as it was composed: little-endian samples, left and right in turn.
func songPCM(_ name: String) throws -> [UInt8] {
    let path = NSTemporaryDirectory() + "timmybot-\(UUID().uuidString).pcm"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try run("timmybot-songs", ["--pcm", name, path])
    return try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
}

/// The packets of an Opus file.
func songPackets(_ engine: MediaEngine, _ name: String, _ count: Int) async throws -> [[UInt8]] {
    let puller = try await play(engine, try await Songs.shared.path(name))
    defer { Task { [stream = puller.stream] in await stream.close() } }
    return try await puller.pull(count).map(\.bytes)
}

/// Opens a feed, for a listener who takes packets as fast as they come.
func play(
    _ engine: MediaEngine, _ feed: TestFeed, origin: UInt64 = 0, _ adjust: (inout StreamOptions) -> Void = { _ in }
) async throws -> Puller {
    var options = StreamOptions()
    adjust(&options)
    return Puller(try await engine.open(.feed(feed, origin: origin), options: options))
}

/// What a stream failed with; nil where it was produced.
func ending(_ stream: MediaStream) async -> MediaError? {
    for await event in stream.events {
        switch event {
        case .failed(let error): return error
        case .produced: return nil
        case .ringReplaced: continue
        }
    }
    return nil
}

/// Polls for what another thread or process does.
func eventually(within limit: Duration = .seconds(60), _ condition: () async -> Bool) async -> Bool {
    await poll(within: limit, condition)
}
