import COpenSSL

/// What two people compare to know each other's keys (DAVE, "Verification Fingerprint").
public enum Fingerprint {
    /// `version` (2 bytes), the public signature key, the user id (8 bytes, big-endian).
    public static func key(version: UInt16, signatureKey: [UInt8], userID: UInt64) -> [UInt8] {
        TLSWriter.build {
            $0.uint16(version)
            $0.raw(signatureKey)
            $0.uint64(userID)
        }
    }

    /// 64 bytes, the same on both sides: scrypt (N 16384, r 8, p 2) over both key fingerprints in byte order. Takes
    /// some tens of milliseconds and 32 MB: not for a thread that must not wait. Nil where libcrypto refuses.
    public static func pairwise(_ one: [UInt8], _ other: [UInt8]) -> [UInt8]? {
        let input = one.lexicographicallyPrecedes(other) ? one + other : other + one
        let salt: [UInt8] = [
            0x24, 0xCA, 0xB1, 0x7A, 0x7A, 0xF8, 0xEC, 0x2B, 0x82, 0xB4, 0x12, 0xB9, 0x2D, 0xAB, 0x19, 0x2E,
        ]
        var output = [UInt8](repeating: 0, count: 64)
        let result = input.withUnsafeBytes { bytes in
            EVP_PBE_scrypt(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, salt, salt.count, 16384, 8, 2,
                32 << 20, &output, output.count)
        }
        return result == 1 ? output : nil
    }
}
