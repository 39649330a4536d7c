/// Ogg Opus (RFC 3533, RFC 7845), one packet a page, for live streams.
struct OggMuxer {
    private let serial: UInt32
    private var sequence: UInt32 = 0
    private var granule: UInt64 = 0

    init(serial: UInt32 = .random(in: 1 ... .max)) { self.serial = serial }

    /// The two header pages.
    mutating func headers() -> [UInt8] {
        var head = Array("OpusHead".utf8) + [1, 2]
        head += [0, 0]  // pre-skip
        head += [0x80, 0xbb, 0, 0]  // 48000, little-endian
        head += [0, 0, 0]  // gain, mapping family
        let vendor = Array("TimmyBot sandbox".utf8)
        let tags = Array("OpusTags".utf8) + [UInt8(vendor.count), 0, 0, 0] + vendor + [0, 0, 0, 0]
        return page(head, flags: 2, granule: 0) + page(tags, flags: 0, granule: 0)
    }

    /// A page with one packet of `samples` samples at 48 kHz.
    mutating func packet(_ opus: [UInt8], samples: Int) -> [UInt8] {
        granule += UInt64(samples)
        return page(opus, flags: 0, granule: granule)
    }

    private mutating func page(_ body: [UInt8], flags: UInt8, granule: UInt64) -> [UInt8] {
        let lacing = [UInt8](repeating: 255, count: body.count / 255) + [UInt8(body.count % 255)]
        var page = Array("OggS".utf8) + [0, flags]
        page += (0..<8).map { UInt8(truncatingIfNeeded: granule >> (8 * UInt64($0))) }
        page += [serial, sequence].flatMap(Self.word)
        page += [0, 0, 0, 0, UInt8(lacing.count)] + lacing + body
        page.replaceSubrange(22..<26, with: Self.word(Self.checksum(page)))
        sequence += 1
        return page
    }

    private static func word(_ value: UInt32) -> [UInt8] {
        [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// CRC-32 with polynomial 0x04c11db7, not reflected.
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index) << 24) { value, _ in
            value & 0x8000_0000 != 0 ? value << 1 ^ 0x04c1_1db7 : value << 1
        }
    }

    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.reduce(0) { $0 << 8 ^ table[Int($0 >> 24) ^ Int($1)] }
    }
}
