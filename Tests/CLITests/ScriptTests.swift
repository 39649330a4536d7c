import Foundation
import TestSupport
import Testing

/// The scripts that newcomers meet, on machines other than this one.
@Suite("Scripts")
struct ScriptTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func make(_ name: String, _ script: String) throws {
        try FileManager.default.createDirectory(
            atPath: ("\(scratch.path)/\(name)" as NSString).deletingLastPathComponent, withIntermediateDirectories: true
        )
        try scratch.write("#!/bin/sh\n\(script)\n", to: name, permissions: 0o755)
    }

    /// A release tree with one plugin in it, and a toolchain manager in the place of `swift`.
    private func bringRuntime(from runtime: String) async throws -> (status: Int32, output: String) {
        try make("manager/swiftly", #"printf '{ "paths": {\n  "runtimeLibraryPaths": [\n    "\#(runtime)"\n  ] } }\n'"#)
        try FileManager.default.createDirectory(
            atPath: "\(scratch.path)/path", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: "\(scratch.path)/path/swift", withDestinationPath: "\(scratch.path)/manager/swiftly")
        for folder in ["bin", "libexec", "lib/timmybot"] {
            try FileManager.default.createDirectory(
                atPath: "\(scratch.path)/tree/\(folder)", withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(
            atPath: "\((Program.path as NSString).deletingLastPathComponent)/libQueue.so",
            toPath: "\(scratch.path)/tree/lib/timmybot/Queue.so")
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return try await ChildProcess.run([
            "env", "PATH=\(scratch.path)/path:\(path)", "\(repositoryRoot)/scripts/swift-runtime",
            "\(scratch.path)/tree",
        ])
    }

    /// Of the toolchain that is really here.
    private static func runtime() async throws -> String {
        let information = try await ChildProcess.run(["swift", "-print-target-info"])
        return String(try #require(information.output.firstMatch(of: /"(\/[^"]*\/swift\/linux)"/)?.1))
    }

    @Test func theRuntimeIsFoundBehindAToolchainManager() async throws {
        let (status, output) = try await bringRuntime(from: try await Self.runtime())
        #expect(status == 0, "\(output)")
        let brought = try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/tree/lib/swift")
        #expect(brought.contains("libswiftCore.so"), "\(brought)")
    }

    @Test func withoutARuntimeThereIsNoTree() async throws {
        let (status, output) = try await bringRuntime(from: scratch.path)
        #expect(status == 69 && output.contains("there is no Swift runtime in '\(scratch.path)'"), "\(output)")
    }

    @Test func whatIsFoundNowhereIsNamed() async throws {
        try FileManager.default.createDirectory(
            atPath: "\(scratch.path)/tree/lib/timmybot", withIntermediateDirectories: true)
        try scratch.write("int f(void) { return 0; }", to: "f.c")
        let here = "cd \(scratch.path) && cc -shared -o libgone.so f.c"
        let (made, errors) = try await ChildProcess.run([
            "sh", "-c",
            "\(here) && cc -shared -Wl,--no-as-needed -o tree/lib/timmybot/x.so f.c -L. -lgone && rm libgone.so",
        ])
        #expect(made == 0, "\(errors)")
        let (status, output) = try await bringRuntime(from: try await Self.runtime())
        #expect(status == 69 && output.contains("found nowhere: libgone.so"), "\(output)")
    }

    @Test func setupSaysWhatRootHasToInstall() async throws {
        try make("path/swift", "exit 0")
        try make("path/dpkg-query", "exit 1")
        try make("path/id", "echo 1000")
        for tool in ["bash", "dirname", "grep"] {
            let place = try #require(
                ["/usr/bin", "/bin"].map { "\($0)/\(tool)" }.first(where: FileManager.default.isExecutableFile))
            try FileManager.default.createSymbolicLink(
                atPath: "\(scratch.path)/path/\(tool)", withDestinationPath: place)
        }
        let (status, output) = try await ChildProcess.run([
            "/usr/bin/env", "-i", "PATH=\(scratch.path)/path", "bash", "\(repositoryRoot)/scripts/setup", "build",
        ])
        #expect(status == 77, "\(output)")
        #expect(output.contains("as root: apt-get install --no-install-recommends pkg-config libssl-dev"), "\(output)")
        #expect(!output.contains("command not found"), "\(output)")
    }
}
