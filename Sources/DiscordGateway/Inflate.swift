import CZlib
import CZstd

/// Why a compressed message cannot be read: the connection's stream is broken and a new one is needed.
public enum InflateError: Error, Equatable, Sendable {
    case corrupt
    case tooLarge
}

/// The decompression context of one gateway connection. Not thread-safe; one owner.
final class Inflater {
    private enum Context {
        case plain
        case zlib(UnsafeMutablePointer<z_stream>)
        case zstd(OpaquePointer)
    }

    private let context: Context
    private let limit: Int
    private var buffered: [UInt8] = []
    private static let chunk = 1 << 16

    /// - Parameter limit: bytes of one decompressed message.
    init?(_ compression: GatewayCompression, limit: Int = 1 << 24) {
        self.limit = limit
        switch compression {
        case .none: context = .plain
        case .zlibStream:
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            stream.initialize(to: z_stream())
            guard inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
                stream.deallocate()
                return nil
            }
            context = .zlib(stream)
        case .zstdStream:
            guard let stream = ZSTD_createDStream() else { return nil }
            ZSTD_initDStream(stream)
            context = .zstd(stream)
        }
    }

    deinit {
        switch context {
        case .plain: break
        case .zlib(let stream):
            inflateEnd(stream)
            stream.deallocate()
        case .zstd(let stream): ZSTD_freeDStream(stream)
        }
    }

    /// Takes a WebSocket message; returns a whole payload, or nil where more messages belong to it.
    func push(_ bytes: [UInt8]) throws(InflateError) -> [UInt8]? {
        switch context {
        case .plain: return bytes
        case .zlib(let stream):
            guard buffered.count + bytes.count <= limit else { throw .tooLarge }
            buffered += bytes
            // A message ends with the marker of a sync flush.
            guard buffered.suffix(4) == [0x00, 0x00, 0xFF, 0xFF] else { return nil }
            defer { buffered = [] }
            return try inflateAll(stream, buffered)
        case .zstd(let stream): return try decompressAll(stream, bytes)
        }
    }

    private func inflateAll(_ stream: UnsafeMutablePointer<z_stream>, _ input: [UInt8]) throws(InflateError) -> [UInt8]
    {
        var input = input, output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: Self.chunk)
        var failure: InflateError?
        input.withUnsafeMutableBufferPointer { source in
            stream.pointee.next_in = source.baseAddress
            stream.pointee.avail_in = UInt32(source.count)
            repeat {
                let produced = chunk.withUnsafeMutableBufferPointer { target -> Int in
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = UInt32(target.count)
                    let status = inflate(stream, Z_SYNC_FLUSH)
                    if status != Z_OK && status != Z_BUF_ERROR { failure = .corrupt }
                    return target.count - Int(stream.pointee.avail_out)
                }
                output += chunk.prefix(produced)
                if output.count > limit { failure = .tooLarge }
            } while failure == nil && stream.pointee.avail_out == 0
        }
        if let failure { throw failure }
        return output
    }

    private func decompressAll(_ stream: OpaquePointer, _ input: [UInt8]) throws(InflateError) -> [UInt8] {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: Self.chunk)
        var failure: InflateError?
        input.withUnsafeBytes { source in
            var from = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            var full = false
            repeat {
                let produced = chunk.withUnsafeMutableBytes { target -> Int in
                    var to = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    if ZSTD_isError(ZSTD_decompressStream(stream, &to, &from)) != 0 { failure = .corrupt }
                    full = to.pos == to.size
                    return to.pos
                }
                output += chunk.prefix(produced)
                if output.count > limit { failure = .tooLarge }
            } while failure == nil && (from.pos < from.size || full)
        }
        if let failure { throw failure }
        return output
    }
}
