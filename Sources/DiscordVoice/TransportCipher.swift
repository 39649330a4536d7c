import COpenSSL
import CSodium
import DiscordModel

/// Transport encryption of voice packets, `rtpsize` modes: the RTP header is authenticated, the payload encrypted, and a
/// 32-bit counter is both the start of the nonce and the packet's last four bytes. Not thread-safe; no allocation per
/// packet.
public final class TransportCipher {
    static let tagSize = 16
    static let counterSize = 4
    /// Bytes that a packet is longer than header and payload.
    public static let overhead = tagSize + counterSize

    private enum Algorithm {
        case gcm(seal: OpaquePointer, open: OpaquePointer)
        case xchacha
    }

    private let algorithm: Algorithm
    private let key: [UInt8]
    private let nonce: UnsafeMutablePointer<UInt8>
    private var counter: UInt32

    /// Nil where the key is not 32 bytes or a library refuses.
    /// - Parameter counter: of the first packet.
    public init?(_ mode: VoiceEncryptionMode, key: [UInt8], counter: UInt32 = 0) {
        guard key.count == 32, sodium_init() >= 0 else { return nil }
        switch mode {
        case .aes256GCM:
            guard let seal = EVP_CIPHER_CTX_new() else { return nil }
            guard let open = EVP_CIPHER_CTX_new(), EVP_EncryptInit_ex(seal, EVP_aes_256_gcm(), nil, key, nil) == 1,
                EVP_DecryptInit_ex(open, EVP_aes_256_gcm(), nil, key, nil) == 1
            else {
                EVP_CIPHER_CTX_free(seal)
                return nil
            }
            algorithm = .gcm(seal: seal, open: open)
        case .xchacha20Poly1305: algorithm = .xchacha
        }
        self.key = key
        self.counter = counter
        nonce = .allocate(capacity: 24)
        nonce.initialize(repeating: 0, count: 24)
    }

    deinit {
        if case .gcm(let seal, let open) = algorithm {
            EVP_CIPHER_CTX_free(seal)
            EVP_CIPHER_CTX_free(open)
        }
        nonce.deallocate()
    }

    /// Encrypts the `count` bytes behind the header in place and appends tag and counter.
    /// - Parameter packet: header, payload, and room for `overhead` more.
    /// - Returns: size of the whole packet, or -1; so too when the counter is used up, after 2.7 years of one connection:
    ///   it must never wrap under one key.
    public func seal(_ packet: UnsafeMutableRawPointer, header: Int, count: Int) -> Int {
        guard counter < .max else { return -1 }
        setNonce(counter.bigEndian)
        let bytes = packet.assumingMemoryBound(to: UInt8.self)
        let payload = bytes + header
        switch algorithm {
        case .gcm(let context, _):
            var written: Int32 = 0
            guard EVP_EncryptInit_ex(context, nil, nil, nil, nonce) == 1,
                EVP_EncryptUpdate(context, nil, &written, bytes, Int32(header)) == 1,
                EVP_EncryptUpdate(context, payload, &written, payload, Int32(count)) == 1,
                EVP_EncryptFinal_ex(context, payload + count, &written) == 1,
                tb_evp_gcm_get_tag(context, Int32(Self.tagSize), payload + count) == 1
            else { return -1 }
        case .xchacha:
            let sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(
                payload, nil, payload, UInt64(count), bytes, UInt64(header), nil, nonce, key)
            guard sealed == 0 else { return -1 }
        }
        let end = header + count + Self.tagSize
        packet.storeBytes(of: counter.bigEndian, toByteOffset: end, as: UInt32.self)
        counter += 1
        return end + Self.counterSize
    }

    private func setNonce(_ value: UInt32) {
        UnsafeMutableRawPointer(nonce).storeBytes(of: value, as: UInt32.self)
    }

    /// The decrypted payload of a received packet, header extension data removed; nil where it does not verify.
    public func open(_ packet: [UInt8]) -> [UInt8]? {
        guard packet.count >= RTP.headerSize, packet[0] >> 6 == 2 else { return nil }
        let hasExtension = packet[0] & 0x10 != 0
        let header = RTP.headerSize + 4 * Int(packet[0] & 0x0F) + (hasExtension ? 4 : 0)
        let sealed = packet.count - header - Self.overhead
        guard sealed >= 0 else { return nil }
        var packet = packet
        packet.withUnsafeBytes { setNonce($0.loadUnaligned(fromByteOffset: packet.count - 4, as: UInt32.self)) }
        var plain = [UInt8](repeating: 0, count: sealed + Self.tagSize)
        let good = packet.withUnsafeMutableBufferPointer { bytes -> Bool in
            guard let base = bytes.baseAddress else { return false }
            return decrypt(base, header: header, count: sealed, to: &plain)
        }
        guard good else { return nil }
        let words = hasExtension ? Int(packet[header - 2]) << 8 | Int(packet[header - 1]) : 0
        guard 4 * words <= sealed else { return nil }
        return Array(plain[4 * words..<sealed])
    }

    private func decrypt(
        _ packet: UnsafeMutablePointer<UInt8>, header: Int, count: Int, to plain: inout [UInt8]
    ) -> Bool {
        switch algorithm {
        case .gcm(_, let context):
            var written: Int32 = 0
            return EVP_DecryptInit_ex(context, nil, nil, nil, nonce) == 1
                && tb_evp_gcm_set_tag(context, Int32(Self.tagSize), packet + header + count) == 1
                && EVP_DecryptUpdate(context, nil, &written, packet, Int32(header)) == 1
                && EVP_DecryptUpdate(context, &plain, &written, packet + header, Int32(count)) == 1
                && EVP_DecryptFinal_ex(context, &plain[count], &written) == 1
        case .xchacha:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(
                &plain, nil, nil, packet + header, UInt64(count + Self.tagSize), packet, UInt64(header), nonce, key)
                == 0
        }
    }
}
