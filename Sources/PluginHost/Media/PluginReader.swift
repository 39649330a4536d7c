import CTimmyBot
import Foundation

/// A plugin's `tb_reader_v1`, owned by the host: `read`, `seek` and `close` on one thread, `interrupt` from any. Its
/// instance is not stopped before it is closed, and it is not closed, nor given back, while `interrupt` is inside it: its
/// context is freed then.
///
/// `@unchecked Sendable`: the plugin's table and context are only handed back to its own functions; everything mutable is
/// touched under `condition`, which is not held while the plugin runs.
final class PluginReader: PluginSound, @unchecked Sendable {
    let kind: PluginSoundKind
    let byteLength: Int64?
    let beginsAtStart: Bool
    private let raw: tb_reader_v1
    private let instance: PluginInstance
    private let condition = NSCondition()
    private var use: PluginUse?
    private var hasEnded = false, hasBeenInterrupted = false, isInInterrupt = false
    /// Of this reader, in its instance's list.
    private let number: UInt64

    /// Nil where the plugin is being stopped.
    init?(_ media: tb_media_v1, _ kind: PluginSoundKind, of instance: PluginInstance) {
        guard let use = instance.use() else { return nil }
        raw = media.reader
        self.kind = kind
        self.instance = instance
        byteLength = media.byte_length >= 0 && kind != .opusPackets ? media.byte_length : nil
        beginsAtStart = media.flags & TB_MEDIA_STARTED != 0
        self.use = use
        number = instance.sounds.reserve()
        instance.sounds.add(number, self)
    }

    deinit {
        // Nobody has it on a thread of its own, and closing may block.
        guard let use = take() else { return }
        let (raw, instance, number) = (Raw(reader: raw), instance, number)
        Thread.detachNewThread {
            Self.close(raw.reader, instance)
            instance.sounds.remove(number)
            use.end()
        }
    }

    private struct Raw: @unchecked Sendable { let reader: tb_reader_v1 }

    var canSeek: Bool { raw.seek != nil }
    var arrives: Bool { false }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(PluginFailure) -> Int {
        guard let read = raw.read, let base = buffer.baseAddress, isWanted
        else { throw PluginFailure(code: TB_E_CANCELLED, detail: "\(instance.id): the track was let go of") }
        let count = Breadcrumb.run(instance.id, "reader.read") {
            read(raw.ctx, base.assumingMemoryBound(to: UInt8.self), buffer.count)
        }
        guard count >= 0 else { throw failure(Int32(clamping: count), "its reader answered \(count)") }
        // A plugin that wrote beyond the buffer has done its harm already; one that only says so must not make us read there.
        guard count <= buffer.count else {
            throw failure(TB_E_INVALID, "its reader says that it gave \(count) bytes where \(buffer.count) fit")
        }
        return Int(count)
    }

    func seek(to offset: UInt64) throws(PluginFailure) {
        guard let seek = raw.seek, isWanted else {
            throw PluginFailure(code: TB_E_UNSUPPORTED, detail: "\(instance.id): its reader cannot seek")
        }
        let status = Breadcrumb.run(instance.id, "reader.seek") { seek(raw.ctx, offset) }
        guard status == TB_OK else { throw failure(status, "its reader's seek answered \(status)") }
    }

    /// Said to the operator, too, unless nobody wants the sound any more.
    private func failure(_ code: Int32, _ text: String) -> PluginFailure {
        let failure = PluginFailure(code: code, detail: "\(instance.id): \(text)")
        if !condition.withLock({ hasBeenInterrupted }) { instance.log(TB_LOG_WARNING, text) }
        return failure
    }

    func interrupt() {
        let isFirst = condition.withLock {
            defer { hasBeenInterrupted = true }
            guard !hasEnded, !hasBeenInterrupted else { return false }
            isInInterrupt = true
            return true
        }
        guard isFirst else { return }
        Breadcrumb.run(instance.id, "reader.interrupt") { raw.interrupt?(raw.ctx) }
        condition.withLock {
            isInInterrupt = false
            condition.broadcast()
        }
    }

    func close() {
        guard let use = take() else { return }
        Self.close(raw, instance)
        instance.sounds.remove(number)
        use.end()
    }

    /// Gives it back to the plugin, which was told that the host does not take it.
    func disown() {
        guard let use = take() else { return }
        instance.sounds.remove(number)
        use.end()
    }

    /// Whether somebody ends it, or has.
    var isEnded: Bool { condition.withLock { hasEnded } }
    private var isWanted: Bool { condition.withLock { !hasEnded && !hasBeenInterrupted } }

    /// The right to end it, once nobody is inside `interrupt`; nil where somebody had it.
    private func take() -> PluginUse? {
        condition.withLock {
            hasEnded = true
            while isInInterrupt { condition.wait() }
            defer { use = nil }
            return use
        }
    }

    private static func close(_ raw: tb_reader_v1, _ instance: PluginInstance) {
        Breadcrumb.run(instance.id, "reader.close") { raw.close?(raw.ctx) }
    }
}
