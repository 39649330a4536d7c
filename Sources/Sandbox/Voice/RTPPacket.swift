/// Where the parts of a voice packet are (RFC 3550, Discord's rtpsize modes).
struct RTPPacket {
    /// Payload type of Opus at Discord.
    static let opus: UInt8 = 120

    let payloadType: UInt8
    let sequence: UInt16
    let timestamp: UInt32
    let ssrc: UInt32
    /// Bytes in clear and authenticated: fixed header, CSRCs and the preamble of a header extension.
    let headerLength: Int
    /// Bytes of the extension's body, at the start of the decrypted payload.
    let extensionLength: Int
    /// The transport's nonce, at the packet's end.
    let nonce: UInt32
    /// Whether an earlier packet of the same key had this nonce. Whoever knows the key says so.
    var reusesNonce = false

    /// Nil where `bytes` are no RTP of version 2 with room for tag and nonce, or are RTCP.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 12 + 16 + 4, bytes[0] >> 6 == 2, !(200...204).contains(bytes[1]) else { return nil }
        payloadType = bytes[1] & 0x7f
        sequence = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        timestamp = Self.word(bytes, 4)
        ssrc = Self.word(bytes, 8)
        nonce = Self.word(bytes, bytes.count - 4)
        var length = 12 + 4 * Int(bytes[0] & 0x0f)
        var words = 0
        if bytes[0] & 0x10 != 0 {
            guard bytes.count >= length + 4 else { return nil }
            words = Int(bytes[length + 2]) << 8 | Int(bytes[length + 3])
            length += 4
        }
        guard bytes.count >= length + 4 * words + 20 else { return nil }
        headerLength = length
        extensionLength = 4 * words
    }

    static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8 | UInt32(bytes[at + 3])
    }
}
