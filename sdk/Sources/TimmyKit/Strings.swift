import CTimmyBot

extension tb_str {
    /// A copy as Swift's own string; bytes that are not UTF-8 are replaced.
    var string: String {
        guard let ptr, len > 0 else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: ptr, count: len), as: UTF8.self)
    }
}

extension tb_bytes {
    /// A copy.
    var array: [UInt8] {
        guard let ptr, len > 0 else { return [] }
        return Array(UnsafeBufferPointer(start: ptr, count: len))
    }
}

/// Lends Swift values to C calls: what it hands out lives until it is released.
final class Lender {
    private var blocks: [UnsafeMutableRawBufferPointer] = []

    deinit { for block in blocks { block.deallocate() } }

    func lend(_ text: String) -> tb_str {
        var text = text
        return text.withUTF8 { bytes in
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
            block.copyMemory(from: UnsafeRawBufferPointer(bytes))
            blocks.append(block)
            return tb_str(ptr: block.baseAddress?.assumingMemoryBound(to: CChar.self), len: bytes.count)
        }
    }

    /// For trivial values only: they are freed without being deinitialised.
    func lend<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafePointer<Value> {
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, values.count) * MemoryLayout<Value>.stride, alignment: MemoryLayout<Value>.alignment)
        blocks.append(block)
        let start = block.bindMemory(to: Value.self)
        _ = start.initialize(from: values)
        // A buffer of at least one value has an address.
        return UnsafePointer(start.baseAddress!)
    }

    func bytes(_ values: [UInt8]) -> tb_bytes { tb_bytes(ptr: lend(values), len: values.count) }

    func headers(_ headers: [Header]) -> UnsafePointer<tb_header_v1> {
        lend(headers.map { tb_header_v1(name: lend($0.name), value: lend($0.value)) })
    }

    func error(_ failure: Failure) -> tb_error_v1 {
        tb_error_v1(
            code: failure.status, flags: 0, retry_after_ms: failure.retryAfterMilliseconds, zero: 0,
            user_text: lend(failure.userText), detail: lend(failure.detail))
    }
}
