import Foundation

/// The repository's root, from where this file is.
public let repositoryRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .path

/// The Python with the independent peers (discord.py, davey, dave.py), where there is one.
public enum Python {
    /// TIMMYBOT_PYTHON, or the environment that `scripts/setup peers` makes.
    public static let path: String? = {
        let named = ProcessInfo.processInfo.environment["TIMMYBOT_PYTHON"].map { [$0] } ?? []
        return (named + ["\(repositoryRoot)/.venv/bin/python"]).first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()

    public static var isPresent: Bool { path != nil }

    /// What to run for a script of `Tests/Peers`.
    public static func command(_ script: String, _ arguments: [String] = []) -> [String] {
        [path ?? "/nonexistent/python", "-u", "\(repositoryRoot)/Tests/Peers/\(script)"] + arguments
    }
}
