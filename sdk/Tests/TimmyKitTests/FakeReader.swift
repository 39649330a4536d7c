import CTimmyBot

/// A plugin's reader as the host holds it. Tests use it from one thread at a time, `interrupt` from any.
///
/// `@unchecked Sendable`: four C functions and their context, which the ABI lets the host's threads share.
struct FakeReader: @unchecked Sendable, Equatable {
    private let raw: tb_reader_v1

    init(_ raw: tb_reader_v1) { self.raw = raw }

    static func == (one: FakeReader, other: FakeReader) -> Bool { one.raw.ctx == other.raw.ctx }

    var canSeek: Bool { raw.seek != nil }

    /// The status of a read, and its bytes. The buffer lies before a guard byte that must not change.
    func read(_ capacity: Int) -> (status: Int64, bytes: [UInt8]) {
        var buffer = [UInt8](repeating: 0xA5, count: capacity + 1)
        let status = raw.read(raw.ctx, &buffer, capacity)
        precondition(buffer[capacity] == 0xA5 && status <= Int64(capacity), "the reader wrote past its buffer")
        return (status, status > 0 ? Array(buffer.prefix(Int(status))) : [])
    }

    /// Everything up to the end or the first failure.
    func drain(_ capacity: Int) -> (status: Int64, bytes: [UInt8]) {
        var all: [UInt8] = []
        while true {
            let (status, bytes) = read(capacity)
            guard status > 0 else { return (status, all) }
            all += bytes
        }
    }

    func seek(_ offset: UInt64) -> tb_status { raw.seek(raw.ctx, offset) }
    func interrupt() { raw.interrupt(raw.ctx) }
    func close() { raw.close(raw.ctx) }
}
