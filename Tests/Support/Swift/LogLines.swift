import Logging
import Synchronization

/// Keeps the messages that are logged.
public final class LogLines: LogHandler, Sendable {
    private let lines = Mutex<[String]>([])
    private let level: Logger.Level

    /// - Parameter level: what is below it is not kept.
    public init(_ level: Logger.Level = .info) { self.level = level }

    public var all: [String] { lines.withLock { $0 } }
    public var text: String { all.joined(separator: "\n") }
    public var logger: Logger { Logger(label: "test") { [self] _ in self } }
    public func contains(_ text: String) -> Bool { all.contains { $0.contains(text) } }

    public func log(event: LogEvent) { lines.withLock { $0.append(event.message.description) } }

    // Nobody changes the level or the metadata of what others hold as well.
    public var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    public var logLevel: Logger.Level {
        get { level }
        set {}
    }
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
}
