import Foundation

/// Why a file could not be read as a shared object.
struct ELFError: Error, CustomStringConvertible {
    let description: String
}

/// What the checks want to know of an ELF64 shared object, read from its bytes with every offset checked. Source: System V
/// ABI, "Object Files" and "Program Loading and Dynamic Linking"; glibc's versions as in the LSB, "Symbol Versioning".
struct ELFImage {
    struct Segment {
        let type, flags: UInt32
        let offset, address, fileSize: UInt64
    }

    let machine: UInt16
    let segments: [Segment]
    /// Contents of the sections by name, as far as they lie in the file.
    let sections: [String: Range<Int>]
    /// Tags and values of the dynamic section.
    let dynamic: [(tag: Int64, value: UInt64)]
    let needed: [String]
    /// DT_RPATH and DT_RUNPATH, cut at colons.
    let searchPaths: [String]
    /// Global and weak symbols that the object defines.
    let exports: [String]
    /// Versions of libraries that its symbols ask for, "GLIBC_2.34" for one.
    let versions: [String]
    private let bytes: [UInt8]

    private static let maximumEntries = 4_096

    static let native: UInt16 = {
        #if arch(x86_64)
            62
        #else
            183
        #endif
    }()

    init(_ bytes: [UInt8]) throws {
        let file = ELFBytes(bytes)
        guard bytes.prefix(4) == [0x7F, 0x45, 0x4C, 0x46] else { throw ELFError(description: "it is not an ELF file") }
        guard bytes.count >= 64, bytes[4] == 2, bytes[5] == 1 else {
            throw ELFError(description: "it is not a 64-bit little-endian ELF file")
        }
        guard try file.number(16, 2) == 3 else { throw ELFError(description: "it is not a shared object") }
        self.bytes = bytes
        machine = UInt16(try file.number(18, 2))
        segments = try Self.segments(file)
        sections = try Self.sections(file)
        let loads = segments.filter { $0.type == 1 }
        dynamic = try Self.dynamic(file, segments)
        let tables = ELFTables(file: file, loads: loads, dynamic: dynamic)
        needed = try dynamic.filter { $0.tag == 1 }.map { try tables.string($0.value) }
        searchPaths = try dynamic.filter { $0.tag == 15 || $0.tag == 29 }.flatMap {
            try tables.string($0.value).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        exports = try tables.exports(sections["*dynsym"])
        versions = try tables.versions()
    }

    /// DT_FLAGS_1 has DF_1_NODELETE.
    var isNeverUnloaded: Bool { dynamic.contains { $0.tag == 0x6FFF_FFFB && $0.value & 0x8 != 0 } }
    /// DT_TEXTREL, or DF_TEXTREL in DT_FLAGS.
    var hasTextRelocations: Bool { dynamic.contains { $0.tag == 22 || ($0.tag == 30 && $0.value & 4 != 0) } }
    /// PT_GNU_STACK asks for an executable stack, or is not there at all.
    var wantsExecutableStack: Bool { segments.first { $0.type == 0x6474_E551 }.map { $0.flags & 1 != 0 } ?? true }
    /// A segment that is writable and executable at once.
    var hasWritableCode: Bool { segments.contains { $0.type == 1 && $0.flags & 3 == 3 } }

    func section(_ name: String) -> [UInt8]? { sections[name].map { Array(bytes[$0]) } }

    private static func segments(_ file: ELFBytes) throws -> [Segment] {
        let size = Int(try file.number(54, 2)), count = Int(try file.number(56, 2))
        guard size >= 56, count <= 1_024 else { throw ELFError(description: "its program headers are broken") }
        let table = try file.range(try file.number(32, 8), UInt64(count * size)).lowerBound
        return try (0..<count).map { index in
            let at = table + index * size
            return Segment(
                type: UInt32(try file.number(at, 4)), flags: UInt32(try file.number(at + 4, 4)),
                offset: try file.number(at + 8, 8), address: try file.number(at + 16, 8),
                fileSize: try file.number(at + 32, 8))
        }
    }

    /// Sections by name; the dynamic symbol table also under "*dynsym", whatever it is called.
    private static func sections(_ file: ELFBytes) throws -> [String: Range<Int>] {
        let count = Int(try file.number(60, 2)), size = Int(try file.number(58, 2))
        guard count > 0, size >= 64, count <= 4_096 else { return [:] }
        let table = try file.range(try file.number(40, 8), UInt64(count * size)).lowerBound
        let names = try file.range(try file.number(table + Int(try file.number(62, 2)) * size + 24, 8), 0)
        var found: [String: Range<Int>] = [:]
        for index in 0..<count {
            let at = table + index * size
            let type = try file.number(at + 4, 4)
            guard type != 8 else { continue }  // SHT_NOBITS has no bytes
            let range = try file.range(try file.number(at + 24, 8), try file.number(at + 32, 8))
            found[try file.string(names.lowerBound + Int(try file.number(at, 4)))] = range
            if type == 11 { found["*dynsym"] = range }
        }
        return found
    }

    private static func dynamic(_ file: ELFBytes, _ segments: [Segment]) throws -> [(tag: Int64, value: UInt64)] {
        guard let segment = segments.first(where: { $0.type == 2 }) else {
            throw ELFError(description: "it has no dynamic section")
        }
        let range = try file.range(segment.offset, segment.fileSize)
        var entries: [(Int64, UInt64)] = []
        for at in stride(from: range.lowerBound, to: range.upperBound - 15, by: 16) {
            let tag = Int64(bitPattern: try file.number(at, 8))
            if tag == 0 { break }
            guard entries.count < maximumEntries else {
                throw ELFError(description: "it has too many entries in its dynamic section")
            }
            entries.append((tag, try file.number(at + 8, 8)))
        }
        return entries
    }
}

/// Bounded little-endian reads.
struct ELFBytes {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var cut: ELFError { ELFError(description: "the file is cut short or its tables are broken") }

