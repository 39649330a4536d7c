import Foundation
import Glibc

/// Media files that were made to do harm.
public enum HostileFiles {
    /// The Ogg file with the granule position (RFC 3533, section 6) of its pages from the `first` on replaced, and their
    /// checksums made right.
    public static func patchGranules(of ogg: [UInt8], fromPage first: Int, to granule: UInt64) -> [UInt8] {
        var bytes = ogg
        var at = 0, page = 0
        while at + 27 <= bytes.count, bytes[at..<at + 4].elementsEqual("OggS".utf8) {
            let segments = Int(bytes[at + 26])
            guard at + 27 + segments <= bytes.count else { break }
            let length = 27 + segments + bytes[at + 27..<at + 27 + segments].reduce(0) { $0 + Int($1) }
            guard at + length <= bytes.count else { break }
            if page >= first {
                for index in 0..<8 { bytes[at + 6 + index] = UInt8(truncatingIfNeeded: granule >> (8 * UInt64(index))) }
                for index in 22..<26 { bytes[at + index] = 0 }
                let sum = checksum(bytes[at..<at + length])
                for index in 0..<4 { bytes[at + 22 + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index))) }
            }
            at += length
            page += 1
        }
        return bytes
    }

    /// The beginning of an ID3v2.3 tag that holds one JPEG picture of `size` bytes, which are to follow.
    public static func pictureTag(_ size: Int) -> [UInt8] {
        let head: [UInt8] = [0] + Array("image/jpeg".utf8) + [0, 3, 0]
        let frame = head.count + size
        let length = (0..<4).reversed().map { UInt8((10 + frame) >> (7 * $0) & 0x7F) }
        let frameLength = (0..<4).reversed().map { UInt8(frame >> (8 * $0) & 0xFF) }
        return Array("ID3".utf8) + [3, 0, 0] + length + Array("APIC".utf8) + frameLength + [0, 0] + head
    }

    /// An Ogg file of two channels that are an Opus stream each (RFC 7845, mapping family 255), both with these packets, which
    /// have one frame each.
    public static func twoStreams(of packets: [[UInt8]]) -> [UInt8] {
        let head: [UInt8] =
            Array("OpusHead".utf8) + [1, 2, 0x38, 0x01, 0x80, 0xBB, 0, 0, 0, 0, 255, 2, 0, 0, 1]
        let tags: [UInt8] = Array("OpusTags".utf8) + [UInt8](repeating: 0, count: 8)
        var ogg = page(head, number: 0, granule: 0, flags: 2) + page(tags, number: 1, granule: 0, flags: 0)
        for (index, packet) in packets.enumerated() {
            // All but the last stream's packet say how long they are (RFC 6716, appendix B).
            let length = packet.count - 1, first = length < 252 ? length : 252 + length % 4
            let told = length < 252 ? [UInt8(first)] : [UInt8(first), UInt8((length - first) / 4)]
            ogg += page(
                [packet[0]] + told + packet.dropFirst() + packet, number: index + 2,
                granule: UInt64(index + 1) * 960 + 312, flags: index == packets.count - 1 ? 4 : 0)
        }
        return ogg
    }

    /// An Ogg page (RFC 3533, section 6) that holds one packet.
    private static func page(_ packet: [UInt8], number: Int, granule: UInt64, flags: UInt8) -> [UInt8] {
        func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
        }
        let lacing = [UInt8](repeating: 255, count: packet.count / 255) + [UInt8(packet.count % 255)]
        var page: [UInt8] = Array("OggS".utf8) + [0, flags] + bytes(granule, 8) + bytes(7, 4)
        page += bytes(UInt64(number), 4) + bytes(0, 4) + [UInt8(lacing.count)] + lacing + packet
        page.replaceSubrange(22..<26, with: bytes(UInt64(checksum(page[...])), 4))
        return page
    }

    /// CRC-32 of Ogg: polynomial 0x04C11DB7, most significant bit first, from zero.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reduce(0) { table[Int(($0 >> 24) ^ UInt32($1))] ^ ($0 << 8) }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index) << 24) { value, _ in
            value & 0x8000_0000 != 0 ? (value << 1) ^ 0x04C1_1DB7 : value << 1
        }
    }

    /// Writes `head`, the beginning of a music file, followed by a hole of many gigabytes that takes no room on the disk.
    /// A demuxer that looks for the next frame there computes for a long time.
    public static func writeEndless(_ head: [UInt8], to path: String) throws {
        try Data(head).write(to: URL(fileURLWithPath: path))
        guard truncate(path, 64 << 30) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
