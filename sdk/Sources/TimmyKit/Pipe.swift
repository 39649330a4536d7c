import CTimmyBot
import Synchronization

/// Sound that arrives by itself: the plugin pushes, the host plays. Hand it over as `Media.pipe`.
public final class Pipe: Sendable {
    public enum Kind: UInt32, Sendable {
        /// A container.
        case bytes = 2
        /// Little-endian samples of 16 bits at 48 kHz, left and right in turn.
        case pcm
        /// Each write is one packet of 20 ms, up to 1275 bytes.
        case opusPackets
    }

    let number: UInt64
    private let host: Host
    private let isFinished = Atomic(false)

    init(_ host: Host, _ kind: Kind, _ capacity: Int) throws(Failure) {
        guard let create = host.tables.pipe?.pointee.create else { throw .missing("pipes") }
        var number: UInt64 = 0
        let status = create(host.raw, kind.rawValue, UInt64(max(0, capacity)), &number)
        guard status == TB_OK else { throw Failure(status: status, "pipe") }
        self.number = number
        self.host = host
    }

    /// A pipe that nobody can write to any more is at its end.
    deinit { finish() }

    /// Never waits.
    ///
    /// - Returns: how many bytes were taken; 0 where the pipe is full.
    /// - Throws: `.stale` where nobody listens any more.
    public func write(_ bytes: [UInt8]) throws(Failure) -> Int {
        let taken = host.tables.pipe?.pointee.write?(host.raw, number, bytes, bytes.count) ?? Int64(TB_E_UNSUPPORTED)
        guard taken >= 0 else { throw Failure(status: Int32(clamping: taken), "pipe") }
        return Int(taken)
    }

    /// No more will come; what is in the pipe is still played.
    ///
    /// - Parameter failure: it broke off.
    public func finish(_ failure: Failure? = nil) {
        guard !isFinished.exchange(true, ordering: .relaxed) else { return }
        host.tables.pipe?.pointee.finish?(host.raw, number, failure?.status ?? TB_OK)
    }
}

extension Host {
    /// - Parameter capacity: bytes, 4 KiB to 4 MiB. At most 16 pipes are open at once for each plugin.
    public func pipe(_ kind: Pipe.Kind, capacity: Int = 256 << 10) throws(Failure) -> Pipe {
        try Pipe(self, kind, capacity)
    }
}
