import Synchronization

/// Encrypts our Opus frames. `install` may be called from any thread; `encrypt` from one thread at a time (the voice
/// pump). In the steady state `encrypt` allocates nothing and takes no lock.
///
/// `@unchecked Sendable`: `current` is touched by the encrypting thread only; a new epoch reaches it through `handOver`,
/// whose lock is held for the exchange of two references. The exchanged-out epoch stays there until the next `install`,
/// so that even its release happens elsewhere.
public final class FrameEncryptor: @unchecked Sendable {
    /// Most bytes that encryption adds to a frame.
    public static let overhead = FrameFormat.maximumOverhead

    private enum Mode: Sendable {
        case passthrough
        case blocked
        case sealed(Epoch)
    }

    /// `@unchecked Sendable`: after it was handed over through `pending`, only the encrypting thread touches it.
    private final class Epoch: @unchecked Sendable {
        var ratchet: KeyRatchet
        var generation: UInt32 = 0
        var cipher: FrameCipher
        /// Cipher of generation 1, made ahead on the installing thread: the first roll-over allocates nothing.
        var prefetched: FrameCipher?
        var nonce: UInt32 = 0

        init?(_ ratchet: KeyRatchet) {
            var ratchet = ratchet
            guard let key = ratchet.key(0), let cipher = FrameCipher(key: key, sealing: true) else { return nil }
            prefetched = ratchet.key(1).flatMap { FrameCipher(key: $0, sealing: true) }
            self.ratchet = ratchet
            self.cipher = cipher
        }

        /// Moves to the generation of `nonce`, once in 2^24 frames.
        func advance(to nonce: UInt32) -> Bool {
            let wanted = nonce >> FrameFormat.generationShift
            guard wanted != generation else { return true }
            if wanted == 1, let next = prefetched {
                // The old cipher stays in `prefetched`, so that nothing is released on the encrypting thread.
                prefetched = cipher
                cipher = next
                generation = wanted
                return true
            }
            guard let key = ratchet.key(wanted), let next = FrameCipher(key: key, sealing: true) else { return false }
            cipher = next
            generation = wanted
            return true
        }
    }

    private var current = Mode.passthrough
    private let handOver = Mutex<(mode: Mode, isNew: Bool)>((.passthrough, false))
    /// Whether a look at `handOver` is worth its lock; written under the lock only.
    private let hasPending = Atomic(false)

    /// Starts in passthrough: protocol version 0.
    public init() {}

    /// Frames from now on are encrypted with `ratchet`; nil sends them in clear (protocol version 0).
    public func install(_ ratchet: KeyRatchet?) {
        guard let ratchet else { return set(.passthrough) }
        set(Epoch(ratchet).map(Mode.sealed) ?? .blocked)
    }

    /// Frames are withheld until a ratchet is installed: end-to-end encryption is on, but there is no group yet.
    public func block() { set(.blocked) }

    private func set(_ mode: Mode) {
        let old = handOver.withLock { state in
            defer {
                state = (mode, true)
                hasPending.store(true, ordering: .releasing)
            }
            return state.mode
        }
        // What went out is released here, after the lock: the encrypting thread must not wait for it.
        withExtendedLifetime(old) {}
    }

    /// Encrypts `frame` to `target` (at least `frame.count + overhead` bytes), which may begin where `frame` does.
    /// - Returns: bytes written; 0 where frames are withheld; -1 where the frame could not be encrypted.
    public func encrypt(_ frame: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int {
        if hasPending.load(ordering: .acquiring) { takePending() }
        guard target.count >= frame.count + Self.overhead, let source = frame.baseAddress,
            let output = target.baseAddress
        else { return -1 }
        switch current {
        case .blocked: return 0
        case .passthrough:
            output.copyMemory(from: source, byteCount: frame.count)
            return frame.count
        case .sealed(let epoch): return seal(source, frame.count, epoch, to: output)
        }
    }

    /// Whether `encrypt` would withhold a frame now. Encrypting thread only.
    public func isBlocked() -> Bool {
        if hasPending.load(ordering: .acquiring) { takePending() }
        if case .blocked = current { return true }
        return false
    }

    private func takePending() {
        handOver.withLock { state in
            // Taken once only: a second exchange would bring the old mode back.
            guard state.isNew else { return }
            swap(&state.mode, &current)
            state.isNew = false
            hasPending.store(false, ordering: .relaxed)
        }
    }

    private func seal(
        _ source: UnsafeRawPointer, _ count: Int, _ epoch: Epoch, to output: UnsafeMutableRawPointer
    ) -> Int {
        guard epoch.nonce < .max else { return -1 }
        epoch.nonce += 1
        let nonce = epoch.nonce
        guard epoch.advance(to: nonce),
            epoch.cipher.seal(
                source.assumingMemoryBound(to: UInt8.self), count, nonce: nonce,
                to: output.assumingMemoryBound(to: UInt8.self))
        else { return -1 }
        var end = count + FrameFormat.tagLength
        end += FrameFormat.writeULEB128(nonce, to: output + end)
        let supplement = end - count + 3
        output.storeBytes(of: UInt8(supplement), toByteOffset: end, as: UInt8.self)
        output.storeBytes(of: FrameFormat.marker, toByteOffset: end + 1, as: UInt8.self)
        output.storeBytes(of: FrameFormat.marker, toByteOffset: end + 2, as: UInt8.self)
        return end + 3
    }

    /// For vectors: the next frame gets `nonce + 1`.
    func setNonce(_ nonce: UInt32) {
        if hasPending.load(ordering: .acquiring) { takePending() }
        if case .sealed(let epoch) = current { epoch.nonce = nonce }
    }
}
