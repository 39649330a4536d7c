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
