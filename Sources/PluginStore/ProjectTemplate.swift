import Foundation

/// A new plugin's folder, made from one of the SDK's templates: `{{NAME}}`, `{{ID}}`, `{{MODULE}}` and `{{COMMAND}}` are
/// filled in, in what the files hold and in how they are called.
public struct ProjectTemplate: Sendable {
    public enum Language: String, Sendable, CaseIterable { case c, cpp, swift, rust }

    static let maximumFile = 1 << 20
    static let maximumFiles = 500

    let sdk: String

    /// - Parameter sdk: a copy of the SDK.
    public init(sdk: String) throws(PluginStoreError) {
        guard FileManager.default.fileExists(atPath: "\(sdk)/include/timmybot/abi.h") else {
            throw PluginStoreError("\(sdk) is not a copy of the SDK: it has no include/timmybot/abi.h")
        }
        self.sdk = URL(fileURLWithPath: sdk).standardizedFileURL.path
    }

    /// The SDK beside an installed program, or in the repository that it was built in. Nil where there is none.
    public static func find(executable: String) -> String? {
        var folder = URL(fileURLWithPath: executable).deletingLastPathComponent()
        for _ in 0..<6 {
            for place in ["share/timmybot/sdk", "sdk"] {
                let path = folder.appendingPathComponent(place).path
                if FileManager.default.fileExists(atPath: "\(path)/include/timmybot/abi.h") { return path }
            }
            guard folder.path != "/" else { break }
            folder.deleteLastPathComponent()
        }
        return nil
    }

    /// Writes the folder.
    ///
    /// - Parameters:
    ///   - name: lower-case letters, digits and hyphens; what follows from it fits Discord, an id, and every language.
    ///   - directory: must not exist yet, or be empty.
    /// - Returns: the files, relative to the folder and sorted.
    @discardableResult
    public func write(_ language: Language, name: String, to directory: String) throws(PluginStoreError) -> [String] {
        let values = try Self.values(name, sdk: sdk)
        let root = "\(sdk)/templates/\(language.rawValue)"
        let files = FileManager.default
        guard let listed = try? files.subpathsOfDirectory(atPath: root), !listed.isEmpty else {
            throw PluginStoreError("\(sdk) has no template for \(language.rawValue)")
        }
        guard listed.count <= Self.maximumFiles else { throw PluginStoreError("\(root) is too large") }
        let there = (try? files.contentsOfDirectory(atPath: directory)) ?? []
        guard there.isEmpty else { throw PluginStoreError("\(directory) is not empty") }
        var made: [String] = []
        do {
            for path in listed.sorted() {
                let source = "\(root)/\(path)", target = "\(directory)/\(Self.filled(path, values))"
                let facts = try files.attributesOfItem(atPath: source)
                guard facts[.type] as? FileAttributeType == .typeRegular else { continue }
                try files.createDirectory(
                    atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                let data = try Data(contentsOf: URL(fileURLWithPath: source))
                guard data.count <= Self.maximumFile else { throw PluginStoreError("\(source) is too large") }
                let text = String(data: data, encoding: .utf8).map { Data(Self.filled($0, values).utf8) }
                try (text ?? data).write(to: URL(fileURLWithPath: target))
                if let mode = facts[.posixPermissions] as? Int {
                    try files.setAttributes([.posixPermissions: mode], ofItemAtPath: target)
                }
                made.append(Self.filled(path, values))
            }
        } catch let error as PluginStoreError {
            throw error
        } catch {
            throw PluginStoreError("\(directory) cannot be written: \(error.localizedDescription)")
        }
        return made
    }

    private static func filled(_ text: String, _ values: [(String, String)]) -> String {
        values.reduce(text) { $0.replacingOccurrences(of: "{{\($1.0)}}", with: $1.1) }
    }

    static func values(_ name: String, sdk: String) throws(PluginStoreError) -> [(String, String)] {
        let isFirst = name.utf8.first.map { (97...122).contains($0) } ?? false
        let words = name.split(separator: "-", omittingEmptySubsequences: false)
        guard isFirst, (2...32).contains(name.utf8.count), words.allSatisfy({ !$0.isEmpty }),
            name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
        else {
            throw PluginStoreError(
                "'\(name.prefix(40))' does not do: 2 to 32 lower-case letters, digits and single hyphens, a letter first"
            )
        }
        let module = words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        return [("NAME", name), ("ID", "my.\(name)"), ("MODULE", module), ("COMMAND", name), ("SDK", sdk)]
    }
}
