/// Decrypts the frames of one remote sender. A value owned by whoever receives; time comes in as a parameter.
public struct FrameDecryptor {
    /// Why a frame was not given out.
    public enum Refusal: Error, Equatable, Sendable {
        /// Not a protected frame, and clear frames are not allowed now.
        case unprotected
        /// No ratchet is installed.
        case noKey
        /// Seen before, or too old.
        case replayed
        /// The tag does not fit any ratchet.
        case unauthentic
        /// Longer than any frame may be.
        case tooLong
    }

    /// How long an old ratchet, or clear frames, are still accepted after a change, in seconds.
    static let grace = 10.0
    static let maximumFrame = 1 << 20

    private var epochs: [ReceiverEpoch] = []
    private var clearUntil = Double.infinity

    /// Accepts clear frames until the first ratchet is installed.
    public init() {}

    /// - Parameters:
    ///   - ratchet: keys of the sender from now on; nil accepts clear frames (protocol version 0).
    ///   - now: seconds on any steady clock.
    public mutating func install(_ ratchet: KeyRatchet?, now: Double) {
        for index in epochs.indices { epochs[index].expires = min(epochs[index].expires, now + Self.grace) }
        guard let ratchet else {
            clearUntil = .infinity
            return
        }
        clearUntil = min(clearUntil, now + Self.grace)
        epochs.append(ReceiverEpoch(ratchet: ratchet, since: now))
        if epochs.count > 8 { epochs.removeFirst(epochs.count - 8) }
    }

    /// The media of `frame`, or why not.
    public mutating func decrypt(_ frame: [UInt8], now: Double) throws(Refusal) -> [UInt8] {
        guard frame.count <= Self.maximumFrame else { throw .tooLong }
        if frame == FrameFormat.silence { return frame }
        guard let parsed = FrameFormat.parse(frame) else {
            if now < clearUntil { return frame }
            throw .unprotected
        }
        epochs.removeAll { $0.expires <= now }
        guard !epochs.isEmpty else { throw .noKey }
        var refusal = Refusal.unauthentic
        for index in epochs.indices.reversed() {
            do {
                return try epochs[index].open(frame, parsed, now: now)
            } catch {
                if error == .replayed { refusal = error }
            }
        }
        throw refusal
    }
}

/// One ratchet at the receiver with its window of nonces.
struct ReceiverEpoch {
    /// Missing nonces that may still arrive.
    static let window = 1000

    private var ratchet: KeyRatchet
    private var ciphers: [UInt32: FrameCipher] = [:]
    private var newest: UInt32?
    private var missing: [UInt32] = []
    private let since: Double
    var expires = Double.infinity

    init(ratchet: KeyRatchet, since: Double) {
        self.ratchet = ratchet
        self.since = since
    }

    mutating func open(
        _ frame: [UInt8], _ parsed: FrameFormat.Parsed, now: Double
    ) throws(FrameDecryptor.Refusal) -> [UInt8] {
        if let newest, parsed.nonce <= newest, !missing.contains(parsed.nonce) { throw .replayed }
        let generation = parsed.nonce >> FrameFormat.generationShift
        guard isPlausible(generation, now), let cipher = cipher(generation) else { throw .unauthentic }
        var clear: [UInt8] = [], sealed: [UInt8] = []
        var cursor = 0
        for range in parsed.clear {
            sealed += frame[cursor..<range.lowerBound]
            clear += frame[range]
            cursor = range.upperBound
        }
        sealed += frame[cursor..<parsed.mediaLength]
        guard
            let opened = cipher.open(sealed, authenticated: clear, tag: Array(frame[parsed.tag]), nonce: parsed.nonce)
        else { throw .unauthentic }
        remember(parsed.nonce)
        return Self.weave(opened, around: parsed.clear, of: frame)
    }

    /// A sender at 170 frames a second can be in generation 170 * age / 2^24 at most (libdave's rule).
    private func isPlausible(_ generation: UInt32, _ now: Double) -> Bool {
        let most = 170 * max(0, now - since).rounded(.down) / Double(1 << FrameFormat.generationShift)
        return Double(generation) <= most
    }

    private mutating func cipher(_ generation: UInt32) -> FrameCipher? {
        if let cipher = ciphers[generation] { return cipher }
        guard let key = ratchet.key(generation), let cipher = FrameCipher(key: key, sealing: false) else { return nil }
        ciphers[generation] = cipher
        return cipher
    }

    private mutating func remember(_ nonce: UInt32) {
        if let newest, nonce > newest {
            let first = max(newest + 1, nonce > Self.window ? nonce - UInt32(Self.window) : 0)
            missing += Array(first..<nonce)
            if missing.count > Self.window { missing.removeFirst(missing.count - Self.window) }
            missing.removeAll { $0 + UInt32(Self.window) < nonce }
        } else {
            missing.removeAll { $0 == nonce }
        }
        newest = max(newest ?? 0, nonce)
    }

    private static func weave(_ opened: [UInt8], around clear: [Range<Int>], of frame: [UInt8]) -> [UInt8] {
        guard !clear.isEmpty else { return opened }
        var media: [UInt8] = []
        var rest = opened[...]
        for range in clear {
            let count = range.lowerBound - media.count
            media += rest.prefix(count)
            rest = rest.dropFirst(count)
            media += frame[range]
        }
        return media + rest
    }
}
