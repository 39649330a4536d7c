import CSodium
import Foundation

/// Public key of minisign: `RW...`, one line of base64.
public struct MinisignKey: Sendable, Equatable {
    /// As minisign prints it.
    public let id: String
    let identifier: [UInt8]
    let key: [UInt8]

    /// - Throws: where the line is not the base64 of "Ed", eight bytes of id and a key of 32.
    public init(_ line: String) throws(PluginStoreError) {
        let text = line.trimmingCharacters(in: .whitespaces)
        guard text.utf8.count <= 128, let data = Data(base64Encoded: text), data.count == 42,
            data.prefix(2) == Data("Ed".utf8)
        else { throw PluginStoreError("'\(text.prefix(60))' is not a minisign public key") }
        let bytes = Array(data)
        identifier = Array(bytes[2..<10])
        key = Array(bytes[10...])
        id = Self.name(identifier)
    }

    /// One key a line; empty lines, lines that begin with '#' and minisign's comments are passed over.
    public static func list(_ text: String) throws(PluginStoreError) -> [MinisignKey] {
        var keys: [MinisignKey] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix("untrusted comment:") { continue }
            keys.append(try MinisignKey(line))
        }
        return keys
    }

    /// The id's eight bytes as a little-endian number.
    static func name(_ identifier: [UInt8]) -> String {
        identifier.reversed().map { byte in
            let text = String(byte, radix: 16, uppercase: true)
            return text.count < 2 ? "0" + text : text
        }.joined()
    }
}

/// A `.minisig` file.
public struct MinisignSignature: Sendable, Equatable {
    static let maximumSize = 16 << 10

    let isPrehashed: Bool
    let identifier: [UInt8]
    let signature: [UInt8]
    /// Signed together with the signature, so that it can be believed once `verify` has returned.
    public let trustedComment: String
    private let global: [UInt8]

    /// Of the key that it says it was made with.
    public var keyID: String { MinisignKey.name(identifier) }

    public init(_ text: String) throws(PluginStoreError) {
        let wrong = PluginStoreError("the signature is not one of minisign")
        guard text.utf8.count <= Self.maximumSize else { throw wrong }
        // Lines end in a line feed, with a carriage return before it where the file went through Windows.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
        guard lines.count >= 4, lines[0].hasPrefix("untrusted comment:"), lines[2].hasPrefix("trusted comment: "),
            lines[4...].allSatisfy(\.isEmpty),
            let body = Data(base64Encoded: lines[1]), body.count == 74,
            let global = Data(base64Encoded: lines[3]), global.count == 64
        else { throw wrong }
        switch body.prefix(2) {
        case Data("Ed".utf8): isPrehashed = false
        case Data("ED".utf8): isPrehashed = true
        default: throw PluginStoreError("the signature is of a kind that this version does not know")
        }
        let bytes = Array(body)
        identifier = Array(bytes[2..<10])
        signature = Array(bytes[10...])
        trustedComment = String(lines[2].dropFirst("trusted comment: ".count))
        self.global = Array(global)
    }

    /// The key of `keys` that vouches for these bytes and for the trusted comment.
    ///
    /// - Throws: where none of the keys made the signature, or it does not hold.
    public func verify(_ bytes: [UInt8], keys: [MinisignKey]) throws(PluginStoreError) -> MinisignKey {
        let candidates = keys.filter { $0.identifier == identifier }
        guard !candidates.isEmpty else {
            throw PluginStoreError("it is signed with key \(keyID), which is not trusted here")
        }
        let message = isPrehashed ? Self.blake2b(bytes) : bytes
        let comment = signature + Array(trustedComment.utf8)
        guard let key = candidates.first(where: { Self.holds(signature, message, $0.key) }) else {
            throw PluginStoreError("its signature does not hold: the file is not the one that was signed")
        }
        guard Self.holds(global, comment, key.key) else {
            throw PluginStoreError("its trusted comment does not hold: the signature file was changed")
        }
        return key
    }

    private static func holds(_ signature: [UInt8], _ message: [UInt8], _ key: [UInt8]) -> Bool {
        crypto_sign_verify_detached(signature, message, UInt64(message.count), key) == 0
    }

    private static func blake2b(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        crypto_generichash(&digest, digest.count, bytes, UInt64(bytes.count), nil, 0)
        return digest
    }
}