    func number(_ offset: Int, _ size: Int) throws -> UInt64 {
        guard offset >= 0, offset <= bytes.count - size else { throw cut }
        return bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    func range(_ offset: UInt64, _ size: UInt64) throws -> Range<Int> {
        guard let start = Int(exactly: offset), let length = Int(exactly: size), start <= bytes.count,
            length <= bytes.count - start
        else { throw cut }
        return start..<start + length
    }

    /// Up to 4096 bytes before a zero.
    func string(_ offset: Int) throws -> String {
        guard offset >= 0, offset < bytes.count else { throw cut }
        return String(decoding: bytes[offset...].prefix(4_096).prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// Tables that the dynamic section points to by address.
struct ELFTables {
    let file: ELFBytes
    let loads: [ELFImage.Segment]
    let dynamic: [(tag: Int64, value: UInt64)]
    private static let maximumSymbols = 200_000

    private func value(_ tag: Int64) -> UInt64? { dynamic.first { $0.tag == tag }?.value }

    private func offset(_ address: UInt64) throws -> Int {
        for load in loads where address >= load.address && address - load.address < load.fileSize {
            return try file.range(load.offset, load.fileSize).lowerBound + Int(address - load.address)
        }
        throw ELFError(description: "its dynamic section points nowhere")
    }

    func string(_ place: UInt64) throws -> String {
        guard let table = value(5) else { throw ELFError(description: "it has no string table") }
        return try file.string(try file.range(UInt64(try offset(table)), place).upperBound)
    }

    /// Defined symbols of the dynamic symbol table, whose length only its section tells.
    func exports(_ table: Range<Int>?) throws -> [String] {
        guard let table else { throw ELFError(description: "it has no dynamic symbol table") }
        guard table.count / 24 <= Self.maximumSymbols else { throw ELFError(description: "it has too many symbols") }
        var names: [String] = []
        for at in stride(from: table.lowerBound, to: table.upperBound - 23, by: 24) {
            let binding = try file.number(at + 4, 1) >> 4, visibility = try file.number(at + 5, 1) & 3
            let section = try file.number(at + 6, 2)
            // Global, weak or unique; default or protected; defined here and not the name of a version.
            guard [1, 2, 10].contains(binding), visibility == 0 || visibility == 3, section != 0, section != 0xFFF1
            else { continue }
            names.append(try string(try file.number(at, 4)))
        }
        return names.sorted()
    }

    /// DT_VERNEED: names of the versions of other libraries.
    func versions() throws -> [String] {
        guard let table = value(0x6FFF_FFFE), let count = value(0x6FFF_FFFF), count <= 256 else { return [] }
        var names: [String] = []
        var need = try offset(table)
        for _ in 0..<count {
            var auxiliary = need + Int(try file.number(need + 8, 4))
            for _ in 0..<min(1_024, try file.number(need + 2, 2)) {
                names.append(try string(try file.number(auxiliary + 8, 4)))
                let next = Int(try file.number(auxiliary + 12, 4))
                if next == 0 { break }
                auxiliary += next
            }
            let next = Int(try file.number(need + 12, 4))
            if next == 0 { break }
            need += next
        }
        return names
    }
}
