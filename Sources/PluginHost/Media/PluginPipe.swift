import CTimmyBot
import Foundation
import Synchronization

/// Bytes or packets on their way from a plugin that pushes to the thread that reads them. Writing never waits.
///
/// `@unchecked Sendable`: everything mutable is touched under `condition` only.
final class PluginPipe: @unchecked Sendable {
    static let capacities: ClosedRange<UInt64> = 4 << 10...4 << 20
    static let maximumPacket = 1_275
    /// Packets that wait at most, however small they are: 80 seconds.
    static let maximumPackets = 4_096
    private static let piece = 4 << 10

    let kind: PluginSoundKind
    private let plugin: String
    private let capacity: Int
    private let condition = NSCondition()
    private var chunks: [[UInt8]] = []
    /// Of the first chunk, what was read already.
    private var consumed = 0
    private var buffered = 0
    private var end: Int32?
    private var isClosed = false
    private var startsThere = false
    private var onClose: (@Sendable () -> Void)?

    /// - Parameter onClose: told once, when nobody will read any more.
    init(_ kind: PluginSoundKind, capacity: UInt64, plugin: String, onClose: @escaping @Sendable () -> Void) {
        self.kind = kind
        self.capacity = Int(clamping: capacity)
        self.plugin = plugin
        self.onClose = onClose
    }

    var beginsAtStart: Bool { condition.withLock { startsThere } }

    /// It was handed over as a track's sound.
    func opened(beginsAtStart: Bool) { condition.withLock { startsThere = beginsAtStart } }

    // MARK: The plugin's side

    /// Bytes taken, 0 where there is no room, or a `TB_E_*`.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        if kind == .opusPackets, !(1...Self.maximumPacket).contains(bytes.count) { return Int64(TB_E_INVALID) }
        return condition.withLock {
            guard !isClosed, end == nil else { return Int64(TB_E_STALE) }
            let room = capacity - buffered
            let taken = kind == .opusPackets ? (bytes.count <= room ? bytes.count : 0) : min(bytes.count, room)
            guard taken > 0, kind != .opusPackets || chunks.count < Self.maximumPackets else { return 0 }
            store(bytes.prefix(taken))
            buffered += taken
            condition.signal()
            return Int64(taken)
        }
    }

    /// Small pieces are put together: memory is for bytes and not for what is around them.
    private func store(_ bytes: Slice<UnsafeRawBufferPointer>) {
        if kind != .opusPackets, let last = chunks.last, last.count + bytes.count <= Self.piece {
            chunks[chunks.count - 1] += bytes
        } else {
            chunks.append(Array(bytes))
        }
    }

    var isEmpty: Bool { condition.withLock { buffered == 0 } }
    var isFinished: Bool { condition.withLock { end != nil } }

    /// No more will come. The first time counts.
    func finish(_ status: Int32) {
        condition.withLock {
            end = end ?? status
            condition.broadcast()
        }
    }

    // MARK: The reader's side

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(PluginFailure) -> Int {
        let answer = condition.withLock { () -> Int64 in
            while chunks.isEmpty, end == nil, !isClosed { condition.wait() }
            if isClosed { return Int64(TB_E_CANCELLED) }
            if chunks.isEmpty { return Int64(min(0, end ?? 0)) }
            return Int64(kind == .opusPackets ? takePacket(buffer) : takeBytes(buffer))
        }
        if answer < 0 {
            throw PluginFailure(code: Int32(clamping: answer), detail: "\(plugin): its pipe broke off (\(answer))")
        }
        return Int(answer)
    }

    private func takePacket(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let packet = chunks.removeFirst()
        buffered -= packet.count
        buffer.copyBytes(from: packet.prefix(buffer.count))
        return min(packet.count, buffer.count)
    }

    /// As many as there are.
    private func takeBytes(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var copied = 0, finished = 0
        while copied < buffer.count, finished < chunks.count {
            let chunk = chunks[finished][consumed...].prefix(buffer.count - copied)
            UnsafeMutableRawBufferPointer(rebasing: buffer[copied...]).copyBytes(from: chunk)
            copied += chunk.count
            consumed += chunk.count
            if consumed == chunks[finished].count { (finished, consumed) = (finished + 1, 0) }
        }
        chunks.removeFirst(finished)
        buffered -= copied
        return copied
    }

    /// Nobody wants it any more: from any thread; a blocked read comes back, and writing is `TB_E_STALE`.
    func close() {
        let action = condition.withLock { () -> (@Sendable () -> Void)? in
            isClosed = true
            chunks = []
            buffered = 0
            condition.broadcast()
            defer { onClose = nil }
            return onClose
        }
        action?()
    }
}

/// A pipe that was handed to the host as a track's sound; it is closed with its last owner, whatever the plugin holds.
final class OpenedPipe: PluginSound, Sendable {
    private let pipe: PluginPipe
    private let use: Mutex<PluginUse?>

    init(_ pipe: PluginPipe, _ use: PluginUse) {
        self.pipe = pipe
        self.use = Mutex(use)
    }

    deinit { close() }

    var kind: PluginSoundKind { pipe.kind }
    var canSeek: Bool { false }
    var byteLength: Int64? { nil }
    var arrives: Bool { true }
    var beginsAtStart: Bool { pipe.beginsAtStart }
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(PluginFailure) -> Int { try pipe.read(into: buffer) }
    func seek(to offset: UInt64) throws(PluginFailure) {
        throw PluginFailure(code: TB_E_UNSUPPORTED, detail: "a pipe cannot seek")
    }
    func interrupt() { pipe.close() }

    func close() {
        guard let use = take() else { return }
        pipe.close()
        use.end()
    }

    /// Gives it back to the plugin, which was told that the host does not take it.
    func disown() { take()?.end() }

    private func take() -> PluginUse? {
        use.withLock { use in
            defer { use = nil }
            return use
        }
    }
}
