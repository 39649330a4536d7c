import DiscordModel
import Foundation
import Synchronization
import TestSupport

/// An independent program in Python that prints a JSON object a line.
final class Peer: Sendable {
    private let process: ChildProcess
    private let lines: Lines

    private final class Lines: Sendable {
        let all = Mutex<[JSONValue]>([])
    }

    init(_ script: String, environment: [String: String]) throws {
        let process = try ChildProcess(Python.command(script), environment: environment)
        let lines = Lines()
        (self.process, self.lines) = (process, lines)
        Thread.detachNewThread {
            while let line = process.readLine() {
                guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(line)) else { continue }
                lines.all.withLock { $0.append(value) }
            }
        }
    }

    deinit { process.stop() }

    func stop() { process.stop() }

    /// Everything that it has said.
    var all: [JSONValue] { lines.all.withLock { $0 } }
    func all(_ event: String) -> [JSONValue] { lines.all.withLock { $0.filter { $0["event"]?.string == event } } }
    func last(_ event: String) -> JSONValue? { all(event).last }
}
