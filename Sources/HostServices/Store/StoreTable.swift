import CSodium
import CTimmyBot
import PluginHost

/// What one plugin keeps, with its quota, and how that looks in a file. Pure.
///
///     "TBSTORE1"                       8 bytes
///     number of entries                4 bytes, little-endian
///     per entry: length of the key     4 bytes    length of the value   4 bytes    key    value
///     BLAKE2b of all before it        32 bytes
struct StoreTable: Sendable, Equatable {
    static let magic = Array("TBSTORE1".utf8)
    static let digestLength = 32
    /// No sound file is larger.
    static let maximumFile = StoreLimits.maximumTotal + StoreLimits.maximumKeys * 8 + 64

    private(set) var entries: [[UInt8]: [UInt8]] = [:]
    private(set) var total = 0

    init() {}

    /// Answers, and says whether anything is different now. Throws `TB_E_INVALID` and, beyond the quota, `TB_E_RATE_LIMIT`.
    mutating func apply(_ operation: StoreOperation) throws(PluginFailure) -> (answer: StoreAnswer, isChanged: Bool) {
        switch operation {
        case .get(let key):
            let value = entries[key]
            return (StoreAnswer(isFound: value != nil, value: value ?? []), false)
        case .keys(let prefix):
            let keys = entries.keys.filter { $0.starts(with: prefix) }.sorted { $0.lexicographicallyPrecedes($1) }
            return (StoreAnswer(isFound: !keys.isEmpty, keys: keys), false)
        case .remove(let key):
            guard let old = entries.removeValue(forKey: key) else { return (StoreAnswer(isFound: false), false) }
            total -= key.count + old.count
            return (StoreAnswer(isFound: true), true)
        case .set(let key, let value):
            guard StoreLimits.keyLength.contains(key.count), value.count <= StoreLimits.maximumValue else {
                throw PluginFailure(code: TB_E_INVALID, detail: "a key or a value of a length that is not allowed")
            }
            let old = entries[key]
            if old == value { return (StoreAnswer(isFound: true), false) }
            let after = total + value.count - (old.map(\.count) ?? -key.count)
            guard after <= StoreLimits.maximumTotal, old != nil || entries.count < StoreLimits.maximumKeys else {
                throw PluginFailure(code: TB_E_RATE_LIMIT, detail: "the plugin's store is full")
            }
            entries[key] = value
            total = after
            return (StoreAnswer(isFound: old != nil), true)
        }
    }

    // MARK: File

    func encoded() -> [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(total + entries.count * 8 + 64)
        Self.append(entries.count, to: &bytes)
        for (key, value) in entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            Self.append(key.count, to: &bytes)
            Self.append(value.count, to: &bytes)
            bytes += key
            bytes += value
        }
        return bytes + Self.digest(bytes)
    }

    /// Nil where the bytes are not what `encoded` wrote.
    init?(decoding bytes: [UInt8]) {
        guard bytes.count <= Self.maximumFile, bytes.count >= Self.magic.count + 4 + Self.digestLength,
            bytes.starts(with: Self.magic),
            bytes.suffix(Self.digestLength).elementsEqual(
                Self.digest(Array(bytes.dropLast(Self.digestLength))))
        else { return nil }
        var rest = bytes.dropLast(Self.digestLength).dropFirst(Self.magic.count)
        guard let count = Self.number(&rest), count <= StoreLimits.maximumKeys else { return nil }
        for _ in 0..<count {
            guard let keyLength = Self.number(&rest), let valueLength = Self.number(&rest),
                keyLength + valueLength <= rest.count
            else { return nil }
            let key = Array(rest.prefix(keyLength)), value = Array(rest.dropFirst(keyLength).prefix(valueLength))
            rest = rest.dropFirst(keyLength + valueLength)
            guard entries[key] == nil, (try? apply(.set(key, value))) != nil else { return nil }
        }
        guard rest.isEmpty else { return nil }
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt32(number).littleEndian) { bytes += $0 }
    }

    private static func number(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= 4 else { return nil }
        defer { bytes = bytes.dropFirst(4) }
        return bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: digestLength)
        crypto_generichash(&digest, digestLength, bytes, UInt64(bytes.count), nil, 0)
        return digest
    }
}
