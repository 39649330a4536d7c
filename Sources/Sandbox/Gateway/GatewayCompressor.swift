import CZlib
import CZstd

/// Transport compression of one connection: one stream over all messages, flushed after each.
///
/// `@unchecked Sendable`: owned by its connection, which the world's actor alone touches.
final class GatewayCompressor: @unchecked Sendable {
    enum Mode: String, Sendable {
        case none
        case zlib = "zlib-stream"
        case zstd = "zstd-stream"
    }

    let mode: Mode
    private var zlib = z_stream()
    private var zstd: OpaquePointer?

    init?(_ mode: Mode) {
        self.mode = mode
        switch mode {
        case .none: break
        case .zlib:
            let size = Int32(MemoryLayout<z_stream>.size)
            guard deflateInit_(&zlib, Z_DEFAULT_COMPRESSION, ZLIB_VERSION, size) == Z_OK else { return nil }
        case .zstd:
            guard let context = ZSTD_createCCtx() else { return nil }
            zstd = context
        }
    }

    deinit {
        if mode == .zlib { deflateEnd(&zlib) }
        if let zstd { ZSTD_freeCCtx(zstd) }
    }

    /// The next message of the stream; nil where the library fails (out of memory).
    func compress(_ bytes: [UInt8]) -> [UInt8]? {
        switch mode {
        case .none: bytes
        case .zlib: deflated(bytes)
        case .zstd: squeezed(bytes)
        }
    }

    private func deflated(_ bytes: [UInt8]) -> [UInt8]? {
        var bytes = bytes
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        return bytes.withUnsafeMutableBufferPointer { input -> [UInt8]? in
            zlib.next_in = input.baseAddress
            zlib.avail_in = UInt32(input.count)
            repeat {
                let status = chunk.withUnsafeMutableBufferPointer { output -> Int32 in
                    zlib.next_out = output.baseAddress
                    zlib.avail_out = UInt32(output.count)
                    return deflate(&zlib, Z_SYNC_FLUSH)
                }
                guard status == Z_OK || status == Z_BUF_ERROR else { return nil }
                result += chunk[..<(chunk.count - Int(zlib.avail_out))]
            } while zlib.avail_out == 0
            return result
        }
    }

    private func squeezed(_ bytes: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: ZSTD_CStreamOutSize())
        return bytes.withUnsafeBytes { source -> [UInt8]? in
            var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            var remaining = 1
            while remaining > 0 {
                let written = chunk.withUnsafeMutableBytes { target -> Int? in
                    var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    remaining = ZSTD_compressStream2(zstd, &output, &input, ZSTD_e_flush)
                    return ZSTD_isError(remaining) != 0 ? nil : output.pos
                }
                guard let written else { return nil }
                result += chunk[..<written]
            }
            return result
        }
    }
}
