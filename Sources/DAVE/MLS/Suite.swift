import Crypto
import Foundation

/// MLS_128_DHKEMP256_AES128GCM_SHA256_P256, cipher suite 2 of RFC 9420: the only one that DAVE uses.
enum Suite {
    static let id: UInt16 = 2
    static let hashLength = 32
    static let keyLength = 16
    static let nonceLength = 12
    static let hpke = HPKE.Ciphersuite(kem: .P256_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_128)

    static func hash(_ bytes: some Collection<UInt8>) -> [UInt8] { Array(SHA256.hash(data: Data(bytes))) }

    static func mac(_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: key)))
    }

    static func extract(salt: [UInt8], _ inputKey: [UInt8]) -> [UInt8] {
        Array(HKDF<SHA256>.extract(inputKeyMaterial: SymmetricKey(data: inputKey), salt: salt))
    }

    static func expand(_ key: [UInt8], info: [UInt8], length: Int) -> [UInt8] {
        HKDF<SHA256>.expand(pseudoRandomKey: key, info: info, outputByteCount: length).withUnsafeBytes { Array($0) }
    }

    static func random(_ count: Int) -> [UInt8] {
        SymmetricKey(size: SymmetricKeySize(bitCount: 8 * count)).withUnsafeBytes { Array($0) }
    }

    /// Constant-time comparison.
    static func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func label(_ text: String) -> [UInt8] { Array("MLS 1.0 \(text)".utf8) }

    /// RFC 9420, section 8.
    static func expandWithLabel(_ secret: [UInt8], _ text: String, _ context: [UInt8], _ length: Int) -> [UInt8] {
        let info = TLSWriter.build {
            $0.uint16(UInt16(length))
            $0.opaque(label(text))
            $0.opaque(context)
        }
        return expand(secret, info: info, length: length)
    }

    static func deriveSecret(_ secret: [UInt8], _ text: String) -> [UInt8] {
        expandWithLabel(secret, text, [], hashLength)
    }

    /// RFC 9420, section 9.1.
    static func deriveTreeSecret(_ secret: [UInt8], _ text: String, _ generation: UInt32, _ length: Int) -> [UInt8] {
        expandWithLabel(secret, text, TLSWriter.build { $0.uint32(generation) }, length)
    }

    /// RFC 9420, section 5.2.
    static func reference(_ text: String, _ value: [UInt8]) -> [UInt8] {
        hash(
            TLSWriter.build {
                $0.opaque(Array("MLS 1.0 \(text) Reference".utf8))
                $0.opaque(value)
            })
    }

    // MARK: Signatures (RFC 9420, section 5.1.2)

    private static func signContent(_ text: String, _ content: [UInt8]) -> [UInt8] {
        TLSWriter.build {
            $0.opaque(label(text))
            $0.opaque(content)
        }
    }

    static func sign(_ key: P256.Signing.PrivateKey, _ text: String, _ content: [UInt8]) throws(MLSError) -> [UInt8] {
        do {
            return Array(try key.signature(for: signContent(text, content)).derRepresentation)
        } catch {
            throw .refused("signing failed")
        }
    }

    static func verify(_ key: [UInt8], _ text: String, _ content: [UInt8], _ signature: [UInt8]) -> Bool {
        guard let key = try? P256.Signing.PublicKey(x963Representation: key),
            let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: signContent(text, content))
    }

    // MARK: HPKE (RFC 9420, section 5.1.3)

    private static func encryptContext(_ text: String, _ context: [UInt8]) -> Data { Data(signContent(text, context)) }

    static func encrypt(
        _ key: [UInt8], _ text: String, context: [UInt8], _ plaintext: [UInt8]
    ) throws(MLSError) -> HPKECiphertext {
        do {
            let key = try P256.KeyAgreement.PublicKey(x963Representation: key)
            var sender = try HPKE.Sender(recipientKey: key, ciphersuite: hpke, info: encryptContext(text, context))
            let sealed = try sender.seal(plaintext)
            return HPKECiphertext(kemOutput: Array(sender.encapsulatedKey), ciphertext: Array(sealed))
        } catch {
            throw .refused("public key does not encrypt")
        }
    }

    static func decrypt(
        _ key: P256.KeyAgreement.PrivateKey, _ text: String, context: [UInt8], _ sealed: HPKECiphertext
    ) throws(MLSError) -> [UInt8] {
        do {
            var recipient = try HPKE.Recipient(
                privateKey: key, ciphersuite: hpke, info: encryptContext(text, context),
                encapsulatedKey: Data(sealed.kemOutput))
            return Array(try recipient.open(Data(sealed.ciphertext)))
        } catch {
            throw .unauthentic("HPKE ciphertext")
        }
    }

    /// DeriveKeyPair of DHKEM(P-256), RFC 9180, section 7.1.3.
    static func deriveKeyPair(_ inputKey: [UInt8]) throws(MLSError) -> P256.KeyAgreement.PrivateKey {
        let suiteID = Array("KEM".utf8) + [0x00, 0x10]
        let version = Array("HPKE-v1".utf8)
        let secret = extract(salt: [], version + suiteID + Array("dkp_prk".utf8) + inputKey)
        for counter in UInt8.min...UInt8.max {
            let info = [0, 32] + version + suiteID + Array("candidate".utf8) + [counter]
            let candidate = expand(secret, info: info, length: 32)
            if let key = try? P256.KeyAgreement.PrivateKey(rawRepresentation: candidate) { return key }
        }
        throw .refused("no key pair from this secret")
    }

    // MARK: AEAD

    static func open(_ key: [UInt8], nonce: [UInt8], _ sealed: [UInt8]) throws(MLSError) -> [UInt8] {
        guard sealed.count >= 16, let nonce = try? AES.GCM.Nonce(data: nonce),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce, ciphertext: sealed.dropLast(16), tag: sealed.suffix(16)),
            let plaintext = try? AES.GCM.open(box, using: SymmetricKey(data: key))
        else { throw .unauthentic("AEAD authentication failure") }
        return Array(plaintext)
    }

    static func seal(_ key: [UInt8], nonce: [UInt8], _ plaintext: [UInt8]) throws(MLSError) -> [UInt8] {
        guard let nonce = try? AES.GCM.Nonce(data: nonce),
            let box = try? AES.GCM.seal(plaintext, using: SymmetricKey(data: key), nonce: nonce)
        else { throw .refused("sealing failed") }
        return Array(box.ciphertext) + Array(box.tag)
    }
}

/// RFC 9420, section 7.6.
struct HPKECiphertext: TLSCodable, Equatable, Sendable {
    var kemOutput: [UInt8]
    var ciphertext: [UInt8]

    init(kemOutput: [UInt8], ciphertext: [UInt8]) {
        self.kemOutput = kemOutput
        self.ciphertext = ciphertext
    }

    init(from reader: inout TLSReader) throws(MLSError) {
        kemOutput = try reader.opaque()
        ciphertext = try reader.opaque()
    }

    func encode(to writer: inout TLSWriter) {
        writer.opaque(kemOutput)
        writer.opaque(ciphertext)
    }
}
