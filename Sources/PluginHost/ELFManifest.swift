import Foundation

/// Why a plugin was not loaded, in one line.
public struct PluginRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

/// What a plugin says of itself, read from its file without running a line of it.
public struct PluginManifest: Sendable, Equatable, Codable {
    public let id: String
    public let version: String
    public let abi: Int
    public let name: String?
    public let text: String?
    public let license: String?
    public let hosts: [String]?
    /// "swift-shared" where it needs the host's Swift runtime.
    public let runtime: String?
    /// Searches that its source answers, for `timmybot plugin check` and `try`.
    public let examples: [String]?
    /// Threads that may call an instance at once; one where it is not said.
    public let lanes: Int?

    static let maximumSize = 64 << 10

    /// - Parameter json: what the section `timmybot_manifest` holds, up to its first zero byte.
    public init(json: [UInt8]) throws(PluginRefusal) {
        let text = json.prefix { $0 != 0 }
        guard text.count <= Self.maximumSize, let manifest = try? JSONDecoder().decode(Self.self, from: Data(text))
        else {
            throw PluginRefusal("its manifest is not the JSON that a manifest is")
        }
        self = manifest
        guard abi == 1 else { throw PluginRefusal("it is made for plugin ABI \(abi); this host speaks 1") }
        let allowed = id.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 46 || $0 == 45 }
        // It begins names of files, and those that begin with a dot are passed over.
        guard (1...64).contains(id.utf8.count), allowed, id.utf8.first.map({ $0 != 46 && $0 != 45 }) == true else {
            throw PluginRefusal("its id may only have a-z, 0-9, '.' and '-', with a letter or digit first")
        }
        _ = try AllowedHosts(hosts ?? [])
        guard (1...32).contains(version.utf8.count) else { throw PluginRefusal("its version is missing or too long") }
        guard (1...Lane.maximumThreads).contains(lanes ?? 1) else {
            throw PluginRefusal("it asks for \(lanes ?? 1) lanes; 1 to \(Lane.maximumThreads) can be had")
        }
    }
}

/// A bounded reader of ELF64 files: enough to find one section.
struct ELFFile {
    private let bytes: [UInt8]
    private static let maximumSections = 4_096

    #if arch(x86_64)
        private static let machine: UInt64 = 62
        private static let machineName = "x86-64"
    #else
        private static let machine: UInt64 = 183
        private static let machineName = "aarch64"
    #endif

    init(_ bytes: [UInt8]) throws(PluginRefusal) {
        self.bytes = bytes
        guard bytes.count >= 64, bytes.prefix(4) == [0x7F, 0x45, 0x4C, 0x46] else {
            throw PluginRefusal("it is not an ELF file")
        }
        guard bytes[4] == 2, bytes[5] == 1 else { throw PluginRefusal("it is not a 64-bit little-endian file") }
        guard try number(18, 2) == Self.machine else {
            throw PluginRefusal("it is built for another machine than this one (\(Self.machineName))")
        }
        guard try number(16, 2) == 3 else { throw PluginRefusal("it is not a shared object") }
    }

    private func number(_ offset: Int, _ size: Int) throws(PluginRefusal) -> UInt64 {
        guard offset >= 0, offset + size <= bytes.count else { throw PluginRefusal("the file is cut short") }
        return bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func place(_ offset: Int) throws(PluginRefusal) -> Int {
        guard let value = Int(exactly: try number(offset, 8)), value <= bytes.count else {
            throw PluginRefusal("the file is cut short")
        }
        return value
    }

    /// Contents of a section; nil where there is none of that name.
    func section(_ name: String) throws(PluginRefusal) -> [UInt8]? {
        let table = try place(40)
        let size = Int(try number(58, 2)), count = Int(try number(60, 2)), names = Int(try number(62, 2))
        guard size >= 64, count <= Self.maximumSections, names < count else {
            throw PluginRefusal("its section table is broken")
        }
        guard table + count * size <= bytes.count else { throw PluginRefusal("the file is cut short") }
        let strings = try place(table + names * size + 24)
        // With its zero, so that of a file without one no more is looked at than the name is long.
        let wanted = Array(name.utf8) + [0]
        for index in 0..<count {
            let header = table + index * size
            let at = strings + Int(try number(header, 4))
            guard at < bytes.count, bytes[at...].starts(with: wanted) else { continue }
            let start = try place(header + 24), length = try place(header + 32)
            guard start + length <= bytes.count else { throw PluginRefusal("the file is cut short") }
            return Array(bytes[start..<start + length])
        }
        return nil
    }
}
