import COpenSSL

/// AES-128-GCM with an 8-byte tag, one OpenSSL context kept for many frames. Not thread-safe.
final class FrameCipher {
    private let context: OpaquePointer
    private let sealing: Bool

    /// Nil where the key is not 16 bytes or libcrypto refuses.
    init?(key: [UInt8], sealing: Bool) {
        guard key.count == Suite.keyLength, let context = EVP_CIPHER_CTX_new() else { return nil }
        self.context = context
        self.sealing = sealing
        guard EVP_CipherInit_ex(context, EVP_aes_128_gcm(), nil, key, nil, sealing ? 1 : 0) == 1 else { return nil }
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    private func start(_ nonce: UInt32) -> Bool {
        var full = FrameFormat.expand(nonce)
        return withUnsafeBytes(of: &full) { bytes in
            EVP_CipherInit_ex(
                context, nil, nil, nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), sealing ? 1 : 0) == 1
        }
    }

    /// Encrypts `count` bytes to `target` and writes the tag behind them. No allocation.
    func seal(
        _ source: UnsafePointer<UInt8>, _ count: Int, nonce: UInt32, to target: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        var written: Int32 = 0
        return start(nonce) && EVP_CipherUpdate(context, target, &written, source, Int32(count)) == 1
            && EVP_CipherFinal_ex(context, target + Int(written), &written) == 1
            && tb_evp_gcm_get_tag(context, Int32(FrameFormat.tagLength), target + count) == 1
    }

    /// Decrypts and checks; nil where the tag does not fit.
    func open(_ ciphertext: [UInt8], authenticated: [UInt8], tag: [UInt8], nonce: UInt32) -> [UInt8]? {
        var written: Int32 = 0
        var tag = tag
        var plaintext = [UInt8](repeating: 0, count: ciphertext.count + 16)
        guard start(nonce), tb_evp_gcm_set_tag(context, Int32(FrameFormat.tagLength), &tag) == 1,
            authenticated.isEmpty
                || EVP_CipherUpdate(context, nil, &written, authenticated, Int32(authenticated.count)) == 1,
            EVP_CipherUpdate(context, &plaintext, &written, ciphertext, Int32(ciphertext.count)) == 1
        else { return nil }
        var last: Int32 = 0
        guard EVP_CipherFinal_ex(context, &plaintext[Int(written)], &last) == 1 else { return nil }
        return Array(plaintext.prefix(ciphertext.count))
    }
}
