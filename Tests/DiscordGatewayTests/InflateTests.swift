import CZlib
import CZstd
import Testing

@testable import DiscordGateway

/// The server's side of both compressions.
final class Deflater {
    private var zlib = z_stream()
    private let zstd = ZSTD_createCStream()
    private let kind: GatewayCompression

    init(_ kind: GatewayCompression) {
        self.kind = kind
        deflateInit_(&zlib, 6, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    }

    deinit {
        deflateEnd(&zlib)
        ZSTD_freeCStream(zstd)
    }

    func message(_ bytes: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: bytes.count + (bytes.count >> 3) + 1024)
        var input = bytes
        let count = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target -> Int in
                switch kind {
                case .none: return 0
                case .zlibStream:
                    zlib.next_in = source.baseAddress
                    zlib.avail_in = UInt32(source.count)
                    zlib.next_out = target.baseAddress
                    zlib.avail_out = UInt32(target.count)
                    deflate(&zlib, Z_SYNC_FLUSH)
                    return target.count - Int(zlib.avail_out)
                case .zstdStream:
                    var from = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
                    var to = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    while ZSTD_compressStream2(zstd, &to, &from, ZSTD_e_flush) != 0 {}
                    return to.pos
                }
            }
        }
        return Array(output.prefix(count))
    }
}

@Suite struct InflateTests {
    /// Small, empty-ish, repetitive, larger than one chunk, and bytes that do not compress.
    static let payloads: [[UInt8]] = {
        var state: UInt64 = 1
        let noise = (0..<200_000).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        return [Array("{}".utf8), Array(#"{"op":11}"#.utf8), [UInt8](repeating: 97, count: 300_000), noise, [1]]
    }()

    @Test(arguments: [GatewayCompression.zlibStream, .zstdStream]) func wholeMessages(_ kind: GatewayCompression) throws
    {
        let server = Deflater(kind)
        let inflater = try #require(Inflater(kind))
        for payload in Self.payloads { #expect(try inflater.push(server.message(payload)) == payload) }
    }

    @Test(arguments: [GatewayCompression.zlibStream, .zstdStream]) func byteByByte(_ kind: GatewayCompression) throws {
        let server = Deflater(kind)
        let inflater = try #require(Inflater(kind))
        for payload in Self.payloads where payload.count < 1_000 {
            var found: [UInt8] = []
            for byte in server.message(payload) { found += try inflater.push([byte]) ?? [] }
            #expect(found == payload)
        }
    }

    @Test(arguments: [GatewayCompression.zlibStream, .zstdStream]) func bombIsRefused(_ kind: GatewayCompression) throws
    {
        let bomb = Deflater(kind).message([UInt8](repeating: 0, count: 8 << 20))
        #expect(bomb.count < 20_000)
        let inflater = try #require(Inflater(kind, limit: 1 << 20))
        #expect(throws: InflateError.tooLarge) { try inflater.push(bomb) }
    }

    @Test(arguments: [GatewayCompression.zlibStream, .zstdStream]) func garbageIsRefused(_ kind: GatewayCompression)
        throws
    {
        let inflater = try #require(Inflater(kind))
        #expect(throws: InflateError.corrupt) {
            try inflater.push([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0xFF, 0xFF])
        }
    }

    @Test func endlessZlibMessageIsRefused() throws {
        let inflater = try #require(Inflater(.zlibStream, limit: 1_000))
        #expect(throws: InflateError.tooLarge) {
            for _ in 0..<20 { _ = try inflater.push([UInt8](repeating: 1, count: 100)) }
        }
    }

    @Test func plainPassesThrough() throws {
        #expect(try Inflater(.none)?.push([1, 2]) == [1, 2])
    }
}
