import CSodium
import Foundation
import Glibc
import PluginHost

/// Encrypts and authenticates small files with a key of this installation: XChaCha20-Poly1305 (libsodium's
/// `crypto_aead_xchacha20poly1305_ietf`).
///
///     "TBSEAL01"     8 bytes, the version
///     nonce         24 bytes, random
///     ciphertext with its tag, bound to the version and to the file's purpose
struct Seal: Sendable {
    static let magic = Array("TBSEAL01".utf8)
    static let keyLength = 32
    private static let nonceLength = 24
    private static let tagLength = 16

    private let key: [UInt8]

    /// Nil where the key has another length.
    init?(key: [UInt8]) {
        guard key.count == Self.keyLength, sodium_init() >= 0 else { return nil }
        self.key = key
    }

    func seal(_ plain: [UInt8], purpose: String) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: Self.nonceLength)
        randombytes_buf(&nonce, nonce.count)
        let bound = Self.magic + Array(purpose.utf8)
        var sealed = [UInt8](repeating: 0, count: plain.count + Self.tagLength)
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            &sealed, nil, plain, UInt64(plain.count), bound, UInt64(bound.count), nil, nonce, key)
        return Self.magic + nonce + sealed
    }

    /// Nil where the bytes were not sealed with this key for this purpose.
    func open(_ bytes: [UInt8], purpose: String) -> [UInt8]? {
        let overhead = Self.magic.count + Self.nonceLength + Self.tagLength
        guard bytes.count >= overhead, bytes.starts(with: Self.magic) else { return nil }
        let nonce = Array(bytes[Self.magic.count...].prefix(Self.nonceLength))
        let sealed = Array(bytes.dropFirst(Self.magic.count + Self.nonceLength))
        let bound = Self.magic + Array(purpose.utf8)
        var plain = [UInt8](repeating: 0, count: sealed.count - Self.tagLength)
        guard
            crypto_aead_xchacha20poly1305_ietf_decrypt(
                &plain, nil, nil, sealed, UInt64(sealed.count), bound, UInt64(bound.count), nonce, key) == 0
        else { return nil }
        return plain
    }

    /// The installation's key, made where there is none. Blocks. The file is for the owner only; one that others can read
    /// is not used.
    static func key(at path: String, files: any FileKeeping) throws(FileFailure) -> [UInt8] {
        if let known = try files.read(path, limit: keyLength) {
            var status = stat()
            guard stat(path, &status) == 0 else { throw FileFailure(path: path, number: errno) }
            guard status.st_mode & 0o077 == 0 else { throw FileFailure(path: path, number: EPERM) }
            guard known.count == keyLength else { throw FileFailure(path: path, number: EINVAL) }
            return known
        }
        var key = [UInt8](repeating: 0, count: keyLength)
        randombytes_buf(&key, key.count)
        try files.replace(path, with: key)
        return key
    }
}
