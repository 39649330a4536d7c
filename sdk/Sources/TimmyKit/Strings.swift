import CTimmyBot

extension tb_str {
    /// A copy as Swift's own string; bytes that are not UTF-8 are replaced.
    var string: String {
        guard let ptr, len > 0 else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: ptr, count: len), as: UTF8.self)
    }
}

/// Lends Swift strings to C calls: what it hands out lives until it is released.
final class Lender {
    private var blocks: [UnsafeMutableRawBufferPointer] = []

    deinit { for block in blocks { block.deallocate() } }

    func lend(_ text: String) -> tb_str {
        let bytes = Array(text.utf8)
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
        block.copyBytes(from: bytes)
        blocks.append(block)
        return tb_str(ptr: block.baseAddress?.assumingMemoryBound(to: CChar.self), len: bytes.count)
    }

    func lend<Value>(_ values: [Value]) -> UnsafePointer<Value> {
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, values.count * MemoryLayout<Value>.stride), alignment: MemoryLayout<Value>.alignment)
        blocks.append(block)
        let start = block.bindMemory(to: Value.self)
        _ = start.initialize(from: values)
        return UnsafePointer(start.baseAddress ?? UnsafeMutablePointer<Value>.allocate(capacity: 1))
    }

    func error(_ failure: Failure) -> tb_error_v1 {
        tb_error_v1(
            code: failure.code, flags: 0, retry_after_ms: 0, zero: 0, user_text: lend(failure.userText),
            detail: lend(failure.detail))
    }
}

/// Something went wrong, in words for the user and for the operator.
public struct Failure: Error, Sendable, Equatable {
    /// A `TB_E_*`.
    public let code: Int32
    /// Shown to the user; empty for a general apology.
    public let userText: String
    /// For the operator's log.
    public let detail: String

    public init(code: Int32 = TB_E_INTERNAL, userText: String, detail: String = "") {
        self.code = code
        self.userText = userText
        self.detail = detail
    }

    init(_ error: tb_error_v1) {
        self.init(code: error.code, userText: error.user_text.string, detail: error.detail.string)
    }

    init(status: tb_status, _ what: String) {
        self.init(code: status, userText: "", detail: "\(what): status \(status)")
    }
}
