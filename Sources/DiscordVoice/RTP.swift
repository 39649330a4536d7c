/// RTP as Discord's voice uses it (RFC 3550, section 5.1): version 2, payload type 120, 48 kHz.
public enum RTP {
    public static let headerSize = 12
    /// Samples of one 20 ms frame at 48 kHz.
    public static let samplesPerFrame: UInt32 = 960
    static let version: UInt8 = 0x80
    public static let payloadType: UInt8 = 0x78

    /// Writes the header to `target` (at least 12 bytes).
    @inline(__always)
    static func writeHeader(
        sequence: UInt16, timestamp: UInt32, ssrc: UInt32, to target: UnsafeMutableRawPointer
    ) {
        target.storeBytes(of: version, toByteOffset: 0, as: UInt8.self)
        target.storeBytes(of: payloadType, toByteOffset: 1, as: UInt8.self)
        target.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
        target.storeBytes(of: timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
        target.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
    }
}

/// IP discovery: 74 bytes either way. Source: Discord, "Voice Connections".
public enum IPDiscovery {
    public static let size = 74

    public static func request(ssrc: UInt32) -> [UInt8] {
        var packet: [UInt8] = [0, 1, 0, 70]
        for shift in stride(from: 24, through: 0, by: -8) {
            packet.append(UInt8(truncatingIfNeeded: ssrc >> UInt32(shift)))
        }
        return packet + [UInt8](repeating: 0, count: 66)
    }

    /// Our address as the server sees it; nil where the packet is no answer to `ssrc`.
    public static func response(_ packet: [UInt8], ssrc: UInt32) -> (address: String, port: UInt16)? {
        guard packet.count == size, packet.prefix(4) == [0, 2, 0, 70],
            packet[4..<8].elementsEqual(request(ssrc: ssrc)[4..<8])
        else { return nil }
        let text = packet[8..<72].prefix { $0 != 0 }
        guard !text.isEmpty, text.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
        return (String(decoding: text, as: UTF8.self), UInt16(packet[72]) << 8 | UInt16(packet[73]))
    }
}
