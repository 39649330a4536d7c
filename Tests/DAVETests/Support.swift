import Crypto
import Foundation
import TestSupport
import Testing

@testable import DAVE

/// DAVE's own vectors are part of the repository: Tests/Fixtures/dave.
enum Fixtures {
    static func json(_ name: String) throws -> JSON {
        try JSON(file: "\(repositoryRoot)/Tests/Fixtures/dave/\(name)")
    }
}

/// The MLS working group's vectors and RFC 9180's are not: see `SharedSpecs`.
enum Specs {
    static let present = SharedSpecs.has("mls/dave-subset.json")
    static let absence = Comment(rawValue: SharedSpecs.absence)

    static func json(_ path: String) throws -> JSON { try JSON(file: SharedSpecs.path(path)) }
}

/// Loose reading of vector files; a missing member fails the test where it is used.
struct JSON {
    let value: Any?
    init(_ value: Any?) { self.value = value is NSNull ? nil : value }
    init(file: String) throws {
        self.init(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file))))
    }
    subscript(_ key: String) -> JSON { JSON((value as? [String: Any])?[key]) }
    subscript(_ index: Int) -> JSON { JSON((value as? [Any])?[index]) }
    /// A list that is not there fails the test: a loop over it would check nothing.
    var list: [JSON] {
        guard let items = value as? [Any] else {
            Issue.record("there is no such list in the vectors")
            return []
        }
        return items.map(JSON.init)
    }
    /// One that events of some kinds have and others have not.
    var optionalList: [JSON] { (value as? [Any] ?? []).map(JSON.init) }
    var keys: [String] { Array((value as? [String: Any] ?? [:]).keys) }
    var string: String { value as? String ?? "" }
    var optionalString: String? { value as? String }
    var exists: Bool { value != nil }
    var bool: Bool { value as? Bool ?? false }
    var int: Int { (value as? NSNumber)?.intValue ?? Int(string) ?? -1 }
    var uint64: UInt64 { UInt64(string) ?? (value as? NSNumber)?.uint64Value ?? 0 }
    var bytes: [UInt8] { hex(string) }
}

func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
        UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
}

func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

func memberKeys(_ observer: JSON) throws -> MemberKeys {
    MemberKeys(
        signatureKey: try P256.Signing.PrivateKey(rawRepresentation: observer["signature_private_key"].bytes),
        leafKey: try P256.KeyAgreement.PrivateKey(rawRepresentation: observer["leaf_encryption_private_key"].bytes),
        initKey: try P256.KeyAgreement.PrivateKey(rawRepresentation: observer["init_private_key"].bytes),
        keyPackage: try KeyPackage(whole: observer["key_package"].bytes))
}

extension DAVEAction {
    var sent: (opcode: UInt8, payload: [UInt8])? {
        if case .sendBinary(let opcode, let payload) = self { (opcode, payload) } else { nil }
    }
    var installed: KeyRatchet? { if case .installSender(let ratchet) = self { ratchet } else { nil } }
    var isInvalid: Bool { if case .invalidCommitWelcome = self { true } else { false } }
    var ready: UInt16? { if case .readyForTransition(let id) = self { id } else { nil } }
}
