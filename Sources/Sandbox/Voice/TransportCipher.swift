import COpenSSL
import CSodium
import DiscordModel

/// Transport encryption between one client and the media server, both ways.
final class TransportCipher {
    let mode: VoiceEncryptionMode
    private let key: [UInt8]
    private var counter: UInt32 = 0
    private var sealing: OpaquePointer?
    private var opening: OpaquePointer?

    /// Nil where the key is not 32 bytes or libcrypto refuses it.
    init?(_ mode: VoiceEncryptionMode, key: [UInt8]) {
        guard key.count == 32 else { return nil }
        self.mode = mode
        self.key = key
        guard mode == .aes256GCM else { return }
        sealing = EVP_CIPHER_CTX_new()
        opening = EVP_CIPHER_CTX_new()
        guard EVP_EncryptInit_ex(sealing, EVP_aes_256_gcm(), nil, key, nil) == 1,
            EVP_DecryptInit_ex(opening, EVP_aes_256_gcm(), nil, key, nil) == 1
        else { return nil }
    }

    deinit {
        if let sealing { EVP_CIPHER_CTX_free(sealing) }
        if let opening { EVP_CIPHER_CTX_free(opening) }
    }

    /// The payload (with an extension's body before it); nil where the tag does not fit.
    func open(_ packet: [UInt8], headerLength: Int) -> [UInt8]? {
        let sealed = Array(packet[headerLength..<(packet.count - 4)])
        let header = Array(packet[..<headerLength])
        let nonce = Array(packet.suffix(4))
        return mode == .aes256GCM ? openAES(sealed, header, nonce) : openXChaCha(sealed, header, nonce)
    }

    /// The packet: header, sealed payload, tag, nonce.
    func seal(_ payload: [UInt8], header: [UInt8]) -> [UInt8]? {
        counter &+= 1
        let nonce = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: counter >> $0) }
        let sealed = mode == .aes256GCM ? sealAES(payload, header, nonce) : sealXChaCha(payload, header, nonce)
        return sealed.map { header + $0 + nonce }
    }

    // MARK: AES-256-GCM

    private func openAES(_ sealed: [UInt8], _ header: [UInt8], _ nonce: [UInt8]) -> [UInt8]? {
        guard sealed.count >= 16 else { return nil }
        let iv = nonce + [UInt8](repeating: 0, count: 8)
        var tag = Array(sealed.suffix(16))
        let body = Array(sealed.dropLast(16))
        var output = [UInt8](repeating: 0, count: body.count + 16)
        var count: Int32 = 0
        guard EVP_DecryptInit_ex(opening, nil, nil, nil, iv) == 1,
            EVP_DecryptUpdate(opening, nil, &count, header, Int32(header.count)) == 1,
            EVP_DecryptUpdate(opening, &output, &count, body, Int32(body.count)) == 1,
            tb_evp_gcm_set_tag(opening, 16, &tag) == 1
        else { return nil }
        var rest: Int32 = 0
        var end = [UInt8](repeating: 0, count: 16)
        guard EVP_DecryptFinal_ex(opening, &end, &rest) == 1 else { return nil }
        return Array(output.prefix(Int(count)))
    }

    private func sealAES(_ payload: [UInt8], _ header: [UInt8], _ nonce: [UInt8]) -> [UInt8]? {
        let iv = nonce + [UInt8](repeating: 0, count: 8)
        var output = [UInt8](repeating: 0, count: payload.count + 16)
        var tag = [UInt8](repeating: 0, count: 16)
        var count: Int32 = 0, rest: Int32 = 0
        guard EVP_EncryptInit_ex(sealing, nil, nil, nil, iv) == 1,
            EVP_EncryptUpdate(sealing, nil, &count, header, Int32(header.count)) == 1,
            EVP_EncryptUpdate(sealing, &output, &count, payload, Int32(payload.count)) == 1,
            EVP_EncryptFinal_ex(sealing, &tag, &rest) == 1, tb_evp_gcm_get_tag(sealing, 16, &tag) == 1
        else { return nil }
        return Array(output.prefix(Int(count))) + tag
    }

    // MARK: XChaCha20-Poly1305

    private func openXChaCha(_ sealed: [UInt8], _ header: [UInt8], _ nonce: [UInt8]) -> [UInt8]? {
        guard sealed.count >= 16 else { return nil }
        let full = nonce + [UInt8](repeating: 0, count: 20)
        var output = [UInt8](repeating: 0, count: max(1, sealed.count - 16))
        var count: UInt64 = 0
        let status = crypto_aead_xchacha20poly1305_ietf_decrypt(
            &output, &count, nil, sealed, UInt64(sealed.count), header, UInt64(header.count), full, key)
        return status == 0 ? Array(output.prefix(Int(count))) : nil
    }

    private func sealXChaCha(_ payload: [UInt8], _ header: [UInt8], _ nonce: [UInt8]) -> [UInt8]? {
        let full = nonce + [UInt8](repeating: 0, count: 20)
        var output = [UInt8](repeating: 0, count: payload.count + 16)
        var count: UInt64 = 0
        let status = crypto_aead_xchacha20poly1305_ietf_encrypt(
            &output, &count, payload, UInt64(payload.count), header, UInt64(header.count), nil, full, key)
        return status == 0 ? Array(output.prefix(Int(count))) : nil
    }
}
