import Glibc
import TimmyKit

@_cdecl("timmybot_plugin_v1")
public func entry() -> PluginTable { pluginTable(LibraryPlugin.self) }

/// Files of one folder as a music source.
enum LibraryPlugin: Plugin {
    static let id = "timmy.library"
    static let version = "1.0.0"

    static func makeSource(_ host: Host, configuration: String) throws -> (any Source)? {
        guard let path = Settings.directory(in: configuration) else {
            throw Failure(code: TB_INVALID, userText: "", detail: "library: no directory is configured")
        }
        let folder = Folder(path: path)
        if folder == nil {
            host.log(.warning, "library: \(path) cannot be opened; it is looked for again at the next search")
        }
        return LibrarySource(
            host: host, index: LibraryIndex(host: host, path: path, freshness: Settings.freshness(in: configuration)))
    }

    private static let TB_INVALID: Int32 = -1
}

/// The plugin's configuration: `{"directory":"...","rescan_seconds":5}`.
enum Settings {
    /// Seconds between two looks at the folder; 5 where nothing, or no number, is given.
    static func freshness(in json: String) -> Int64 {
        guard let key = json.firstRange(of: "\"rescan_seconds\"") else { return 5 }
        let digits = json[key.upperBound...].drop { $0 == " " || $0 == ":" }.prefix { $0.isASCII && $0.isNumber }
        return Int64(digits.prefix(9)) ?? 5
    }

    static func directory(in json: String) -> String? {
        guard let key = json.firstRange(of: "\"directory\"") else { return nil }
        var rest = json[key.upperBound...].drop { $0 == " " || $0 == ":" }
        guard rest.first == "\"" else { return nil }
        rest = rest.dropFirst()
        var path = ""
        while let next = rest.first, next != "\"" {
            rest = rest.dropFirst()
            if next == "\\", let escaped = rest.first {
                path.append(escaped)
                rest = rest.dropFirst()
            } else {
                path.append(next)
            }
        }
        return path.isEmpty || path.utf8.contains(0) ? nil : path
    }
}

struct LibrarySource: Source {
    static let prefix = "library:"
    let host: Host
    let index: LibraryIndex

    func match(_ input: String) -> Int { input.hasPrefix(Self.prefix) ? 100 : 1 }

    func resolve(_ input: String, limit: Int) async throws -> [Track] {
        await index.refresh()
        if input.hasPrefix(Self.prefix) {
            guard let entry = await index.entry(String(input.dropFirst(Self.prefix.count))) else {
                throw Failure(code: -2, userText: "There is no such file in the library.")
            }
            return [entry.track]
        }
        return await index.search(input, limit: limit)
    }

    func open(_ key: String, startMilliseconds: UInt64) async throws -> Media {
        guard let descriptor = await index.open(key) else {
            throw Failure(
                code: -4, userText: "This file is no longer in the library.", detail: "library: cannot open \(key)")
        }
        return .file(descriptor: descriptor)
    }

    func artwork(_ key: String) async throws -> (type: String, bytes: [UInt8])? {
        guard let descriptor = await index.open(key) else { return nil }
        let probed = try await host.probe(descriptor: descriptor)
        return probed.artwork.isEmpty ? nil : (probed.artworkType, probed.artwork)
    }
}
