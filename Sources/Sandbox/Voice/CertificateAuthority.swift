import Crypto
import Foundation
import NIOSSL

/// A certificate authority of the sandbox's own, made afresh at each start, and a server certificate for 127.0.0.1 and
/// localhost. Only its PEM certificate is written to disk; keys stay in memory.
struct CertificateAuthority {
    let authorityPEM: String
    let serverPEM: String
    let serverKeyPEM: String

    init() throws {
        let root = P256.Signing.PrivateKey()
        let server = P256.Signing.PrivateKey()
        let name = Self.name("TimmyBot sandbox authority")
        let identifier = Array(Insecure.SHA1.hash(data: root.publicKey.x963Representation))
        let authority = try Self.certificate(
            subject: name, key: root.publicKey, issuer: name, signedBy: root,
            extensions: [
                Self.basicConstraints(isAuthority: true),
                // keyCertSign, cRLSign
                Self.extended([0x55, 0x1d, 0x0f], critical: true, DER.bits([0x06], unused: 1)),
                Self.extended([0x55, 0x1d, 0x0e], DER.octets(identifier)),
            ])
        let leaf = try Self.certificate(
            subject: Self.name("127.0.0.1"), key: server.publicKey, issuer: name, signedBy: root,
            extensions: [
                Self.basicConstraints(isAuthority: false),
                Self.extended([0x55, 0x1d, 0x0f], critical: true, DER.bits([0x80], unused: 7)),
                // serverAuth
                Self.extended([0x55, 0x1d, 0x25], DER.sequence(DER.oid(0x2b, 6, 1, 5, 5, 7, 3, 1))),
                Self.extended([0x55, 0x1d, 0x23], DER.sequence(DER.node(0x80, identifier))),
                Self.extended(
                    [0x55, 0x1d, 0x11],
                    DER.sequence(DER.node(0x82, Array("localhost".utf8)), DER.node(0x87, [127, 0, 0, 1]))),
            ])
        authorityPEM = Self.pem(authority)
        serverPEM = Self.pem(leaf)
        serverKeyPEM = server.pemRepresentation
    }

    /// TLS of the voice gateway.
    func serverContext() throws -> NIOSSLContext {
        let chain = try [serverPEM, authorityPEM].map { try NIOSSLCertificate(bytes: Array($0.utf8), format: .pem) }
        let key = try NIOSSLPrivateKey(bytes: Array(serverKeyPEM.utf8), format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
    }

    // MARK: X.509 (RFC 5280)

    private static let ecdsaWithSHA256 = DER.sequence(DER.oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2))

    private static func certificate(
        subject: [UInt8], key: P256.Signing.PublicKey, issuer: [UInt8], signedBy signer: P256.Signing.PrivateKey,
        extensions: [[UInt8]]
    ) throws -> [UInt8] {
        let serial = (0..<15).map { _ in UInt8.random(in: 1...127) }
        let body = DER.sequence(
            DER.node(0xa0, DER.integer([2])), DER.integer(serial), ecdsaWithSHA256, issuer,
            DER.sequence(time(.now.addingTimeInterval(-86400)), time(.now.addingTimeInterval(86400 * 365))), subject,
            Array(key.derRepresentation), DER.node(0xa3, DER.node(0x30, extensions.flatMap(\.self))))
        let signature = try signer.signature(for: Data(body)).derRepresentation
        return DER.sequence(body, ecdsaWithSHA256, DER.bits(Array(signature)))
    }

    private static func name(_ text: String) -> [UInt8] {
        DER.sequence(DER.set(DER.sequence(DER.oid(0x55, 4, 3), DER.text(text))))
    }

    private static func extended(_ id: [UInt8], critical: Bool = false, _ value: [UInt8]) -> [UInt8] {
        DER.sequence(DER.node(0x06, id), critical ? DER.yes : [], DER.octets(value))
    }

    private static func basicConstraints(isAuthority: Bool) -> [UInt8] {
        extended([0x55, 0x1d, 0x13], critical: true, isAuthority ? DER.sequence(DER.yes) : DER.sequence())
    }

    private static func time(_ date: Date) -> [UInt8] {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let part = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
        let fields = [
            (part.year ?? 0) % 100, part.month ?? 1, part.day ?? 1, part.hour ?? 0, part.minute ?? 0, part.second ?? 0,
        ]
        let digits = fields.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined()
        return DER.node(0x17, Array((digits + "Z").utf8))
    }

    private static func pem(_ bytes: [UInt8]) -> String {
        let text = Data(bytes).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
    }
}
