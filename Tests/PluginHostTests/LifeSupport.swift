import Foundation
import Glibc
import Testing

@testable import PluginHost

/// `life.c` as a file in a folder, with what disturbs it.
struct LifePlugin {
    let scratch: Scratch
    let id: String
    let path: String
    private let suffix: String

    /// - Parameter suffix: of its commands' names, where two of them share a host.
    init(_ scratch: Scratch, suffix: String = "") {
        self.scratch = scratch
        self.suffix = suffix
        // A build of its own for each test: a process keeps what it has loaded.
        id = "test.l\(UInt32.random(in: 0 ... .max))"
        path = "\(scratch.path)/\(id).so"
    }

    var gate: String { "\(scratch.path)/gate-\(id)" }
    var eventFile: String { "\(scratch.path)/events-\(id)" }

    /// What its instances went through: `create 1.0.0`.
    var events: [String] { lines.filter { !$0.hasPrefix("hangs ") } }

    /// Whether the call that hangs has been made.
    var hasHung: Bool { lines.contains { $0.hasPrefix("hangs ") } }

    private var lines: [String] {
        let text = (try? String(contentsOfFile: eventFile, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    func build(_ version: String = "1.0.0", _ options: [String] = [], to other: String? = nil) throws {
        let strings = ["PLUGIN_ID": id, "VERSION": version, "SUFFIX": suffix, "GATE": gate, "EVENTS": eventFile]
        let defines = strings.map { "-D\($0)=\"\($1)\"" }
        // Written beside and moved, as an operator's tools do: the file that is there stays whole.
        try compile("life.c", defines + options, to: "\(other ?? path).new")
        try #require(rename("\(other ?? path).new", other ?? path) == 0)
    }

    /// A version of which `call` hangs until `letGo`.
    func build(hangingIn call: String, version: String = "1.0.0") throws {
        if access(gate, F_OK) != 0 { try #require(mkfifo(gate, 0o600) == 0) }
        try build(version, ["-DHANG=\"\(call)\""])
    }

    /// Lets all hanging calls go on.
    func letGo() {
        let descriptor = open(gate, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        if descriptor >= 0 { close(descriptor) }
    }

    func command(_ name: String) -> String { name + suffix }
}

extension PluginHost {
    func status(of plugin: LifePlugin) throws -> PluginCondition {
        try #require(conditions.first { $0.id == plugin.id })
    }

    func text(_ plugin: LifePlugin, _ command: String, _ arguments: [String: PluginValue] = [:]) async throws -> String
    {
        try await text(plugin.command(command), arguments)
    }
}
