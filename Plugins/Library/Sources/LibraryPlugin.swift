import TimmyKit

@c(timmybot_plugin_v1)
public func entry() -> PluginTable { pluginTable(LibraryPlugin.self) }

/// Files of one folder as a music source. Configuration: `{"directory":"...","rescan_seconds":5}`.
struct LibraryPlugin: Plugin, Source {
    static let id = "timmy.library"
    static let version = "1.0.0"
    static let requirements: Set<HostExtension> = [.probe]
    static let prefix = "library:"

    let host: Host
    let index: LibraryIndex

    init(host: Host) throws {
        guard let path = host.configuration["directory"]?.string, !path.isEmpty, !path.utf8.contains(0) else {
            throw Failure(code: .invalid, detail: "library: no directory is configured")
        }
        if Folder(path: path) == nil {
            host.log(.warning, "library: \(path) cannot be opened; it is looked for again at the next search")
        }
        self.host = host
        let index = LibraryIndex(
            host: host, path: path, freshness: max(0, host.configuration["rescan_seconds"]?.integer ?? 5))
        self.index = index
        host.background { await index.look() }
    }

    func stop() { index.stop() }

    func match(_ input: String) -> Int { input.hasPrefix(Self.prefix) ? 100 : 1 }

    func resolve(_ input: String, limit: Int) async throws -> [Track] {
        await index.refresh()
        if input.hasPrefix(Self.prefix) {
            guard let entry = index.entry(String(input.dropFirst(Self.prefix.count))) else {
                throw Failure(code: .notFound, userText: "There is no such file in the library.")
            }
            return [entry.track]
        }
        return try await index.search(input, limit: limit)
    }

    func open(_ key: String, startMilliseconds: UInt64) async throws -> Media {
        guard let descriptor = await index.open(key) else {
            throw Failure(
                code: .unavailable, userText: "This file is no longer in the library.",
                detail: "library: cannot open \(key)")
        }
        return .file(descriptor: descriptor)
    }

    func artwork(_ key: String) async throws -> (type: String, bytes: [UInt8])? {
        guard let descriptor = await index.open(key) else { return nil }
        let probed = try await host.probe(descriptor: descriptor)
        return probed.artwork.isEmpty ? nil : (probed.artworkType, probed.artwork)
    }
}
