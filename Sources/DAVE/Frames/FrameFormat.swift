/// Layout of a protected frame (DAVE, "Payload Format"): media, then
/// `tag[8] nonce:ULEB128 ranges:ULEB128* size:u8 0xFA 0xFA`.
enum FrameFormat {
    static let tagLength = 8
    static let marker: UInt8 = 0xFA
    /// Tag, one byte of nonce, size, two markers.
    static let minimumSupplement = tagLength + 4
    /// Tag, five bytes of nonce, size, two markers.
    static let maximumOverhead = tagLength + 8
    /// Opus silence; also sent in clear by some clients, so it passes even where a key is set.
    static let silence: [UInt8] = [0xF8, 0xFF, 0xFE]
    /// Frames of one ratchet generation: the nonce's low 24 bits.
    static let generationShift: UInt32 = 24

    /// 12 bytes: eight zero, then the truncated nonce, little-endian.
    static func expand(_ nonce: UInt32) -> (UInt64, UInt32) { (0, nonce.littleEndian) }

    struct Parsed {
        let nonce: UInt32
        /// Parts of the media that travel in clear.
        let clear: [Range<Int>]
        let tag: Range<Int>
        /// Bytes of media before the supplement.
        let mediaLength: Int
    }

    /// Nil where the frame is not a well-formed protected frame.
    static func parse(_ frame: [UInt8]) -> Parsed? {
        let count = frame.count
        guard count >= minimumSupplement, frame[count - 1] == marker, frame[count - 2] == marker else { return nil }
        let size = Int(frame[count - 3])
        guard size >= minimumSupplement, size <= count else { return nil }
        let start = count - size
        var cursor = start + tagLength
        let end = count - 3
        guard let nonce = uleb128(frame, &cursor, end), let nonce = UInt32(exactly: nonce) else { return nil }
        var clear: [Range<Int>] = []
        while cursor < end {
            guard let offset = uleb128(frame, &cursor, end), let length = uleb128(frame, &cursor, end),
                offset <= UInt64(start), length <= UInt64(start) - offset
            else { return nil }
            let range = Int(offset)..<Int(offset + length)
            guard range.lowerBound >= (clear.last?.upperBound ?? 0) else { return nil }
            clear.append(range)
        }
        return Parsed(nonce: nonce, clear: clear, tag: start..<start + tagLength, mediaLength: start)
    }

    private static func uleb128(_ bytes: [UInt8], _ cursor: inout Int, _ end: Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 63, by: 7) {
            guard cursor < end else { return nil }
            let byte = bytes[cursor]
            cursor += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    /// Writes `value` and returns the bytes used (at most five for 32 bits).
    static func writeULEB128(_ value: UInt32, to target: UnsafeMutableRawPointer) -> Int {
        var value = value, count = 0
        repeat {
            let low = UInt8(value & 0x7F)
            value >>= 7
            target.storeBytes(of: value == 0 ? low : low | 0x80, toByteOffset: count, as: UInt8.self)
            count += 1
        } while value != 0
        return count
    }
}
