import Bot
import Foundation
import TestSupport
import Testing

/// A plugin folder for one rig: the plugins that ship, and fixtures in C.
final class PluginFolder: Sendable {
    let path = NSTemporaryDirectory() + "timmybot-so-\(UUID().uuidString)"

    init(_ fixtures: String...) async throws {
        let files = FileManager.default
        try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        let built = (Installation.runningExecutable as NSString).deletingLastPathComponent
        for name in ["libLibrary.so", "libPlayback.so", "libQueue.so"] {
            try files.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: "\(built)/\(name)")
        }
        for name in fixtures { try await compile(name) }
    }

    /// Adds a fixture.
    func compile(_ name: String, _ options: [String] = []) async throws {
        try await compileFixture(name, options, to: "\(path)/\(name).so")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Makes a fixture with a C compiler that sees nothing but the SDK's headers.
func compileFixture(_ name: String, _ options: [String] = [], to path: String) async throws {
    let (status, output) = try await ChildProcess.run(
        [
            "cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-O1", "-I",
            "\(repositoryRoot)/sdk/include",
        ] + options + [
            "\(repositoryRoot)/Tests/Fixtures/plugins/\(name).c", "-o", path, "-Wl,-z,nodelete",
        ])
    try #require(status == 0, "\(output)")
}

/// A pipe whose reader waits until it is let go.
final class Hold: Sendable {
    let reader: Int32
    private let writer: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reader, writer) = (ends[0], ends[1])
    }

    func letGo() { close(writer) }
    deinit { close(reader) }
}
