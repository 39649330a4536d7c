import DiscordModel
import Foundation
import Synchronization

/// An independent program in Python that prints a JSON object a line.
final class Peer: Sendable {
    static let python: String? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let named = ProcessInfo.processInfo.environment["TIMMYBOT_PYTHON"]
        let candidates: [String] = (named.map { [$0] } ?? []) + [root.appendingPathComponent(".venv/bin/python").path]
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    static var isPresent: Bool { python != nil }

    private let process = Process()
    private let lines = Mutex<[JSONValue]>([])

    init(_ script: String, environment: [String: String]) throws {
        let peers = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Peers")
        process.executableURL = URL(fileURLWithPath: Self.python ?? "/nonexistent")
        process.arguments = ["-u", peers.appendingPathComponent(script).path]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let handle = pipe.fileHandleForReading
        Thread.detachNewThread { [weak self] in
            var rest = Data()
            while true {
                let data = handle.availableData
                if data.isEmpty { return }
                rest += data
                while let end = rest.firstIndex(of: 10) {
                    let line = rest[rest.startIndex..<end]
                    if let value = try? JSONDecoder().decode(JSONValue.self, from: line) {
                        self?.lines.withLock { $0.append(value) }
                    }
                    rest = Data(rest[rest.index(after: end)...])
                }
            }
        }
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Threads of the concurrency pool block SIGTERM, and a child inherits that.
    func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func all(_ event: String) -> [JSONValue] { lines.withLock { $0.filter { $0["event"]?.string == event } } }
    func last(_ event: String) -> JSONValue? { all(event).last }
}
